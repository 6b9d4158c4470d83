/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers and the handler of sampler.h.  The handler: no libc but
 * clock_gettime, no lock, no allocation but raw mmap, errno kept.
 */
#include "agent/hot/sampler.h"

#include "agent/base/clock.h"
#include "agent/base/poisson.h"
#include "agent/base/sys.h"
#include "agent/hot/copies.h"
#include "agent/hot/stack.h"

#include <errno.h>
#include <sys/prctl.h>

#ifdef FP_TEST_WALL_CLOCK /* tests: as many signals as asked, whatever the tick */
#define TIMER_CLOCK(tid) CLOCK_MONOTONIC
#define HANDLER_SHARE 2u
#else
#define TIMER_CLOCK(tid) ((clockid_t)((~(unsigned int)(tid) << 3) | 6))
#define HANDLER_SHARE 50u /* the handler takes at most 1/50 of a thread's time */
#endif

/* struct sigevent as the kernel has it: glibc hides the thread id. */
struct kernel_sigevent {
	void *value;
	int signal_number;
	int notify;
	int tid;
	int padding[11];
};

/* Uniform in [interval/2, 3/2 interval): no lock-step with loops
 * of the program, mean unchanged. */
static uint64_t jittered(struct fp_thread *t, uint64_t interval_ns)
{
	t->random |= 1;
	return interval_ns / 2 + (fp_random_next(&t->random) >> 32) * interval_ns / (1ull << 32);
}

static void set_expiry(struct fp_thread *t)
{
	uint64_t interval_ns = fp_context.interval_ns;
	uint64_t least_ns = t->handler_ns * HANDLER_SHARE;
	uint64_t next_ns = jittered(t, interval_ns > least_ns ? interval_ns : least_ns);
	/* The long period only matters when a signal of ours got lost. */
	struct itimerspec when = {
		.it_interval = {1, 0},
		.it_value = {(time_t)(next_ns / 1000000000), (long)(next_ns % 1000000000)},
	};

	(void)fp_sys_call(SYS_timer_settime, t->timer_id, 0, &when, NULL);
}

static bool create_timer(struct fp_thread *t)
{
	struct kernel_sigevent event = {
		.value = FP_SAMPLER_COOKIE,
		.signal_number = fp_context.signal_number,
		.notify = SIGEV_THREAD_ID,
		.tid = t->tid,
	};

	return fp_sys_call(SYS_timer_create, TIMER_CLOCK(t->tid), &event, &t->timer_id) == 0;
}

void fp_sampler_arm(struct fp_thread *t)
{
	struct fp_capture_header *h = fp_context.segment.header;

	if (!fp_context.sampling || h->stopped_monotonic_ns || t->armed)
		return;
	if (__atomic_add_fetch(&fp_context.n_timers, 1, __ATOMIC_RELAXED) > fp_context.timers_cap || !create_timer(t)) {
		(void)__atomic_sub_fetch(&fp_context.n_timers, 1, __ATOMIC_RELAXED);
		fp_loss_count(&fp_context.segment, FP_LOSS_threads_not_armed);
		return;
	}
	t->armed = true;
	fp_thread_record(t)->flags |= FP_THREAD_ARMED;
	set_expiry(t);
}

void fp_sampler_disarm(struct fp_thread *t)
{
	if (!t->armed)
		return;
	t->armed = false;
	(void)fp_sys_call(SYS_timer_delete, t->timer_id);
	(void)__atomic_sub_fetch(&fp_context.n_timers, 1, __ATOMIC_RELAXED);
}

static void move_one(struct fp_thread *t, void *ctx)
{
	(void)ctx;
	if (!t->armed)
		return;
	(void)fp_sys_call(SYS_timer_delete, t->timer_id);
	if (create_timer(t))
		set_expiry(t);
	else
		t->armed = false;
}

void fp_sampler_move(int signal_number)
{
	fp_context.signal_number = signal_number;
	fp_context.segment.header->signal_number = (uint32_t)signal_number;
	fp_thread_each(move_one, NULL);
}

static void stop_one(struct fp_thread *t, void *ctx)
{
	(void)ctx;
	if (t->armed)
		fp_loss_count(&fp_context.segment, FP_LOSS_threads_not_armed);
	fp_sampler_disarm(t);
}

void fp_sampler_stop(void)
{
	fp_context.sampling = false;
	fp_thread_each(stop_one, NULL);
}

static bool past_duration(int64_t now_ns)
{
	struct fp_capture_header *h = fp_context.segment.header;

	if (fp_likely(!fp_context.duration_ns))
		return false;
	if (!h->stopped_monotonic_ns && (uint64_t)(now_ns - h->start_monotonic_ns) >= fp_context.duration_ns)
		h->stopped_monotonic_ns = (uint64_t)now_ns;
	return h->stopped_monotonic_ns != 0;
}

/* One sample of clock_ns - booked_until on the stack that is there now. */
static void take_sample(struct fp_thread *t, void *ucontext, uint64_t clock_ns, int64_t now_ns, uint32_t n_samples)
{
	struct fp_segment *s = &fp_context.segment;
	struct fp_thread_record *r = fp_thread_record(t);
	struct fp_stack_sample taken = fp_stack_take(t, ucontext);
	struct fp_cpu_booking b = {
		.thread = t->record,
		.stack = taken.stack,
		.kind = taken.kind,
		.gil = taken.gil,
		.weight_ns = clock_ns - t->booked_until_ns,
		.n_samples = n_samples,
	};

	fp_cpu_book(s, &b);
	fp_cpu_log(s, &t->log, &b, now_ns - s->header->start_monotonic_ns, ucontext ? 0 : FP_SAMPLE_PENDING);
	r->samples += n_samples;
	r->booked_ns += b.weight_ns;
	r->cpu_clock_ns = clock_ns;
	fp_copies_settle(t);
	if (taken.python)
		r->flags |= FP_THREAD_PYTHON;
	if (--t->names_due == 0) {
		(void)fp_sys_call(SYS_prctl, PR_GET_NAME, r->name);
		t->names_due = 64;
	}
	s->header->heartbeat_monotonic_ns = now_ns;
	fp_mem_ledger.tick_due = true;
}

/* The agent's own time is nobody's sample. */
static void close_sample(struct fp_thread *t, uint64_t begin_ns)
{
	struct fp_thread_record *r = fp_thread_record(t);
	uint64_t end_ns = fp_clock_thread_ns(), spent_ns = end_ns - begin_ns;

	t->booked_until_ns = end_ns;
	r->agent_ns += spent_ns;
	if (spent_ns > r->walk_ns_max)
		r->walk_ns_max = spent_ns;
	t->handler_ns = (t->handler_ns * 7 + spent_ns) / 8;
}

void fp_sampler_book_pending(struct fp_thread *t)
{
	uint64_t clock_ns = fp_clock_thread_ns();
	uint32_t n = t->pending_samples;

	t->pending_samples = 0;
	fp_thread_record(t)->pending_samples += n;
	take_sample(t, NULL, clock_ns, fp_clock_monotonic_ns(), n);
	close_sample(t, clock_ns);
}

bool fp_sampler_on_signal(siginfo_t *info, void *ucontext)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t clock_ns;
	int64_t now_ns;

	if (info->si_code != SI_TIMER || info->si_value.sival_ptr != FP_SAMPLER_COOKIE)
		return false;
	if (!t || !fp_context_live()) {
		/* An exec is under way, which may fail: the next signal is wanted then. */
		if (t && t->armed && *fp_context.fork_word)
			set_expiry(t);
		return true;
	}
	if (t->inside) {
		t->pending_samples++;
		set_expiry(t);
		return true;
	}
	t->inside = 1;
	clock_ns = fp_clock_thread_ns();
	now_ns = fp_clock_monotonic_ns();
	if (fp_unlikely(past_duration(now_ns))) {
		fp_sampler_disarm(t);
	} else {
		take_sample(t, ucontext, clock_ns, now_ns, 1);
		close_sample(t, clock_ns);
		set_expiry(t);
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->inside = 0;
	return true;
}
