/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the wrappers around Python's allocators share.  They run with the GIL held
 * (free-threaded: attached), so the ledger's python half needs no lock; in a fork
 * child at once; in a signal handler of the program never (CPython runs those
 * between instructions).
 */
#ifndef FP_HOT_PYTHON_DOMAINS_H
#define FP_HOT_PYTHON_DOMAINS_H

#include "agent/agent.h"
#include "agent/hot/allocations.h"

/* PyMemAllocatorEx of cpython/pymem.h, 3.5 and later. */
struct fp_py_allocator {
	void *ctx;
	void *(*malloc)(void *ctx, size_t n_bytes);
	void *(*calloc)(void *ctx, size_t n, size_t n_bytes);
	void *(*realloc)(void *ctx, void *block, size_t n_bytes);
	void (*free)(void *ctx, void *block);
};

/* Every allocation, or those that are met by sampling; ctx is what stands below.  Over
 * pymalloc, whose own free stands beside them: fp_domains_pymalloc, without one. */
extern const struct fp_py_allocator fp_domains_exact, fp_domains_sampled, fp_domains_pymalloc;

/* Larger requests are handed on to malloc, and those for nothing: n - 1 tells.
 * With other allocators beneath than pymalloc, all may be: the limit is 0. */
#define FP_LARGE_BYTES 512u
extern FP_OWN size_t fp_carry_limit;

FP_COLD struct fp_thread *fp_domains_adopt(void);
static inline struct fp_thread *fp_domains_thread(void)
{
	struct fp_thread *t = fp_thread_self;

	return fp_likely(t != NULL) ? t : fp_domains_adopt();
}

/* What stands below, by calls whose own blocks carry Python's.  carries: those of this
 * malloc do. */
static inline void *fp_domains_malloc_below(struct fp_thread *t, const struct fp_py_allocator *a, size_t n_bytes, bool carries)
{
	void *block;

	t->memory.carrier_depth += carries;
	block = a->malloc(a->ctx, n_bytes);
	t->memory.carrier_depth -= carries;
	return block;
}

static inline void *fp_domains_calloc_below(struct fp_thread *t, const struct fp_py_allocator *a, size_t n, size_t n_bytes)
{
	void *block;

	t->memory.carrier_depth++;
	block = a->calloc(a->ctx, n, n_bytes);
	t->memory.carrier_depth--;
	return block;
}

static inline void *fp_domains_realloc_below(struct fp_thread *t, const struct fp_py_allocator *a, void *block,
					     size_t n_bytes)
{
	void *moved;

	t->memory.carrier_depth++;
	moved = a->realloc(a->ctx, block, n_bytes);
	t->memory.carrier_depth--;
	return moved;
}

/* Sampling, after the countdown went down by n_bytes: is the block met, or nothing drawn yet? */
FP_COLD bool fp_domains_is_met_slowly(struct fp_thread *t, size_t n_bytes);
static inline bool fp_domains_is_met(struct fp_thread *t, size_t n_bytes)
{
	return fp_unlikely(fp_thread_countdown < 0) && fp_domains_is_met_slowly(t, n_bytes);
}
/* It is: books the block (NULL: there is none), unless nothing was drawn yet.  Draws. */
FP_COLD void fp_domains_meet(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator);

/* Now and then, inside, after a block was booked. */
FP_COLD void fp_domains_after_events(void);
/* Not inside: a realloc failed, the block is what it was. */
void fp_domains_rebook(struct fp_thread *t, void *block, const struct fp_mem_gone *gone);

#endif
