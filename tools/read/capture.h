/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture, copied out of its file.  The file may be hostile, cut, still
 * written, or shrink meanwhile: everything is read with pread into memory of
 * our own, and every index is checked before it is used.
 */
#ifndef FP_TOOLS_READ_CAPTURE_H
#define FP_TOOLS_READ_CAPTURE_H

#include "agent/capture/format.h"

#include <stdbool.h>
#include <stddef.h>

struct fp_capture {
	int fd;                       /* closed by fp_capture_close */
	struct fp_capture_header header; /* strings NUL-ended, regions clamped to the file */
	struct fp_thread_record *threads;
	uint32_t n_threads;
	struct fp_module_record *modules;
	uint32_t n_modules;
	struct fp_code_record *codes;
	uint32_t n_codes;
	struct fp_node *nodes;        /* parents come before children: parent < id */
	uint32_t n_nodes;
	struct fp_cpu_slot *cells;    /* stack and thread are in range */
	uint32_t n_cells;
	struct fp_mem_cell *mem_cells; /* index is id; what makes no sense is all zero */
	uint32_t n_mem_cells;
	struct fp_mem_point *mem_points; /* in order of time */
	uint32_t n_mem_points;
	struct fp_copy_slot *copies;
	uint32_t n_copies;
	uint64_t stream_offset_bytes, stream_bytes; /* MEM_STREAM names mem_cells only */
	char *text;
	uint64_t text_bytes;
	uint64_t log_offset_bytes;
	uint32_t n_chunks;
	uint32_t n_damaged;           /* records left out because they made no sense */
	bool cut;                     /* shorter than its header says, or never ended */
	bool running;                 /* the process that writes it is alive */
};

/* Opens and copies, the tables of memory only when wanted.  0, or -errno with
 * one line in error; *c is then empty.  -EPROTONOSUPPORT: another version,
 * -EBADMSG: no capture. */
int fp_capture_open(const char *path, bool want_memory, struct fp_capture *c, char *error,
		    size_t error_bytes);
/* Only the header, checked in the same way. */
int fp_capture_header_read(const char *path, struct fp_capture_header *ret_header, char *error,
			   size_t error_bytes);
void fp_capture_close(struct fp_capture *c);

/* Frees cells, nodes and the tables of memory, which fp_capture_samples does not need. */
void fp_capture_drop_tables(struct fp_capture *c);

/* Bytes of a text; NULL and 0 when the offset is 0 or out of range. */
const char *fp_capture_text(const struct fp_capture *c, uint32_t offset, uint32_t *ret_bytes);

/* Calls take() for every sample, thread by thread and in order.  Stops at the
 * first non-zero answer and returns it.  -ENOMEM, or 0. */
int fp_capture_samples(const struct fp_capture *c,
		       int (*take)(void *ctx, uint32_t thread, const struct fp_sample *s),
		       void *ctx);

#endif
