/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes captures with known content, for tests: the structs of format.h,
 * filled by hand and put into a file.  Aborts on any failure.
 */
#ifndef FP_TESTS_CAPTURE_WRITER_H
#define FP_TESTS_CAPTURE_WRITER_H

#include "agent/capture/format.h"

#include <stddef.h>

struct region_bytes {
	char *bytes;
	size_t n, room;
};

struct capture_writer {
	struct fp_capture_header header;
	struct region_bytes regions[FP_REGION_MAX];
	struct { uint64_t chunk_plus_one; uint32_t sequence; } *open_chunks; /* per thread */
	uint32_t n_threads;
};

/* Python process `cmdline` (spaces separate arguments). */
void writer_start(struct capture_writer *w, int pid, const char *exe, const char *cmdline);
uint32_t writer_thread(struct capture_writer *w, int tid, const char *name, unsigned flags);
/* A function of 100 lines; instruction offset 2 x k is line first_line + k. */
uint32_t writer_code(struct capture_writer *w, const char *name, const char *qualname,
		     const char *file, uint32_t first_line);
uint32_t writer_module(struct capture_writer *w, const char *path, uint64_t start, uint64_t end);
uint32_t writer_node(struct capture_writer *w, uint32_t parent, uint64_t key);
/* Under parent, function code at its k-th line. */
uint32_t writer_python(struct capture_writer *w, uint32_t parent, uint32_t code, uint32_t k);
void writer_cell(struct capture_writer *w, uint32_t thread, uint32_t stack, uint64_t samples,
		 uint64_t ns, uint64_t gil_ns, enum fp_cpu_kind kind);
void writer_sample(struct capture_writer *w, uint32_t thread, uint32_t stack, uint64_t when_us,
		   uint32_t weight_us, unsigned flags);
/* Writes and frees. */
void writer_finish(struct capture_writer *w, const char *path);

#endif
