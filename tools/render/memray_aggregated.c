/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process without a stream of events: the sums of its peak and of its
 * survivors, by thread, stack and allocator, and its timeline.  Memray itself
 * says that statistics, temporary allocations and times need a full capture.
 */
#include "tools/render/memray_bin.h"

#include <errno.h>
#include <stdlib.h>

/* One sum for all allocators and sizes of a stack: Memray 1.20 adds the sums
 * of a stack up in any case, and then counts each as one allocation. */
static bool is_same(const struct fp_memory_cell *a, const struct fp_memory_cell *b)
{
	return a->thread == b->thread && a->stack == b->stack && a->node == b->node;
}

static bool is_counted(const struct fp_memory_cell *c)
{
	return fp_memory_is_heap(c->allocator) && (c->n_peak || c->n_live || c->peak_bytes || c->live_bytes);
}

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_sum(const void *a, const void *b, void *cells_of)
{
	const struct fp_memory_cell *cells = cells_of, *x, *y;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	int order;

	x = &cells[i];
	y = &cells[k];
	order = by_number(x->thread, y->thread);
	order = order ? order : by_number(x->stack, y->stack);
	order = order ? order : by_number(x->node, y->node);
	return order ? order : by_number(i, k);
}

/* The cells that count, equal ones together.  NULL: out of memory. */
static uint32_t *sort_cells(const struct fp_memray_bin *b, size_t *ret_n)
{
	const struct fp_memory_process *process = b->process;
	struct fp_memory_cell *cells = b->p->memory->cells + process->first_cell;
	uint32_t *order = calloc(process->n_cells + 1, sizeof(*order));
	size_t n = 0;

	for (size_t i = 0; order && i < process->n_cells; i++)
		if (is_counted(&cells[i]))
			order[n++] = (uint32_t)i;
	if (order)
		qsort_r(order, n, sizeof(*order), by_sum, cells);
	*ret_n = n;
	return order;
}

static void put_sum(const struct fp_memray_bin *b, const uint32_t *order, size_t n)
{
	const struct fp_memory_cell *cells = b->p->memory->cells + b->process->first_cell;
	const struct fp_memray_stack *stack = &b->stacks->of_cell[order[0]];
	uint64_t most_bytes = 0;
	struct fp_memray_sum sum = {
		.tid = b->tids[cells[order[0]].thread],
		.allocator = fp_memray_allocator(cells[order[0]].allocator),
		.native = stack->native, .trace = stack->trace,
		.map = b->stacks->has_native ? stack->map + 1 : 0,
	};

	for (size_t i = 0; i < n; i++) {
		const struct fp_memory_cell *c = &cells[order[i]];

		/* An estimate below one half is still no nothing: Memray drops
		 * sums without a count. */
		sum.n_peak += c->n_peak ? c->n_peak : c->peak_bytes > 0;
		sum.n_leaked += c->n_live ? c->n_live : c->live_bytes > 0;
		sum.peak_bytes += c->peak_bytes;
		sum.leaked_bytes += c->live_bytes;
		if (c->peak_bytes > most_bytes) {
			most_bytes = c->peak_bytes;
			sum.allocator = fp_memray_allocator(c->allocator);
		}
	}
	fp_memray_put_sum(b->out, &sum);
}

/* Calls or only counts: one sum for each run of equal cells. */
static uint64_t each_sum(const struct fp_memray_bin *b, const uint32_t *order, size_t n, bool put)
{
	const struct fp_memory_cell *cells = b->p->memory->cells + b->process->first_cell;
	uint64_t n_sums = 0;

	for (size_t i = 0, end; i < n; i = end, n_sums++) {
		for (end = i + 1; end < n && is_same(&cells[order[i]], &cells[order[end]]); end++)
			;
		if (put)
			put_sum(b, order + i, end - i);
	}
	return n_sums;
}

int fp_memray_sums_count(const struct fp_memray_bin *b, uint64_t *ret_n_records)
{
	size_t n;
	uint32_t *order = sort_cells(b, &n);

	if (!order)
		return -ENOMEM;
	*ret_n_records = each_sum(b, order, n, false);
	free(order);
	return 0;
}

static void put_points(const struct fp_memray_bin *b)
{
	const struct fp_mem_point *points = b->p->memory->points + b->process->first_point;
	uint64_t start_ms = (uint64_t)b->header->start_realtime_ns / 1000000;

	for (size_t i = 0; i < b->process->n_points; i++)
		fp_memray_put_point(b->out, start_ms + points[i].when_ns / 1000000,
				    points[i].rss_bytes, points[i].heap_bytes);
}

static void put_threads(const struct fp_memray_bin *b)
{
	for (uint32_t i = 0; i < b->p->n_threads; i++)
		if (b->p->threads[i].process == b->process->process) {
			fp_memray_put_thread(b->out, b->tids[i]);
			fp_memray_put_thread_name(b->out, b->p->threads[i].name);
		}
}

static void put_maps(const struct fp_memray_bin *b)
{
	for (uint32_t i = 0; i < b->stacks->n_maps; i++)
		fp_memray_put_map(b, i);
}

/* Memray numbers pairs of code and entry anew. */
static int put_traces(const struct fp_memray_bin *b)
{
	const struct fp_memray_stacks *s = b->stacks;
	uint32_t *ids = calloc(s->n_codes * 2 + 2, sizeof(*ids)), n = 0;

	if (!ids)
		return -ENOMEM;
	for (size_t i = 1; i < s->n_traces; i++) {
		const struct fp_memray_trace *t = &s->traces[i];
		uint32_t *id = &ids[t->code * 2 - 2 + t->is_entry];

		if (!*id) {
			*id = ++n;
			fp_memray_put_frame(b->out, n - 1, t->code, t->is_entry);
		}
		fp_memray_put_trace(b->out, *id - 1, t->parent);
	}
	free(ids);
	return 0;
}

int fp_memray_sums_put(const struct fp_memray_bin *b)
{
	const struct fp_memray_stacks *s = b->stacks;
	size_t n;
	uint32_t *order = sort_cells(b, &n);
	int err = order ? 0 : -ENOMEM;

	if (!err) {
		put_points(b);
		put_threads(b);
		put_maps(b);
		for (size_t i = 0; i < s->n_codes; i++)
			fp_memray_put_code(b->out, i + 1, s->codes[i]);
		for (size_t i = 1; i < s->n_natives; i++)
			fp_memray_put_native(b->out, s->natives[i].ip, s->natives[i].parent);
		err = put_traces(b);
	}
	if (!err)
		each_sum(b, order, n, true);
	free(order);
	return err;
}
