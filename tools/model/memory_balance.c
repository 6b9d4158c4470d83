/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_balance.h.  Model stage, pure.
 */
#include "tools/model/memory_balance.h"

#include <string.h>

#define MOST_BYTES (1ull << 52) /* more than any machine; a damaged capture may say anything */

static int64_t bounded(uint64_t n_bytes)
{
	return (int64_t)(n_bytes < MOST_BYTES ? n_bytes : MOST_BYTES);
}

static int64_t less(uint64_t from, uint64_t what)
{
	return from > what ? bounded(from - what) : 0;
}

static int64_t magnitude(int64_t n_bytes)
{
	return n_bytes < 0 ? -n_bytes : n_bytes;
}

bool fp_balance_make(const struct fp_mem_header *h, struct fp_balance *b)
{
	const struct fp_mem_balance *at = &h->at_peak;
	int64_t rss = bounded(at->rss_anon_bytes) + bounded(at->rss_file_bytes) + bounded(at->rss_shmem_bytes);
	int64_t hwm = bounded(h->vm_hwm_bytes), named = 0, unexplained;
	struct fp_balance_item items[FP_BALANCE_ITEMS] = {
		[FP_BALANCE_PYTHON_SMALL] = {"Python blocks up to 512 bytes", "python_small_bytes",
					     bounded(at->python_small_bytes)},
		[FP_BALANCE_PYTHON] = {"larger Python blocks", "python_large_bytes",
				       less(at->python_bytes, at->python_small_bytes)},
		[FP_BALANCE_NATIVE] = {"malloc and its family", "native_bytes",
				       less(at->heap_bytes, at->python_bytes + at->map_bytes)},
		[FP_BALANCE_MAPS] = {"anonymous mappings, brk", "map_bytes", bounded(at->map_bytes)},
		[FP_BALANCE_UNTOUCHED] = {"of these mappings, never touched", "untouched_bytes",
					  -bounded(h->peak_untouched_bytes < at->map_bytes ? h->peak_untouched_bytes :
											      at->map_bytes)},
		[FP_BALANCE_ARENAS] = {"free space in Python's arenas", "arena_free_bytes",
				       less(at->carrier_bytes, at->python_small_bytes)},
		[FP_BALANCE_FILES] = {"programs, libraries, mapped files", "file_bytes",
				      less(at->rss_file_bytes + at->rss_shmem_bytes, at->agent_capture_bytes)},
		[FP_BALANCE_STACKS] = {"stack of the main thread", "stack_bytes", bounded(at->stack_bytes)},
		[FP_BALANCE_AGENT] = {"filperf itself", "agent_bytes",
				      bounded(at->agent_anon_bytes) + bounded(at->agent_capture_bytes)},
		[FP_BALANCE_REST] = {"the rest: malloc's overhead and free space, static data", "rest_bytes", 0},
		[FP_BALANCE_LATER] = {"resident at another moment", "later_bytes", 0},
	};

	if (at->python_bytes && at->python_bytes == at->python_small_bytes)
		items[FP_BALANCE_PYTHON_SMALL].name = "Python blocks"; /* free-threaded: all sizes lie in segments */
	if (!at->when_ns || rss <= 0 || hwm <= 0)
		return false;
	for (int i = 0; i < FP_BALANCE_REST; i++)
		named += items[i].n_bytes;
	items[FP_BALANCE_REST].n_bytes = rss - named;
	if (rss < named)
		items[FP_BALANCE_REST].name = "asked for, never touched";
	items[FP_BALANCE_LATER].n_bytes = hwm - rss;
	memcpy(b->items, items, sizeof(items));
	b->vm_hwm_bytes = (uint64_t)hwm;
	unexplained = magnitude(rss - named) + magnitude(hwm - rss);
	b->explained = unexplained < hwm ? 1 - (double)unexplained / (double)hwm : 0;
	return true;
}

uint64_t fp_histogram_max(uint32_t bin)
{
	return bin + 1 < FP_HISTOGRAM_BINS ? 16ull << (2 * bin) : UINT64_MAX;
}

static uint32_t bin_of(uint32_t size_class)
{
	uint64_t most = fp_size_class_max(size_class < 250 ? size_class : 250);
	uint32_t bin = 0;

	while (bin + 1 < FP_HISTOGRAM_BINS && most > fp_histogram_max(bin))
		bin++;
	return bin;
}

static void take_all(void *ctx, const struct fp_memory_cell *c, const struct fp_memory_sum *sum)
{
	struct fp_memory_totals *t = ctx;
	struct fp_memory_sum live = fp_memory_cell_sum(c, FP_VIEW_LEAKS);
	struct fp_memory_sum temporary = fp_memory_cell_sum(c, FP_VIEW_TEMPORARY);

	fp_memory_sum_add(&t->all, sum);
	fp_memory_sum_add(&t->live, &live);
	fp_memory_sum_add(&t->temporary, &temporary);
	fp_memory_sum_add(&t->of_allocator[c->allocator < FP_ALLOCATOR_MAX ? c->allocator : 0], sum);
	fp_memory_sum_add(&t->of_size[bin_of(c->size_class)], sum);
}

void fp_memory_totals_make(const struct fp_profile *p, struct fp_memory_totals *t)
{
	struct fp_memory_choice choice = {FP_VIEW_ALL, UINT32_MAX};

	memset(t, 0, sizeof(*t));
	t->peak_process = UINT32_MAX;
	fp_memory_each(p, &choice, take_all, t);
	for (uint32_t i = 0; i < p->memory->n_processes; i++) {
		const struct fp_mem_header *h = &p->headers[p->memory->processes[i].header].mem;

		if (t->peak_process != UINT32_MAX && h->peak_bytes <= t->peak_bytes)
			continue;
		t->peak_bytes = h->peak_bytes;
		t->peak_when_ns = h->peak_when_ns;
		t->peak_process = i;
	}
}
