/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrappers that book the blocks that a Poisson process over bytes meets, and
 * cost the others a subtraction.  See python_domains.h for where they run.
 *
 * Only after a block was booked are the thread's next allocations counted, to know
 * what is temporary: the countdown is held below 0 meanwhile (fp_memory_count_next),
 * so that all others need no count.
 */
#include "agent/base/float_mode.h"
#include "agent/base/poisson.h"
#include "agent/hot/python_domains.h"
#include "agent/hot/python_stack.h"

static FP_COLD int64_t draw(struct fp_thread *t, uint64_t mean_bytes)
{
	return fp_poisson_distance(&t->random, mean_bytes);
}

/* Bytes until the next sample. */
static int64_t next_distance(struct fp_thread *t)
{
	struct fp_float_mode mode = fp_float_begin();
	int64_t n_bytes = draw(t, fp_mem_ledger.sample_bytes);

	fp_float_end(mode);
	return n_bytes;
}

FP_COLD bool fp_domains_is_met_slowly(struct fp_thread *t, size_t n_bytes)
{
	t->memory.recent.sequence++;
	if (!t->memory.counted)
		return true;
	t->memory.held -= (int64_t)n_bytes;
	t->memory.counted = t->memory.held < 0 ? 0 : t->memory.counted - 1;
	fp_thread_countdown = t->memory.counted ? -1 : t->memory.held;
	return t->memory.held < 0;
}

FP_COLD void fp_domains_meet(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator)
{
	bool drawn = t->memory.drawn;
	uint32_t stack, cell;

	if (!*fp_agent_memory || !fp_mem_ledger.sample_bytes) {
		fp_thread_countdown = INT64_MAX / 2;
		t->memory.drawn = false;
		return;
	}
	t->random |= 1;
	fp_thread_countdown = next_distance(t) - 1; /* met below 0, not at it */
	t->memory.drawn = true;
	if (!drawn) {
		/* This block is the first to count; what it covers may hold a sample. */
		fp_thread_countdown -= (int64_t)n_bytes;
		if (fp_thread_countdown >= 0)
			return;
		fp_thread_countdown = next_distance(t) - 1;
	}
	if (!block || !fp_memory_enter())
		return;
	t->memory.python_events++;
	stack = fp_memory_stack(t, true);
	cell = fp_hook_cell(t, stack, allocator, fp_size_class(n_bytes));
	if (fp_memory_lock_python(t)) {
		fp_mem_book_sampled(cell, (uintptr_t)block, n_bytes, &t->memory.recent);
		fp_memory_unlock();
	}
	fp_memory_count_next(t);
	fp_domains_after_events();
	fp_memory_leave(t);
}

/* The filter says that the block may be one that was met. */
static FP_COLD struct fp_mem_gone end_met(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (!*fp_agent_memory || !fp_memory_enter())
		return gone;
	if (!fp_memory_ended())
		(void)fp_memory_unbook(t, block, &gone);
	fp_memory_leave(t);
	return gone;
}

/* A large block, one that is met, or a thread that is not known. */
static FP_COLD void *sampled_malloc_slow(const struct fp_py_allocator *a, size_t n_bytes)
{
	struct fp_thread *t = fp_domains_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->malloc(a->ctx, n_bytes);
	block = fp_domains_malloc_below(t, a, n_bytes, true);
	if (fp_domains_is_met(t, n_bytes))
		fp_domains_meet(t, block, n_bytes, FP_ALLOCATOR_PYTHON_MALLOC);
	return block;
}

static void *sampled_malloc(void *ctx, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;

	if (fp_unlikely((fp_thread_countdown -= (int64_t)n_bytes) < 0 || n_bytes - 1 >= fp_carry_limit))
		return sampled_malloc_slow(a, n_bytes);
	return a->malloc(a->ctx, n_bytes);
}

static void *sampled_calloc(void *ctx, size_t n, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_domains_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->calloc(a->ctx, n, n_bytes);
	block = fp_domains_calloc_below(t, a, n, n_bytes);
	if (fp_unlikely(!block))
		return block;
	fp_thread_countdown -= (int64_t)(n * n_bytes);
	if (fp_domains_is_met(t, n * n_bytes))
		fp_domains_meet(t, block, n * n_bytes, FP_ALLOCATOR_PYTHON_CALLOC);
	return block;
}

static void *sampled_realloc(void *ctx, void *block, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_domains_thread();
	struct fp_mem_gone gone = {.cell = 0};
	void *moved;

	if (fp_unlikely(!t))
		return a->realloc(a->ctx, block, n_bytes);
	if (block && fp_unlikely(fp_mem_filter_of((uintptr_t)block)))
		gone = end_met(t, block);
	moved = fp_domains_realloc_below(t, a, block, n_bytes);
	if (fp_unlikely(!moved)) {
		fp_domains_rebook(t, block, &gone);
		return moved;
	}
	fp_thread_countdown -= (int64_t)n_bytes;
	if (fp_domains_is_met(t, n_bytes))
		fp_domains_meet(t, moved, n_bytes, FP_ALLOCATOR_PYTHON_REALLOC);
	return moved;
}

static FP_COLD void sampled_free_slow(const struct fp_py_allocator *a, void *block)
{
	struct fp_thread *t = fp_domains_thread();

	if (t)
		(void)end_met(t, block);
	a->free(a->ctx, block);
}

static void sampled_free(void *ctx, void *block)
{
	const struct fp_py_allocator *a = ctx;

	if (fp_unlikely(fp_mem_filter_of((uintptr_t)block))) {
		sampled_free_slow(a, block);
		return;
	}
	a->free(a->ctx, block);
}

const struct fp_py_allocator fp_domains_sampled = {
	.malloc = sampled_malloc, .calloc = sampled_calloc, .realloc = sampled_realloc, .free = sampled_free};
