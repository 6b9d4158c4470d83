/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes captures with known content, for tests: the structs of format.h,
 * filled by hand and put into a file.  Aborts on any failure.
 */
#ifndef FP_TESTS_CAPTURE_WRITER_H
#define FP_TESTS_CAPTURE_WRITER_H

#include "agent/capture/format.h"

#include <stdbool.h>
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
	struct { uint64_t last_address; uint32_t last_cell; } stream;
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
/* Memory.  Begins it: header.mem is the test's to complete, cells 0 and 1 are made. */
void writer_memory(struct capture_writer *w, enum fp_mem_mode mode, bool stream);
/* Blocks of n_bytes by this thread and stack; returns the cell's id. */
uint32_t writer_mem_cell(struct capture_writer *w, uint32_t thread, uint32_t stack,
			 enum fp_allocator allocator, uint64_t n_bytes);
/* To be filled; until the next cell is made. */
struct fp_mem_cell *writer_mem_cell_at(struct capture_writer *w, uint32_t id);
/* Books into the cell's live sums and the header's heap; n < 0 ends blocks. */
void writer_mem_book(struct capture_writer *w, uint32_t id, int64_t n, uint64_t n_bytes_each);
/* The heap falls from a new peak: cells that change from now on keep their sums. */
void writer_mem_edge(struct capture_writer *w);
void writer_mem_point(struct capture_writer *w, uint64_t when_ms, uint64_t rss_bytes,
		      uint64_t heap_bytes);
void writer_copy(struct capture_writer *w, uint32_t thread, uint32_t stack, uint64_t python_bytes,
		 uint64_t native_bytes, uint32_t n_samples);

/* Records of MEM_STREAM; nothing is booked. */
void writer_stream_alloc(struct capture_writer *w, uint32_t id, uint64_t address, uint64_t n_bytes);
void writer_stream_free(struct capture_writer *w, uint64_t address);
void writer_stream_unmap(struct capture_writer *w, uint64_t address, uint64_t n_bytes);
void writer_stream_time(struct capture_writer *w, uint64_t when_ms, uint64_t rss_bytes);
void writer_stream_thread(struct capture_writer *w, uint32_t thread);

/* Both: an allocation, a free that is booked and in the stream. */
void writer_alloc(struct capture_writer *w, uint32_t id, uint64_t address, uint64_t n_bytes);
void writer_free(struct capture_writer *w, uint32_t id, uint64_t address, uint64_t n_bytes);

/* Writes and frees. */
void writer_finish(struct capture_writer *w, const char *path);

#endif
