/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrappers that book every block.  See python_domains.h for where they run;
 * the way of a small block, which most are, makes no call but to the allocator
 * below: instructions here are counted by tests/bench/count_allocations.py.
 */
#include "agent/hot/python_domains.h"
#include "agent/hot/python_stack.h"

/* Events until a thread looks whether the interpreter ends. */
#define ENDED_EVERY 64u

static inline uint32_t cell_of(struct fp_thread *t, uint8_t allocator, size_t n_bytes)
{
	uintptr_t tstate;

	if (fp_likely(fp_hook_knows(allocator, n_bytes)) && fp_likely(tstate = fp_hook_attached()))
		return fp_hook_cell_of(t, tstate, allocator, n_bytes);
	return fp_hook_cell(t, fp_memory_stack(t, true), allocator, fp_size_class(n_bytes));
}

static inline void leave_booked(struct fp_thread *t)
{
	if (fp_unlikely(!(t->memory.recent.sequence % ENDED_EVERY)))
		fp_domains_after_events();
	fp_memory_leave(t);
}

/* Any block, any mode. */
static __attribute__((noinline)) void book(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator)
{
	uint32_t cell;

	if (!*fp_agent_memory || !fp_memory_enter())
		return;
	t->memory.recent.sequence++;
	t->memory.python_events++;
	cell = cell_of(t, allocator, n_bytes);
	if (fp_unlikely(fp_mem_ledger.waiting_bytes) &&
	    (fp_mem_ledger.lock_all || fp_mem_waiting_of((uintptr_t)block)->address == (uintptr_t)block))
		fp_mem_settle_waiting(NULL);
	if (fp_memory_lock_python(t)) {
		fp_mem_book(&fp_mem_ledger.python, cell, (uintptr_t)block, n_bytes, &t->memory.recent);
		fp_memory_unlock();
	}
	leave_booked(t);
}

static inline void set_inside(struct fp_thread *t)
{
#if defined(__x86_64__)
	__asm__ volatile("movq %%rsp, %0" : "=m"(t->inside)); /* a frame pointer would cost more */
#else
	t->inside = (uintptr_t)__builtin_frame_address(0);
#endif
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline bool is_due(const struct fp_thread *t)
{
	return !(t->memory.recent.sequence % ENDED_EVERY) || t->pending_samples;
}

static __attribute__((noinline)) void *settle_and_book(struct fp_thread *t, void *block, size_t n_bytes, uint32_t cell)
{
	fp_mem_book_small(cell, (uintptr_t)block, n_bytes, &t->memory.recent);
	leave_booked(t);
	return block;
}

static __attribute__((noinline)) void *book_small_slowly(struct fp_thread *t, void *block, size_t n_bytes, uint32_t kind,
							 enum fp_hook_why why)
{
	return settle_and_book(t, block, n_bytes, fp_hook_cell_slowly(t, fp_hook_attached(), kind, why));
}

static __attribute__((noinline)) void *book_otherwise(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator)
{
	if (block)
		book(t, block, n_bytes, allocator);
	return block;
}

/* FP_MEMORY_PLAIN, a small block: it waits for its free.  Returns block.  No call but
 * those that end it, so that little is saved and restored. */
static inline __attribute__((always_inline)) void *book_waiting(struct fp_thread *t, void *block, size_t n_bytes,
								uint8_t allocator)
{
	uintptr_t tstate = fp_hook_attached();
	uint32_t cell, kind = fp_hook_kind(allocator, (uint32_t)(n_bytes + 15) / 16);
	enum fp_hook_why why = FP_HOOK_CHAIN;

	if (fp_unlikely(!block || t->inside || !tstate))
		return book_otherwise(t, block, n_bytes, allocator);
	set_inside(t);
	t->memory.recent.sequence++;
	if (fp_unlikely(fp_hook_layout.objects) || !(cell = fp_hook_cell_here(t->hook, tstate, kind, &why)))
		return book_small_slowly(t, block, n_bytes, kind, why);
	if (fp_mem_waiting_of((uintptr_t)block)->address || fp_unlikely(is_due(t)))
		return settle_and_book(t, block, n_bytes, cell);
	fp_mem_book_small(cell, (uintptr_t)block, n_bytes, &t->memory.recent);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->inside = 0; /* a sample since is_due() is booked at the next event */
	return block;
}

static __attribute__((noinline)) void *book_small(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator)
{
	return book_waiting(t, block, n_bytes, allocator);
}

static inline bool is_plain(size_t n_bytes)
{
	return n_bytes - 1 < FP_LARGE_BYTES && *fp_agent_memory == FP_MEMORY_PLAIN;
}

/* Where nothing locks, a peak was settled. */
static __attribute__((noinline)) struct fp_mem_gone unbook_slowly(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (fp_mem_ledger.lock_all && fp_unlikely(fp_mem_ledger.waiting_bytes)) /* from before */
		fp_mem_settle_waiting(NULL);
	if (!fp_memory_lock_python(t))
		return gone;
	gone = fp_mem_unbook(&fp_mem_ledger.python, (uintptr_t)block, &t->memory.recent);
	fp_memory_unlock();
	return gone;
}

/* Looked at now and then, as the interpreter frees much at its end. */
static inline bool is_at_end(struct fp_thread *t)
{
	if (fp_likely(t->memory.end_due--))
		return false;
	t->memory.end_due = ENDED_EVERY - 1;
	return fp_memory_ended();
}

/* Inside.  True: what ended is a block that malloc carried. */
static inline bool unbook_inside(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone;

	if (fp_likely(!fp_mem_ledger.lock_all)) {
		if (fp_likely(fp_mem_cancel((uintptr_t)block, &t->memory.recent)))
			return !fp_carry_limit;
		if (fp_unlikely(is_at_end(t)))
			return false;
		fp_mem_settle_peak(&t->memory.recent);
		if (fp_likely(fp_mem_unbook_small((uintptr_t)block, &t->memory.recent)))
			return !fp_carry_limit;
	} else if (is_at_end(t)) {
		return false;
	}
	gone = unbook_slowly(t, block);
	return gone.cell && (!gone.shadow || !fp_carry_limit);
}

/* True: what ended is a block that malloc carried. */
static inline bool unbook(struct fp_thread *t, void *block)
{
	bool carried;

	if (!*fp_agent_memory || !fp_memory_enter())
		return false;
	t->memory.python_events++;
	carried = unbook_inside(t, block);
	fp_memory_leave(t);
	return carried;
}

static __attribute__((noinline)) void *exact_malloc_slowly(const struct fp_py_allocator *a, size_t n_bytes)
{
	struct fp_thread *t = fp_domains_thread();
	void *block;

	if (!t)
		return a->malloc(a->ctx, n_bytes);
	block = fp_domains_malloc_below(t, a, n_bytes, n_bytes - 1 >= fp_carry_limit);
	if (fp_likely(block != NULL))
		book(t, block, n_bytes, FP_ALLOCATOR_PYTHON_MALLOC);
	return block;
}

static void *exact_malloc(void *ctx, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_thread_self;

	if (fp_unlikely(!t || !is_plain(n_bytes)))
		return exact_malloc_slowly(a, n_bytes);
	return book_waiting(t, a->malloc(a->ctx, n_bytes), n_bytes, FP_ALLOCATOR_PYTHON_MALLOC);
}

static void *exact_calloc(void *ctx, size_t n, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_domains_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->calloc(a->ctx, n, n_bytes);
	block = fp_domains_calloc_below(t, a, n, n_bytes);
	if (fp_likely(is_plain(n * n_bytes)))
		return book_small(t, block, n * n_bytes, FP_ALLOCATOR_PYTHON_CALLOC);
	return book_otherwise(t, block, n * n_bytes, FP_ALLOCATOR_PYTHON_CALLOC);
}

static FP_COLD struct fp_mem_gone unbook_locked(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (!fp_memory_enter())
		return gone;
	if (!fp_memory_ended())
		gone = unbook_slowly(t, block);
	fp_memory_leave(t);
	return gone;
}

/* A realloc that fails leaves the block: what it was is noted first. */
static inline struct fp_mem_gone unbook_to_move(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (fp_unlikely(!*fp_agent_memory))
		return gone;
	if (fp_unlikely(fp_mem_ledger.lock_all))
		return unbook_locked(t, block);
	gone = fp_mem_look(&fp_mem_ledger.python, (uintptr_t)block);
	(void)unbook(t, block);
	return gone;
}

static void *exact_realloc(void *ctx, void *block, size_t n_bytes)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_domains_thread();
	struct fp_mem_gone gone = {.cell = 0};
	void *moved;

	if (fp_unlikely(!t))
		return a->realloc(a->ctx, block, n_bytes);
	if (block)
		gone = unbook_to_move(t, block);
	moved = fp_domains_realloc_below(t, a, block, n_bytes);
	if (fp_unlikely(!moved))
		fp_domains_rebook(t, block, &gone);
	if (fp_likely(is_plain(n_bytes)))
		return book_small(t, moved, n_bytes, FP_ALLOCATOR_PYTHON_REALLOC);
	return book_otherwise(t, moved, n_bytes, FP_ALLOCATOR_PYTHON_REALLOC);
}

/* A block that is not known as carried lets the allocators beneath look too:
 * it may be from before these wrappers, and theirs. */
static FP_COLD void free_carried(struct fp_thread *t, const struct fp_py_allocator *a, void *block)
{
	t->memory.carrier_depth++;
	a->free(a->ctx, block);
	t->memory.carrier_depth--;
}

static __attribute__((noinline)) void exact_free_slowly(const struct fp_py_allocator *a, void *block)
{
	struct fp_thread *t = block ? fp_domains_thread() : NULL;

	if (t && unbook(t, block))
		free_carried(t, a, block);
	else
		a->free(a->ctx, block);
}

/* Inside, FP_MEMORY_PLAIN: the block does not wait, or a peak ends, or a sample is
 * pending. */
static __attribute__((noinline)) void end_and_free(struct fp_thread *t, const struct fp_py_allocator *a, void *block)
{
	bool carried;

	carried = unbook_inside(t, block);
	fp_memory_leave(t);
	if (fp_unlikely(carried))
		free_carried(t, a, block);
	else
		a->free(a->ctx, block);
}

static void exact_free(void *ctx, void *block)
{
	const struct fp_py_allocator *a = ctx;
	struct fp_thread *t = fp_thread_self;

	if (fp_unlikely(!block || !t || *fp_agent_memory != FP_MEMORY_PLAIN || t->inside)) {
		exact_free_slowly(a, block);
		return;
	}
	set_inside(t);
	t->memory.python_events++;
	if (fp_unlikely(t->pending_samples) || !fp_mem_cancel((uintptr_t)block, &t->memory.recent)) {
		end_and_free(t, a, block);
		return;
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->inside = 0;
	a->free(a->ctx, block);
}

const struct fp_py_allocator fp_domains_exact = {
	.malloc = exact_malloc, .calloc = exact_calloc, .realloc = exact_realloc, .free = exact_free};
