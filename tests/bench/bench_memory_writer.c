/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a capture with very many stacks that hold memory, for the page of
 * memory: bench_memory_writer FILE [STACKS [stream]].  Prints what it booked, as
 * JSON, so that a reader of a report can compare.
 */
#include "tests/golden/capture_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS 3000u
#define CALLS 8u   /* functions that one calls */
#define LINES 3u   /* from which it does */
#define MOST_DEPTH 45u
#define EVENTS_A_TICK 600u

struct node {
	uint32_t id, function, n_children, depth;
};

static uint64_t state = 88172645463325252ull;

static uint32_t below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 20) % n);
}

static void write_codes(struct capture_writer *w)
{
	static const char *const folders[] = {
		"/home/u/project/", "/usr/lib/python3.12/", "/usr/lib/python3.12/site-packages/numpy/",
		"/usr/lib/python3.12/site-packages/pandas/core/",
	};
	char name[64], file[128];

	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "%s_%u", i % 7 ? "compute" : "Reader.parse", i);
		snprintf(file, sizeof(file), "%smodule_%u.py", folders[i % 4], i / 12);
		writer_code(w, name, name, file, 1 + i % 12 * 100);
	}
}

/* A node below a random one that has room: no two children are equal. */
static struct node grow(struct capture_writer *w, struct node *nodes, uint32_t n)
{
	struct node *parent;
	uint32_t combination, function;

	do
		parent = &nodes[below(4) ? below(n) : n - 1 - below(n < 64 ? n : 64)];
	while (parent->n_children == CALLS * LINES || parent->depth == MOST_DEPTH);
	combination = (parent->n_children++ * 7 + parent->function) % (CALLS * LINES);
	function = (parent->function * 31 + combination % CALLS * 977 + 13) % FUNCTIONS;
	return (struct node){.id = writer_python(w, parent->id, function + 1, combination / CALLS * 20),
			     .function = function, .depth = parent->depth + 1};
}

/* Mostly small, some large. */
static uint64_t some_size(void)
{
	return (uint64_t)(16 + below(240)) << (below(16) ? below(3) : below(9));
}

static void print_sums(const struct capture_writer *w, uint32_t first, uint32_t n)
{
	uint64_t sums[4] = {0};

	for (uint32_t i = 0; i < n; i++) {
		const struct fp_mem_cell *c = writer_mem_cell_at((struct capture_writer *)(uintptr_t)w, first + i);

		sums[0] += c->n_allocs;
		sums[1] += c->alloc_bytes;
		sums[2] += c->n_allocs - c->n_frees;
		sums[3] += c->alloc_bytes - c->freed_bytes;
	}
	printf("{\"stacks\": %u, \"n\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"live_n\": %" PRIu64
	       ", \"live_bytes\": %" PRIu64 ", \"peak_bytes\": %" PRIu64 "}\n",
	       n, sums[0], sums[1], sums[2], sums[3], w->header.mem.peak_bytes);
}

static void tick(struct capture_writer *w, uint32_t i, bool stream)
{
	if (i % EVENTS_A_TICK)
		return;
	if (stream)
		writer_stream_time(w, i / EVENTS_A_TICK * 10, 100000000 + w->header.mem.heap_bytes);
	writer_mem_point(w, i / EVENTS_A_TICK * 10, 100000000 + w->header.mem.heap_bytes, w->header.mem.heap_bytes);
}

static void end_block(struct capture_writer *w, uint32_t id, uint32_t i, uint64_t *size, bool stream)
{
	writer_mem_book(w, id, -1, *size);
	if (stream)
		writer_stream_free(w, 0x10000000 + (uint64_t)i * 0x10000);
	*size = 0;
}

/* Each stack allocates once in the stream, and more besides; of the blocks in
 * the stream a third ends before the peak, another after it. */
static void write_blocks(struct capture_writer *w, const struct node *nodes, uint32_t n, bool stream)
{
	uint64_t *sizes = malloc((n + 1) * sizeof(*sizes));
	uint32_t first = 0, id;

	if (!sizes)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		sizes[i] = some_size();
		id = writer_mem_cell(w, i % 5 ? 0 : 1, nodes[i + 1].id,
				     i % 3 ? FP_ALLOCATOR_PYTHON_MALLOC : FP_ALLOCATOR_MALLOC, sizes[i]);
		first = first ? first : id;
		tick(w, i, stream);
		writer_mem_book(w, id, 1 + below(3) * below(20), sizes[i]);
		if (stream)
			writer_stream_alloc(w, id, 0x10000000 + (uint64_t)i * 0x10000, sizes[i]);
		if (i && i % 3 == 0)
			end_block(w, first + i / 2, i / 2, &sizes[i / 2], stream);
	}
	writer_mem_edge(w);
	w->header.mem.peak_when_ns = (int64_t)(n / EVENTS_A_TICK) * 10000000;
	for (uint32_t i = 0; i < n; i++) {
		tick(w, n + i, stream);
		if (sizes[i] && i % 2)
			end_block(w, first + i, i, &sizes[i], stream);
	}
	print_sums(w, first, n);
	free(sizes);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
	bool stream = argc > 3 && strcmp(argv[3], "stream") == 0;
	struct node *nodes = calloc((size_t)n + 1, sizeof(*nodes));
	struct capture_writer w;

	if (argc < 2 || !n || !nodes) {
		fprintf(stderr, "usage: bench_memory_writer FILE [STACKS [stream]]\n");
		return 2;
	}
	writer_start(&w, 4242, "/usr/bin/python3.12", "python3.12 large.py");
	w.header.is_first = 1;
	writer_thread(&w, 4242, "python3.12", FP_THREAD_PYTHON | FP_THREAD_MAIN);
	writer_thread(&w, 4243, "worker", FP_THREAD_PYTHON);
	write_codes(&w);
	writer_memory(&w, FP_MEM_EXACT, stream);
	nodes[0] = (struct node){0};
	for (uint32_t i = 0; i < n; i++)
		nodes[i + 1] = grow(&w, nodes, i + 1);
	write_blocks(&w, nodes, n, stream);
	w.header.mem.vm_hwm_bytes = 100000000 + w.header.mem.peak_bytes;
	w.header.end_monotonic_ns = w.header.start_monotonic_ns + (int64_t)(2 * n / EVENTS_A_TICK + 1) * 10000000;
	writer_finish(&w, argv[1]);
	free(nodes);
	return 0;
}
