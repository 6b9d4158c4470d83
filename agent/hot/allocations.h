/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the allocation hooks share: permission to book, where the block goes,
 * what is due from time to time.  Hooks only (agent.h's doors, and the
 * wrappers around Python's allocators in python_domains.c).
 */
#ifndef FP_HOT_ALLOCATIONS_H
#define FP_HOT_ALLOCATIONS_H

#include "agent/hot/sampler.h"

/* Recording of memory begins in this capture (boot, a CPython that was loaded
 * later, a fork child), and ends for good. */
void fp_memory_start(enum fp_mem_mode mode, bool native, bool stream, uint64_t sample_bytes, uint32_t temporary_threshold);
/* The interpreter or the process ends: sums stay as they are now. */
void fp_memory_freeze(void);
/* A failed exec goes on; an exec begins. */
void fp_memory_pause(bool paused);
/* fork child, before the capture is replaced: the parent's live bytes. */
uint64_t fp_memory_forked(void);

/* The calling thread, adopted where it is new, with inside set; NULL: do not book.
 * here: the stack address of the hook. */
struct fp_thread *fp_memory_enter_slowly(uintptr_t here);
/* inside is set, but what set it is gone: a handler of the program that
 * interrupted it jumped away.  here: of what runs now. */
bool fp_memory_was_left(const struct fp_thread *t, uintptr_t here);
static inline struct fp_thread *fp_memory_enter(void)
{
	struct fp_thread *t = fp_thread_self;

	if (fp_unlikely(!t || t->inside))
		return fp_memory_enter_slowly((uintptr_t)__builtin_frame_address(0));
	t->inside = (uintptr_t)__builtin_frame_address(0);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return t;
}

static inline void fp_memory_leave(struct fp_thread *t)
{
	if (fp_unlikely(t->pending_samples))
		fp_sampler_book_pending(t);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->inside = 0;
}

/* Sampled: a block was booked, which is temporary if few allocations follow before its
 * end: those of Python's are counted. */
static inline void fp_memory_count_next(struct fp_thread *t)
{
	if (!t->memory.counted) {
		t->memory.held = fp_thread_countdown;
		fp_thread_countdown = -1;
	}
	t->memory.counted = t->memory.recent.n;
}

/* Python's half: lock where it needs one, then book.  False: it cannot be had,
 * and what was to be booked is lost (counted). */
FP_NODISCARD bool fp_memory_lock_python(const struct fp_thread *t);
/* The same for what is booked with the ledger's lock in any case. */
FP_NODISCARD bool fp_memory_lock(const struct fp_thread *t);
/* Ends a block whose entry is in the system's half.  False: as above. */
bool fp_memory_unbook(struct fp_thread *t, void *block, struct fp_mem_gone *ret_gone);
/* Whether it was taken: another thread may have turned lock_all on since. */
void fp_memory_unlock(void);
/* Counts an event that is lost; false. */
bool fp_memory_lose(void);

/* The slot is given up while the thread still frees. */
void fp_memory_thread_ended(struct fp_thread *t);

/* What *fp_agent_memory says.  PLAIN: Python's half may book without another look:
 * exact, no lock, no native stacks, the layout is known, pymalloc beneath.  It is
 * looked at before the interpreter is called. */
enum {
	FP_MEMORY_OFF,
	FP_MEMORY_ON,
	FP_MEMORY_PLAIN,
};
/* On becomes plain where that is so now: what it needs has come. */
void fp_memory_hasten(void);
/* Not plain from now on. */
void fp_memory_slow_down(void);
/* What gives Python's blocks: python_allocator of the header, also in fork children. */
void fp_memory_allocator_found(uint32_t allocator);
/* From now on Python's half takes the lock too. */
void fp_memory_lock_all(void);

/* The stack of t for a block.  attached: the calling thread holds the GIL. */
uint32_t fp_memory_stack(struct fp_thread *t, bool attached);

/* The object of an allocator that is not libc's is looked for. */
void fp_memory_find_allocator(void);

/* The heap with what the threads have not yet added (mem_shards.h). */
uint64_t fp_memory_heap_bytes(void);
/* Ticks, checkpoints, the balance at the peak: mem_clock.c. */
void fp_memory_tick(void);
/* The balance at the peak is due: the heap is larger than when it was taken. */
bool fp_memory_balance_due(void);
void fp_memory_take_balance(struct fp_mem_balance *balance);
/* A fresh capture: times start over. */
void fp_memory_clock_forked(void);
/* Does the interpreter end?  Freezes then and answers true. */
bool fp_memory_ended(void);

/* python_domains.c: wraps the MEM and OBJ domains.  Ordinary context or, with
 * the GIL held, a hook. */
void fp_domains_install(bool exact);
/* Does a call of mmap that returns to caller map an arena? */
bool fp_domains_maps_arenas(const void *caller);
/* Does pymalloc stand below, as far as is known? */
bool fp_domains_over_pymalloc(void);
/* In a hook of the system's allocators, GIL held: were we replaced? */
void fp_domains_check(struct fp_thread *t);

/* Blocks that carry Python's are counted as those. */
static inline bool fp_memory_is_carrier(void)
{
	const struct fp_thread *t = fp_thread_self;

	return t && t->memory.carrier_depth;
}

/* The end of a hook that booked something of the system's. */
static inline void fp_memory_after_event(struct fp_thread *t)
{
	if (fp_unlikely(fp_mem_ledger.tick_due || (!fp_context.sampling && !(t->memory.recent.sequence & 63)) ||
			fp_memory_balance_due()))
		fp_memory_tick();
	fp_domains_check(t);
	fp_memory_leave(t);
}

#endif
