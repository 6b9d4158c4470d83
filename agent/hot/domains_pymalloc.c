/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampling wrappers over pymalloc: nothing stands around free.  A block that is
 * met is asked for so large that pymalloc takes it from malloc, as it does with
 * each block above its limit.  What lies in none of its pools it hands on to free(),
 * whose hook books the end; its own count of blocks stays right.
 *
 * In all versions (3.8 to 3.15, Objects/obmalloc.c) pymalloc's functions ignore ctx,
 * which is NULL where they stand: so its own free may stand beside our ctx.
 * Where they run: python_domains.h.
 */
#include "agent/hot/python_domains.h"

#include <errno.h>

/* In no pool. */
static inline size_t beside_pools(size_t n_bytes)
{
	return n_bytes > FP_LARGE_BYTES ? n_bytes : FP_LARGE_BYTES + 1;
}

/* After what was to be met could not be had so large: as it was asked for, then. */
static FP_COLD bool goes_into_pool(size_t n_bytes, int errno_before)
{
	if (n_bytes > FP_LARGE_BYTES)
		return false;
	fp_loss_count(&fp_context.segment, FP_LOSS_mem_blocks_full);
	errno = errno_before;
	return true;
}

static FP_COLD void *malloc_slowly(const struct fp_py_allocator *a, size_t n_bytes)
{
	struct fp_thread *t = fp_domains_thread();
	int errno_before = errno;
	void *block;

	if (fp_unlikely(!t))
		return a->malloc(NULL, n_bytes);
	if (!fp_domains_is_met(t, n_bytes))
		return fp_domains_malloc_below(t, a, n_bytes, true);
	block = fp_domains_malloc_below(t, a, beside_pools(n_bytes), true);
	fp_domains_meet(t, block, n_bytes, FP_ALLOCATOR_PYTHON_MALLOC);
	if (fp_unlikely(!block) && goes_into_pool(n_bytes, errno_before))
		block = fp_domains_malloc_below(t, a, n_bytes, true);
	return block;
}

static void *pymalloc_malloc(void *ctx, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;

	if (fp_unlikely((fp_thread_countdown -= (int64_t)n_bytes) < 0 || n_bytes - 1 >= FP_LARGE_BYTES))
		return malloc_slowly(a, n_bytes);
	return a->malloc(NULL, n_bytes);
}

static FP_COLD void *calloc_met(struct fp_thread *t, const struct fp_py_allocator *a, size_t n_bytes)
{
	int errno_before = errno;
	void *block = fp_domains_calloc_below(t, a, 1, beside_pools(n_bytes));

	fp_domains_meet(t, block, n_bytes, FP_ALLOCATOR_PYTHON_CALLOC);
	if (fp_unlikely(!block) && goes_into_pool(n_bytes, errno_before))
		block = fp_domains_calloc_below(t, a, 1, n_bytes);
	return block;
}

static void *pymalloc_calloc(void *ctx, size_t n, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_domains_thread();

	if (fp_unlikely(!t))
		return a->calloc(NULL, n, n_bytes);
	fp_thread_countdown -= (int64_t)(n * n_bytes); /* the interpreter looked whether it overflows */
	if (fp_domains_is_met(t, n * n_bytes))
		return calloc_met(t, a, n * n_bytes);
	return fp_domains_calloc_below(t, a, n, n_bytes);
}

static FP_COLD void *realloc_met(struct fp_thread *t, const struct fp_py_allocator *a, void *block, size_t n_bytes)
{
	int errno_before = errno;
	void *moved = fp_domains_realloc_below(t, a, block, beside_pools(n_bytes));

	fp_domains_meet(t, moved, n_bytes, FP_ALLOCATOR_PYTHON_REALLOC);
	if (fp_unlikely(!moved) && goes_into_pool(n_bytes, errno_before))
		moved = fp_domains_realloc_below(t, a, block, n_bytes);
	return moved;
}

/* Where the block lies in no pool, realloc() is called: its hook ends the old one. */
static void *pymalloc_realloc(void *ctx, void *block, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_domains_thread();

	if (fp_unlikely(!t))
		return a->realloc(NULL, block, n_bytes);
	fp_thread_countdown -= (int64_t)n_bytes;
	if (fp_domains_is_met(t, n_bytes))
		return realloc_met(t, a, block, n_bytes);
	return fp_domains_realloc_below(t, a, block, n_bytes);
}

const struct fp_py_allocator fp_domains_pymalloc = {
	.malloc = pymalloc_malloc, .calloc = pymalloc_calloc, .realloc = pymalloc_realloc};
