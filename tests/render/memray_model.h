/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's allocations as a test plays them: kept in plain tables, so that
 * peak and survivors are known without the reader, and put into a capture.
 * Aborts on any failure.
 */
#ifndef FP_TESTS_MEMRAY_MODEL_H
#define FP_TESTS_MEMRAY_MODEL_H

#include "tests/golden/capture_writer.h"

#include <stdbool.h>

#define MODEL_STACKS 64u
#define MODEL_CELLS 8192u
#define MODEL_BLOCKS 512u
#define MODEL_NODES 512u
#define MODEL_POINTS 1024u

struct model_node {
	uint32_t parent;
	char text[400];        /* JSON: [name, file, line]; native: [name] */
};

struct model_key {
	uint32_t stack, thread;
	uint8_t allocator;
	uint16_t size_class;
};

struct model_cell {
	struct model_key key;
	uint32_t id;           /* in the capture */
	uint64_t n_allocs, n_splits, alloc_bytes, n_live, live_bytes, n_peak, peak_bytes;
};

/* A block, or a mapping that was not cut yet. */
struct model_block {
	uint64_t address, size;
	uint32_t cell;
	bool is_map;
};

struct model {
	struct capture_writer *w;
	struct model_node nodes[MODEL_NODES];
	uint32_t stacks[MODEL_STACKS];
	size_t n_stacks;
	struct { uint64_t tid; const char *name; } threads[8];
	uint32_t n_threads;
	struct model_cell cells[MODEL_CELLS];
	uint32_t n_cells;
	struct model_block blocks[MODEL_BLOCKS];
	uint32_t n_blocks;
	uint64_t heap_bytes, peak_bytes, n_events, by_allocator[FP_ALLOCATOR_MAX];
	struct { uint64_t when_ms, rss_bytes, heap_bytes; } points[MODEL_POINTS];
	uint32_t n_points;
	uint64_t random;
	uint32_t thread;       /* of the stream's last event */
	uint64_t next_address;
};

/* Begins the capture's memory, exact and with a stream. */
void model_start(struct model *m, struct capture_writer *w);
void model_thread(struct model *m, uint32_t index, uint64_t tid, const char *name);
/* Nodes, as capture_writer's. */
uint32_t model_python(struct model *m, uint32_t parent, uint32_t code, uint32_t k);
uint32_t model_native(struct model *m, uint32_t parent, uint64_t pc, uint32_t generation,
		      const char *name);
uint32_t model_mark(struct model *m, enum fp_mark mark);
/* Where allocations may happen. */
void model_stack(struct model *m, uint32_t node);
/* n events at stacks [first, end). */
void model_run(struct model *m, uint32_t first, uint32_t end, unsigned n, unsigned seed);
/* All of it as JSON. */
void model_describe(const struct model *m, const char *path);

#endif
