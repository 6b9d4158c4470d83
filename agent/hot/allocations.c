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
#include "agent/base/text.h"
#include "agent/hot/python_stack.h"
#include "agent/hot/sampler.h"
#include "agent/hot/stack.h"
#include "agent/ledger/mem_ranges.h"
#include "agent/ledger/mem_stream.h"
#include "agent/ledger/node_table.h"
#include "agent/native/native.h"

#include <sys/mman.h>

static uint32_t python_allocator; /* 0: not known yet */
extern char __libc_single_threaded __attribute__((weak));

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

/* The object of an allocator that is not libc's: its mappings carry blocks. */
static struct fp_text_range other_allocator;
static uintptr_t allocator_address;

void fp_agent_allocator(const void *allocator)
{
	allocator_address = (uintptr_t)allocator;
}

static void look_at_module(void *ctx, const struct fp_module *m, bool added, uint32_t generation)
{
	const char *name = m->path;

	(void)ctx;
	(void)added;
	(void)generation;
	if (allocator_address < m->start || allocator_address >= m->end)
		return;
	for (const char *c = m->path; *c; c++)
		if (*c == '/')
			name = c + 1;
	if (!fp_text_starts(name, "libc.so") && !fp_text_starts(name, "libc-"))
		other_allocator = (struct fp_text_range){m->start, m->end};
}

void fp_memory_start(enum fp_mem_mode mode, bool native, bool stream, uint64_t sample_bytes, uint32_t temporary_threshold)
{
	struct fp_mem_header *h = &fp_context.segment.header->mem;

	fp_context.memory_native = native;
	fp_context.temporary_threshold = temporary_threshold;
	fp_mem_ledger_init(&fp_context.segment, mode, stream, sample_bytes);
	fp_mem_ranges_init();
	fp_memory_clock_forked();
	if (h->mode == FP_MEM_OFF)
		return;
	h->native = native;
	h->python_allocator = python_allocator;
	h->temporary_threshold = temporary_threshold;
	fp_native_each(look_at_module, NULL);
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
		h->heap_bytes = fp_mem_heap_bytes();
		fp_memory_take_balance(&h->at_end);
	}
}

uint64_t fp_memory_forked(void)
{
	return fp_agent_memory == &never ? 0 : fp_mem_heap_bytes();
}

static FP_COLD bool lose(void)
{
	fp_loss_count(&fp_context.segment, FP_LOSS_mem_nested);
	return false;
}

/* As glibc's malloc does: one thread needs no lock (glibc 2.32). */
static inline bool is_alone(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

/* False: the event is lost. */
static inline __attribute__((always_inline)) bool lock(const struct fp_thread *t)
{
	if (fp_unlikely(!is_alone()) && fp_unlikely(!fp_lock_take(&fp_mem_ledger.lock)))
		return lose();
	if (fp_mem_ledger.stream)
		fp_mem_stream_thread(t->record);
	return true;
}

static void unlock(void)
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
	(void)lose();
	return NULL;
}

bool fp_memory_lock_python(const struct fp_thread *t)
{
	return fp_likely(!fp_mem_ledger.lock_all) || lock(t);
}

/* Whether it was taken: another thread may have turned lock_all on since. */
void fp_memory_unlock_python(void)
{
	fp_lock_give_mine(&fp_mem_ledger.lock);
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
	if (fp_lock_take(&fp_mem_ledger.lock)) {
		fp_mem_book(&fp_mem_ledger.system, fp_mem_cell_intern(&key), (uintptr_t)block, n_bytes, NULL);
		unlock();
	}
	bare.inside = 0;
}

static struct fp_mem_gone unbook_bare(void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (!bare.record || bare.inside)
		return gone;
	bare.inside = 1;
	if (fp_lock_take(&fp_mem_ledger.lock)) {
		gone = fp_mem_unbook(&fp_mem_ledger.system, (uintptr_t)block, NULL);
		unlock();
	}
	bare.inside = 0;
	return gone;
}

void fp_memory_thread_ended(const struct fp_thread *t)
{
	fp_mem_give_back();
	bare.record = t->record + 1;
}

/* Blocks that carry Python's are counted as those. */
static bool is_carrier(void)
{
	const struct fp_thread *t = fp_thread_self;

	return t && t->memory.carrier_depth;
}

static void after_event(struct fp_thread *t)
{
	if (fp_unlikely(fp_mem_ledger.tick_due || (!fp_context.sampling && !(t->memory.recent.sequence & 63)) ||
			fp_memory_balance_due()))
		fp_memory_tick();
	fp_domains_check(t);
	fp_memory_leave(t);
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

	if (is_carrier())
		return;
	t = fp_memory_enter();
	if (!t) {
		book_bare(block, n_bytes, allocator);
		return;
	}
	t->memory.recent.sequence++;
	cell = cell_of(t, (uint8_t)allocator, n_bytes);
	if (fp_likely(lock(t))) {
		fp_mem_book(&fp_mem_ledger.system, cell, (uintptr_t)block, n_bytes, &t->memory.recent);
		unlock();
	}
	if (!fp_mem_ledger.exact)
		fp_memory_count_next(t);
	after_event(t);
}

static struct fp_mem_gone unbook(void *block)
{
	struct fp_mem_gone gone = {.cell = 0};
	struct fp_thread *t;

	t = fp_memory_enter();
	if (!t)
		return unbook_bare(block);
	if (!fp_memory_ended() && fp_likely(lock(t))) {
		gone = fp_mem_unbook(&fp_mem_ledger.system, (uintptr_t)block, &t->memory.recent);
		unlock();
		/* What carries a Python block comes by here too, and is not known. */
		if (!gone.cell && fp_mem_ledger.exact && !is_carrier())
			(void)__atomic_fetch_add(&fp_mem_header()->n_unknown_frees, 1, __ATOMIC_RELAXED);
	}
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
	if (lock(t)) {
		fp_mem_rebook(&fp_mem_ledger.system, (uintptr_t)block, &gone);
		unlock();
	}
	fp_memory_leave(t);
}

static int kind_of_mapping(int protection, int flags, int fd, const void *caller)
{
	const struct fp_python *py = &fp_context.python;

	if (is_carrier() || protection == PROT_NONE || fp_domains_maps_arenas(caller))
		return FP_ALLOCATOR_CARRIER;
	if (py->free_threaded && (uintptr_t)caller >= py->library.start && (uintptr_t)caller < py->library.end)
		return FP_ALLOCATOR_CARRIER; /* mimalloc's segments */
	if ((uintptr_t)caller >= other_allocator.start && (uintptr_t)caller < other_allocator.end)
		return FP_ALLOCATOR_CARRIER;
	return fd >= 0 && !(flags & MAP_ANONYMOUS) ? FP_ALLOCATOR_FILE_MAP : FP_ALLOCATOR_MMAP;
}

static void map(struct fp_thread *t, void *start, size_t n_bytes, int allocator)
{
	uint64_t whole = fp_round_up(n_bytes, FP_PAGE_BYTES);
	uint32_t cell, stack = allocator == FP_ALLOCATOR_CARRIER ? fp_node_of_mark(FP_MARK_native) :
								   fp_memory_stack(t, false);

	cell = fp_hook_cell(t, stack, (uint8_t)allocator, fp_size_class(whole));
	if (lock(t)) {
		fp_mem_range_map((uintptr_t)start, whole, cell);
		unlock();
	}
}

void fp_agent_mapped(void *start, size_t n_bytes, int protection, int flags, int fd, const void *caller)
{
	int allocator = kind_of_mapping(protection, flags, fd, caller);
	struct fp_thread *t = fp_memory_enter();

	if (!t)
		return;
	map(t, start, n_bytes, allocator);
	after_event(t);
}

void fp_agent_unmapping(void *start, size_t n_bytes)
{
	struct fp_thread *t;

	if ((uintptr_t)start % FP_PAGE_BYTES || !n_bytes)
		return; /* munmap will refuse it */
	t = fp_memory_enter();
	if (!t)
		return;
	if (!fp_memory_ended() && lock(t)) {
		fp_mem_range_unmap((uintptr_t)start, fp_round_up(n_bytes, FP_PAGE_BYTES));
		unlock();
	}
	fp_memory_leave(t);
}

void fp_agent_remapped(void *old_start, size_t old_bytes, void *start, size_t n_bytes)
{
	struct fp_thread *t = fp_memory_enter();
	uint32_t before;
	int allocator = FP_ALLOCATOR_MMAP;

	if (!t)
		return;
	if (lock(t)) {
		before = fp_mem_range_cell((uintptr_t)old_start);
		if (before)
			allocator = fp_mem_ledger.cells[before].allocator;
		fp_mem_range_unmap((uintptr_t)old_start, fp_round_up(old_bytes, FP_PAGE_BYTES));
		unlock();
	}
	map(t, start, n_bytes, allocator);
	after_event(t);
}

void fp_agent_break_moved(void *old_break, void *new_break)
{
	uintptr_t from = (uintptr_t)old_break, to = (uintptr_t)new_break;
	struct fp_thread *t = fp_memory_enter();

	if (!t)
		return;
	if (to > from) {
		map(t, old_break, to - from, FP_ALLOCATOR_BRK);
	} else if (lock(t)) {
		fp_mem_range_unmap(to, from - to);
		unlock();
	}
	after_event(t);
}
