/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads as the agent knows them (thread.h).  Hot: runs in signal handlers,
 * inside any hook, before constructors (claim fails then) and after
 * destructors (state ENDED).  A vfork child never gets here: enter() needs
 * the fork word and the hooks that run there check fp_context_is_own().
 */
#include "agent/hot/thread.h"

#include "agent/base/clock.h"
#include "agent/base/sys.h"
#include "agent/hot/allocations.h"
#include "agent/hot/copies.h"
#include "agent/hot/host_mask.h"
#include "agent/hot/python_stack.h"
#include "agent/hot/sampler.h"
#include "agent/ledger/node_table.h"

#include <sys/prctl.h>

static volatile uint32_t no_fork_word; /* 0, "not ours", until boot maps the real one */
struct fp_context fp_context = {.fork_word = &no_fork_word};
__thread struct fp_thread *fp_thread_self __attribute__((tls_model("initial-exec")));
__thread int64_t fp_thread_countdown __attribute__((tls_model("initial-exec")));

#define SLOTS_MAX 65536u
static struct fp_thread *slots; /* reserved, touched as used */
static uint32_t n_slots;        /* ever used */
static uint32_t slot_hint;

bool fp_context_is_own(void)
{
	return fp_context.state != FP_STATE_OFF && *fp_context.fork_word && fp_sys_pid() == fp_context.pid;
}

static bool claim_slot(uint32_t i)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&slots[i].slot_state, &free, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

struct fp_thread *fp_thread_claim(void)
{
	uint32_t used, hint;

	if (!slots) {
		struct fp_thread *fresh = fp_sys_map_private(SLOTS_MAX * sizeof(*slots));
		struct fp_thread *none = NULL;

		if (!fresh)
			return NULL;
		if (!__atomic_compare_exchange_n(&slots, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			fp_sys_unmap(fresh, SLOTS_MAX * sizeof(*slots));
	}
	used = __atomic_load_n(&n_slots, __ATOMIC_ACQUIRE);
	hint = __atomic_load_n(&slot_hint, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < used && i < 64; i++)
		if (claim_slot((hint + i) % used))
			return &slots[(hint + i) % used];
	while (used < SLOTS_MAX) {
		if (__atomic_compare_exchange_n(&n_slots, &used, used + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
		    claim_slot(used))
			return &slots[used];
	}
	fp_loss_count(&fp_context.segment, FP_LOSS_threads_full);
	return NULL;
}

void fp_thread_release(struct fp_thread *t)
{
	t->stack_low = t->stack_high = 0;
	__atomic_store_n(&slot_hint, (uint32_t)(t - slots), __ATOMIC_RELAXED);
	__atomic_store_n(&t->slot_state, 0, __ATOMIC_RELEASE);
}

void fp_thread_each(void (*visit)(struct fp_thread *t, void *ctx), void *ctx)
{
	uint32_t used = __atomic_load_n(&n_slots, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < used; i++)
		if (__atomic_load_n(&slots[i].slot_state, __ATOMIC_ACQUIRE) && slots[i].tid)
			visit(&slots[i], ctx);
}

static uint64_t resident_bytes(const void *start, size_t n_bytes)
{
	uintptr_t at = (uintptr_t)start / FP_PAGE_BYTES * FP_PAGE_BYTES, end = (uintptr_t)start + n_bytes;
	unsigned char pages[256];
	uint64_t resident = 0;

	while (at < end) {
		size_t n = fp_round_up(end - at, FP_PAGE_BYTES) / FP_PAGE_BYTES;

		n = n < sizeof(pages) ? n : sizeof(pages);
		if (fp_sys_call(SYS_mincore, at, n * FP_PAGE_BYTES, pages) < 0)
			break;
		for (size_t i = 0; i < n; i++)
			resident += pages[i] & 1;
		at += n * FP_PAGE_BYTES;
	}
	return resident * FP_PAGE_BYTES;
}

uint64_t fp_thread_memory_bytes(void)
{
	uint32_t used = __atomic_load_n(&n_slots, __ATOMIC_ACQUIRE);
	uint64_t sum = used * sizeof(*slots);

	for (uint32_t i = 0; i < used; i++) {
		if (slots[i].scratch)
			sum += resident_bytes(slots[i].scratch, slots[i].scratch->n_bytes);
		if (slots[i].hook)
			sum += resident_bytes(slots[i].hook, fp_hook_memory_bytes());
	}
	return sum;
}

static int64_t since_start_ns(void)
{
	return fp_clock_monotonic_ns() - fp_context.segment.header->start_monotonic_ns;
}

/* A record of this capture; false when the table is full. */
static bool open_record(struct fp_thread *t, uint32_t flags)
{
	uint64_t at = fp_segment_claim(&fp_context.segment, FP_REGION_THREADS, sizeof(struct fp_thread_record));
	struct fp_thread_record *r;

	if (at == UINT64_MAX) {
		fp_loss_count(&fp_context.segment, FP_LOSS_threads_full);
		return false;
	}
	t->record = (uint32_t)(at / sizeof(*r));
	t->memory.recent.sequence = FP_MEM_SEQUENCE(t->record);
	t->memory.recent.record = t->record;
	r = fp_thread_record(t);
	r->flags = flags;
	r->start_ns = since_start_ns();
	(void)fp_sys_call(SYS_prctl, PR_GET_NAME, r->name);
	r->cpu_begin_ns = r->cpu_clock_ns = t->booked_until_ns = fp_clock_thread_ns();
	__atomic_store_n(&r->tid, t->tid, __ATOMIC_RELEASE);
	return true;
}

void fp_thread_begin(struct fp_thread *t, uint32_t flags)
{
	t->tid = fp_sys_tid();
	fp_lock_name_thread(t->tid);
	fp_mem_give_back(); /* what a thread of that name held when it ended */
	t->inside = 1;
	t->pending_samples = 0;
	t->armed = false;
	t->handler_ns = 0;
	t->names_due = 1;
	t->exit_rounds = 0;
	t->log = (struct fp_log_cursor){0};
	t->random = (uint64_t)t->tid * 0x9e3779b97f4a7c15ull ^ (uint64_t)fp_clock_monotonic_ns();
	if (t->scratch)
		t->scratch->n_memo = 0;
	fp_hook_memory_forget(t);
	t->memory = (struct fp_thread_memory){.recent.n = fp_context.temporary_threshold + 1};
	fp_thread_countdown = 0;
	if (!open_record(t, flags)) {
		t->tid = 0;
		fp_thread_release(t);
		return;
	}
	fp_copies_begin(t);
	fp_thread_self = t;
	fp_sampler_arm(t);
	t->inside = 0;
}

/* From the last sample to now nobody looked: its own mark, so that the sums
 * still make the clock. */
static void book_rest(struct fp_thread *t, uint64_t clock_ns)
{
	struct fp_thread_record *r = fp_thread_record(t);
	struct fp_cpu_booking b = {.thread = t->record, .stack = fp_node_of_mark(FP_MARK_unsampled), .kind = FP_CPU_NATIVE};

	if (clock_ns <= t->booked_until_ns)
		return;
	b.weight_ns = clock_ns - t->booked_until_ns;
	t->booked_until_ns = clock_ns;
	r->rest_ns += b.weight_ns;
	r->booked_ns += b.weight_ns;
	r->cpu_clock_ns = clock_ns;
	fp_cpu_book(&fp_context.segment, &b);
	if (t->log.chunk) /* a thread without samples has no timeline */
		fp_cpu_log(&fp_context.segment, &t->log, &b, since_start_ns(), FP_SAMPLE_REST);
}

void fp_thread_end(struct fp_thread *t)
{
	struct fp_thread_record *r = fp_thread_record(t);
	struct rusage usage;

	t->inside++;
	fp_sampler_disarm(t);
	if (fp_context_live())
		fp_copies_settle(t);
	if (fp_context_live() && !fp_context.segment.header->stopped_monotonic_ns) {
		if (fp_sys_call(SYS_getrusage, RUSAGE_THREAD, &usage) == 0) {
			r->switches_voluntary = (uint64_t)usage.ru_nvcsw;
			r->switches_involuntary = (uint64_t)usage.ru_nivcsw;
		}
		(void)fp_sys_call(SYS_prctl, PR_GET_NAME, r->name);
		book_rest(t, fp_clock_thread_ns());
		r->end_ns = since_start_ns();
		r->flags |= FP_THREAD_ENDED;
	}
	fp_memory_thread_ended(t);
	fp_host_mask_end(t);
	fp_thread_self = NULL;
	t->tid = 0;
	fp_thread_release(t);
}

struct fp_thread *fp_thread_enter(void)
{
	struct fp_thread *t = fp_thread_self;

	if (!fp_context_live())
		return NULL;
	if (fp_unlikely(!t)) {
		t = fp_thread_claim();
		if (!t)
			return NULL;
		t->host_blocks = false;
		fp_thread_begin(t, FP_THREAD_ADOPTED);
		t = fp_thread_self;
		if (!t)
			return NULL;
	}
	if (t->inside)
		return NULL;
	t->inside = (uintptr_t)__builtin_frame_address(0);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return t;
}

void fp_thread_leave(struct fp_thread *t)
{
	if (fp_unlikely(t->pending_samples))
		fp_sampler_book_pending(t);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->inside = 0;
}

static void end_one(struct fp_thread *t, void *ctx)
{
	struct fp_thread *self = ctx;
	uint64_t clock_ns = t == self ? fp_clock_thread_ns() : fp_clock_other_thread_ns(t->tid);

	if (clock_ns)
		book_rest(t, clock_ns);
	fp_thread_record(t)->end_ns = since_start_ns();
}

void fp_thread_end_all(void)
{
	fp_thread_each(end_one, fp_thread_self);
}

static void forget_other(struct fp_thread *t, void *ctx)
{
	if (t == ctx)
		return;
	t->tid = 0;
	t->armed = false;
	t->slot_state = 0;
}

void fp_thread_forked(struct fp_thread *t)
{
	fp_context.n_timers = 0;
	fp_copies_forked();
	fp_thread_each(forget_other, t);
	if (!t) {
		t = fp_thread_claim();
		if (!t)
			return;
	}
	fp_thread_begin(t, FP_THREAD_MAIN);
}
