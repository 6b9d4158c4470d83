/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a Memray capture, format 13 as Memray 1.20 reads it: a
 * header, then records without an index, in one LZ4 frame.  The functions
 * write one record each and keep what the encoding remembers from record to
 * record.  An error stays: fp_memray_out_end() gives it.
 */
#ifndef FP_TOOLS_RENDER_MEMRAY_OUT_H
#define FP_TOOLS_RENDER_MEMRAY_OUT_H

#include "tools/read/profile.h"

#include <stdio.h>

enum fp_memray_format {
	FP_MEMRAY_ALL,        /* every event, in order */
	FP_MEMRAY_AGGREGATED, /* sums of the peak and of the survivors */
};

/* Numbers of Memray's that enum fp_allocator does not have. */
#define FP_MEMRAY_PYTHON_FREE 1u
#define FP_MEMRAY_FREE 5u
#define FP_MEMRAY_MUNMAP 15u

struct fp_memray_paths {
	const char *libdest;              /* "" unknown */
	const char *const *site_packages; /* NULL-ended, absolute */
	const char *const *sys_path;
};

struct fp_memray_header {
	enum fp_memray_format format;
	bool native;
	uint32_t python_version_hex;
	uint64_t n_records;    /* of allocations and frees, or of sums */
	uint64_t n_frames;
	int64_t start_ms, end_ms; /* since the epoch */
	const char *command_line;
	int32_t pid;
	uint64_t main_tid;
	uint8_t python_allocator;
	struct fp_memray_paths paths;
};

struct fp_memray_sum {
	uint64_t tid;
	uint8_t allocator;
	uint64_t native, trace, map; /* ordinals from 1, 0 none */
	uint64_t n_peak, n_leaked, peak_bytes, leaked_bytes;
};

struct fp_memray_out;

/* NULL: out of memory. */
struct fp_memray_out *fp_memray_out_begin(FILE *file);
/* Writes the end mark, frees; 0, or what went wrong since the beginning. */
int fp_memray_out_end(struct fp_memray_out *m);

/* First, once. */
void fp_memray_put_header(struct fp_memray_out *m, const struct fp_memray_header *h);

/* Both formats. */
void fp_memray_put_thread(struct fp_memray_out *m, uint64_t tid); /* of what follows */
void fp_memray_put_thread_name(struct fp_memray_out *m, const char *name);
/* Code object id: f's function, whose only line is f's. */
void fp_memray_put_code(struct fp_memray_out *m, uint64_t id, const struct fp_frame *f);
/* Native stacks: the n-th has ordinal n, from 1; parent 0 is the root. */
void fp_memray_put_native(struct fp_memray_out *m, uint64_t ip, uint64_t parent);
/* The objects that are loaded from here on: a start, then each of them. */
void fp_memray_put_map_start(struct fp_memray_out *m);
void fp_memray_put_module(struct fp_memray_out *m, const char *path,
			  const struct fp_module_record *r);

/* FP_MEMRAY_ALL. */
void fp_memray_put_pop(struct fp_memray_out *m, uint32_t n);
void fp_memray_put_push(struct fp_memray_out *m, uint64_t code_id, bool is_entry);
void fp_memray_put_alloc(struct fp_memray_out *m, uint8_t allocator, uint64_t address,
			 uint64_t size, uint64_t native);
void fp_memray_put_free(struct fp_memray_out *m, bool of_python, uint64_t address);
void fp_memray_put_unmap(struct fp_memray_out *m, uint64_t address, uint64_t size);
void fp_memray_put_rss(struct fp_memray_out *m, uint64_t ms_since_start, uint64_t rss_bytes);

/* FP_MEMRAY_AGGREGATED. */
void fp_memray_put_point(struct fp_memray_out *m, uint64_t epoch_ms, uint64_t rss_bytes,
			 uint64_t heap_bytes);
/* Ids count from 0; each pair of code and entry once. */
void fp_memray_put_frame(struct fp_memray_out *m, uint64_t id, uint64_t code_id, bool is_entry);
/* The n-th has ordinal n, from 1; each pair of frame and parent once. */
void fp_memray_put_trace(struct fp_memray_out *m, uint64_t frame_id, uint64_t parent);
void fp_memray_put_sum(struct fp_memray_out *m, const struct fp_memray_sum *s);

#endif
