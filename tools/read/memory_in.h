/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files that read memory: memory.c fills struct fp_memory from
 * captures, memory_events.c decodes what memory.c noted about the stream.
 */
#ifndef FP_TOOLS_READ_MEMORY_IN_H
#define FP_TOOLS_READ_MEMORY_IN_H

#include "tools/read/builder.h"
#include "tools/read/capture.h"

/* What the stream calls by a cell's id. */
struct fp_memory_stream_cell {
	uint32_t cell;            /* index into memory->cells, UINT32_MAX: not wanted */
	uint32_t thread;          /* of the profile, UINT32_MAX: not wanted */
	uint16_t size_class;
	uint8_t allocator;        /* NONE: there is no such cell, except id 1 */
};

/* Where a process's stream lies; the table and the file as they were when the
 * profile was made.  In the profile's arena. */
struct fp_memory_stream {
	uint64_t device, inode;
	uint64_t offset_bytes, n_bytes;
	const struct fp_memory_stream_cell *cells;
	uint32_t n_cells;
	const uint32_t *threads;  /* capture's thread -> profile's */
	uint32_t n_threads;
};

/* A capture on its way into the profile's memory. */
struct fp_memory_intake {
	struct fp_builder *b;
	const struct fp_capture *c;
	const char *path;
	uint32_t process, header; /* of the profile */
	const uint32_t *thread_of; /* capture's thread -> profile's, UINT32_MAX: not wanted */
	const uint32_t *node_of;   /* capture's node -> profile's; filled for wanted cells and copies */
};

/* Appends the process to profile->memory, which the first one makes.  Does
 * nothing when the process recorded no memory.  0 or -ENOMEM. */
int fp_memory_take(const struct fp_memory_intake *in);
void fp_memory_destroy(struct fp_memory *m);

#endif
