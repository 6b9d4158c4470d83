/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doors of agent.h for allocations.  They run inside malloc and free of
 * any thread at any time: in signal handlers of the program (which find
 * inside set when they interrupted us, and are counted), in vfork children
 * (whose heap is the parent's, so booking there is right), in threads that are
 * ending (bare below), while forking, and after exit handlers (the switch is off
 * by then).  No libc allocation, no loader, no lock but the ledger's; errno kept.
 */
#include "agent/hot/allocations.h"

#include "agent/agent.h"
#include "agent/base/poisson.h"
#include "agent/base/sys.h"
#include "agent/hot/python_stack.h"
#include "agent/hot/sampler.h"
#include "agent/hot/stack.h"
#include "agent/ledger/mem_ranges.h"
#include "agent/ledger/mem_shards.h"
#include "agent/ledger/mem_stream.h"
#include "agent/ledger/node_table.h"

static uint32_t python_allocator; /* 0: not known yet */

/* As glibc's malloc does: one thread needs no lock (glibc 2.32).  Where there were several, what
 * they keep (mem_shards.h) is not forgotten should libc call the last one alone again. */
extern char __libc_single_threaded __attribute__((weak));
static const char not_alone;
static const char *alone = &not_alone;

static const uint32_t never;
const volatile uint32_t *fp_agent_memory = &never;

/* Second word of the page that a fork child finds zero: an unseen fork stops us. */
static volatile uint32_t *memory_word(void)
{
	return (volatile uint32_t *)fp_context.fork_word + 1;
}

/* A thread whose slot is given up: its last destructors and libc's own end
 * still free.  Booked without a struct fp_thread. */
static __thread struct {
	uint32_t record; /* + 1 */
	uint32_t inside;
} bare __attribute__((tls_model("initial-exec")));

void fp_memory_start(enum fp_mem_mode mode, bool native, bool stream, uint64_t sample_bytes, uint32_t temporary_threshold)
{
	struct fp_mem_header *h = &fp_context.segment.header->mem;

	fp_context.memory_native = native;
	fp_context.temporary_threshold = temporary_threshold;
	fp_mem_ledger_init(&fp_context.segment, mode, stream, sample_bytes);
	alone = &__libc_single_threaded ? &__libc_single_threaded : &not_alone;
	fp_mem_ranges_init();
	fp_memory_clock_forked();
	if (h->mode == FP_MEM_OFF)
		return;
	h->native = native;
	h->python_allocator = python_allocator;
	h->temporary_threshold = temporary_threshold;
	fp_memory_find_allocator();
	if (fp_context.python.free_threaded)
		fp_mem_ledger.lock_all = true;
	if (fp_context.python.n_eval)
		h->python_eval_pc = fp_context.python.eval[0].start + 1;
	fp_agent_memory = memory_word();
	*memory_word() = FP_MEMORY_ON;
	fp_memory_hasten();
}

void fp_memory_allocator_found(uint32_t allocator)
{
	python_allocator = allocator;
	fp_mem_header()->python_allocator = allocator;
}

void fp_memory_hasten(void)
{
	uint32_t on = FP_MEMORY_ON;

	if (fp_agent_memory == &never || !fp_mem_ledger.exact || fp_mem_ledger.lock_all || fp_context.memory_native ||
	    !fp_hook_layout.ready || !fp_domains_over_pymalloc())
		return;
	(void)__atomic_compare_exchange_n(memory_word(), &on, FP_MEMORY_PLAIN, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void fp_memory_slow_down(void)
{
	uint32_t plain = FP_MEMORY_PLAIN;

	if (fp_agent_memory != &never)
		(void)__atomic_compare_exchange_n(memory_word(), &plain, FP_MEMORY_ON, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
}

void fp_memory_lock_all(void)
{
	fp_mem_ledger.lock_all = true;
	fp_memory_slow_down();
}

void fp_memory_pause(bool paused)
{
	struct fp_mem_header *h = &fp_context.segment.header->mem;

	if (fp_agent_memory == &never || h->frozen_ns)
		return;
	*memory_word() = paused ? FP_MEMORY_OFF : FP_MEMORY_ON;
	fp_memory_hasten();
	if (paused) {
		h->heap_bytes = fp_memory_heap_bytes();
		fp_memory_take_balance(&h->at_end);
	}
}

uint64_t fp_memory_forked(void)
{
	return fp_agent_memory == &never ? 0 : fp_memory_heap_bytes();
}

FP_COLD bool fp_memory_lose(void)
{
	fp_loss_count(&fp_context.segment, FP_LOSS_mem_nested);
	return false;
}

static inline bool is_alone(void)
{
	return *alone;
}

static inline void be_many(void)
{
	if (fp_unlikely(alone != &not_alone)) /* all threads read that line */
		alone = &not_alone;
}

/* False: the event is lost. */
static inline __attribute__((always_inline)) bool lock(const struct fp_thread *t)
{
	if (fp_unlikely(!is_alone()) && fp_unlikely(!fp_lock_take(&fp_mem_ledger.lock)))
		return fp_memory_lose();
	if (fp_mem_ledger.stream)
		fp_mem_stream_thread(t->record);
	return true;
}

bool fp_memory_lock(const struct fp_thread *t)
{
	return lock(t);
}

void fp_memory_unlock(void)
{
	fp_lock_give_mine(&fp_mem_ledger.lock);
}

FP_COLD struct fp_thread *fp_memory_enter_slowly(uintptr_t here)
{
	struct fp_thread *t = fp_thread_self;

	if (!t && !bare.record) {
		t = fp_thread_enter(); /* adopts */
		if (t)
			t->inside = here;
		return t;
	}
	if (!t)
		return NULL;
	if (t->inside && fp_memory_was_left(t, here)) {
		t->inside = here;
		fp_mem_give_back();
		return t;
	}
	(void)fp_memory_lose();
	return NULL;
}

bool fp_memory_lock_python(const struct fp_thread *t)
{
	return fp_likely(!fp_mem_ledger.lock_all) || lock(t);
}

/* CPython is there, but its layout was not yet checked against live objects:
 * looked at now and then, as each look costs a system call. */
static uint32_t unchecked_stack(struct fp_thread *t, uintptr_t tstate)
{
	if (!tstate || fp_context.python.state != FP_PYTHON_FOUND || t->memory.layout_due--)
		return fp_node_of_mark(FP_MARK_no_python_frame);
	t->memory.layout_due = 63;
	return fp_stack_take(t, NULL).stack;
}

uint32_t fp_memory_stack(struct fp_thread *t, bool attached)
{
	const struct fp_python *py = &fp_context.python;
	bool gil;
	uintptr_t tstate = attached && fp_hook_layout.ready ? fp_hook_attached() : fp_python_thread_state(py, &gil);

	if (fp_unlikely(fp_context.memory_native))
		return fp_stack_of_hook(t);
	if (fp_likely(tstate && py->state == FP_PYTHON_LIVE))
		return fp_python_stack(t, tstate);
	if (tstate)
		return unchecked_stack(t, tstate);
	return fp_node_of_mark(FP_MARK_native);
}

/* Several threads book the system's blocks at once.  False: the event is lost. */
static __attribute__((noinline)) bool book_shared(struct fp_thread *t, uint32_t cell, void *block, size_t n_bytes)
{
	be_many();
	return fp_mem_book_shared(cell, (uintptr_t)block, n_bytes, &t->memory.recent, &t->memory.difference) || fp_memory_lose();
}

static __attribute__((noinline)) bool unbook_shared(struct fp_thread *t, void *block, struct fp_mem_gone *ret_gone)
{
	be_many();
	return fp_mem_unbook_shared((uintptr_t)block, &t->memory.recent, &t->memory.difference, ret_gone) || fp_memory_lose();
}

static inline bool is_shared(void)
{
	return fp_unlikely(!is_alone()) && !fp_mem_ledger.one_lock;
}

static inline bool book_system(struct fp_thread *t, uint32_t cell, void *block, size_t n_bytes)
{
	if (is_shared())
		return book_shared(t, cell, block, n_bytes);
	if (fp_unlikely(!lock(t)))
		return false;
	fp_mem_book(&fp_mem_ledger.system, cell, (uintptr_t)block, n_bytes, &t->memory.recent);
	fp_memory_unlock();
	return true;
}

static inline bool unbook_system(struct fp_thread *t, void *block, struct fp_mem_gone *ret_gone)
{
	if (is_shared())
		return unbook_shared(t, block, ret_gone);
	if (fp_unlikely(!lock(t)))
		return false;
	*ret_gone = fp_mem_unbook(&fp_mem_ledger.system, (uintptr_t)block, &t->memory.recent);
	fp_memory_unlock();
	return true;
}

bool fp_memory_unbook(struct fp_thread *t, void *block, struct fp_mem_gone *ret_gone)
{
	return unbook_system(t, block, ret_gone);
}

/* Without a slot: the stack is not looked at, the thread is the last known. */
static void book_bare(void *block, size_t n_bytes, int allocator)
{
	struct fp_mem_cell_key key = {.stack = fp_node_of_mark(FP_MARK_native),
				      .thread = bare.record - 1,
				      .allocator = (uint8_t)allocator,
				      .size_class = (uint16_t)fp_size_class(n_bytes)};

	if (!bare.record || bare.inside)
		return;
	bare.inside = 1;
	if (!fp_mem_ledger.one_lock) {
		if (!fp_mem_book_shared(fp_mem_cell_intern(&key), (uintptr_t)block, n_bytes, NULL, NULL))
			(void)fp_memory_lose();
	} else if (fp_lock_take(&fp_mem_ledger.lock)) {
		fp_mem_book(&fp_mem_ledger.system, fp_mem_cell_intern(&key), (uintptr_t)block, n_bytes, NULL);
		fp_memory_unlock();
	}
	bare.inside = 0;
}

static struct fp_mem_gone unbook_bare(void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (!bare.record || bare.inside)
		return gone;
	bare.inside = 1;
	if (!fp_mem_ledger.one_lock) {
		if (!fp_mem_unbook_shared((uintptr_t)block, NULL, NULL, &gone))
			(void)fp_memory_lose();
	} else if (fp_lock_take(&fp_mem_ledger.lock)) {
		gone = fp_mem_unbook(&fp_mem_ledger.system, (uintptr_t)block, NULL);
		fp_memory_unlock();
	}
	bare.inside = 0;
	return gone;
}

void fp_memory_thread_ended(struct fp_thread *t)
{
	int64_t rest = t->memory.difference;

	fp_mem_give_back();
	t->memory.difference = 0;
	if (rest)
		fp_mem_move_heap(rest);
	bare.record = t->record + 1;
}

static inline uint32_t cell_of(struct fp_thread *t, uint8_t allocator, size_t n_bytes)
{
	uintptr_t tstate;
	bool gil;

	if (fp_likely(fp_hook_knows(allocator, n_bytes)) &&
	    fp_likely(tstate = fp_python_thread_state(&fp_context.python, &gil)))
		return fp_hook_cell_of(t, tstate, allocator, n_bytes);
	return fp_hook_cell(t, fp_memory_stack(t, false), allocator, fp_size_class(n_bytes));
}

void fp_agent_allocated(void *block, size_t n_bytes, int allocator)
{
	struct fp_thread *t;
	uint32_t cell;

	if (fp_memory_is_carrier())
		return;
	t = fp_memory_enter();
	if (!t) {
		book_bare(block, n_bytes, allocator);
		return;
	}
	t->memory.recent.sequence++;
	cell = cell_of(t, (uint8_t)allocator, n_bytes);
	(void)book_system(t, cell, block, n_bytes);
	if (!fp_mem_ledger.exact)
		fp_memory_count_next(t);
	fp_memory_after_event(t);
}

static struct fp_mem_gone unbook(void *block)
{
	struct fp_mem_gone gone = {.cell = 0};
	struct fp_thread *t;

	t = fp_memory_enter();
	if (!t)
		return unbook_bare(block);
	/* What carries a Python block comes by here too, and is not known. */
	if (!fp_memory_ended() && fp_likely(unbook_system(t, block, &gone)) && !gone.cell && fp_mem_ledger.exact &&
	    !fp_memory_is_carrier())
		(void)__atomic_fetch_add(&fp_mem_header()->n_unknown_frees, 1, __ATOMIC_RELAXED);
	fp_memory_leave(t);
	return gone;
}

void fp_agent_freeing(void *block)
{
	(void)unbook(block);
}

void fp_agent_resizing(void *block, struct fp_agent_block *ret_block)
{
	struct fp_mem_gone gone = unbook(block);

	*ret_block = (struct fp_agent_block){.n_bytes = gone.n_bytes, .cell = gone.cell, .birth = gone.birth};
}

void fp_agent_resize_failed(void *block, const struct fp_agent_block *before)
{
	struct fp_mem_gone gone = {.cell = before->cell, .birth = before->birth, .n_bytes = before->n_bytes};
	struct fp_thread *t = before->cell ? fp_memory_enter() : NULL;

	if (!t)
		return;
	if (is_shared()) {
		if (!fp_mem_rebook_shared((uintptr_t)block, &gone, &t->memory.difference))
			(void)fp_memory_lose();
	} else if (lock(t)) {
		fp_mem_rebook(&fp_mem_ledger.system, (uintptr_t)block, &gone);
		fp_memory_unlock();
	}
	fp_memory_leave(t);
}
