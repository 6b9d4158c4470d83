/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See copies.h.  fp_agent_copied runs wherever the program copies: inside
 * malloc, in its signal handlers, in a vfork child, in a thread that we do not
 * know, after the end.  It adopts no thread: one on a tiny stack would get a timer.
 */
#include "agent/hot/copies.h"

#include "agent/agent.h"
#include "agent/base/clock.h"
#include "agent/base/float_mode.h"
#include "agent/base/poisson.h"
#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
#include "agent/hot/faults.h"
#include "agent/hot/stack.h"
#include "agent/ledger/copy_ledger.h"
#include "agent/ledger/node_table.h"

#include <errno.h>

__thread struct fp_copy_meter fp_copy_meter;

/* The own time of one sample in so many is measured, and stands for all. */
#define TIMED_OF 16u

bool fp_agent_counts_copies(void)
{
	return fp_context_live() && fp_context.segment.header->mem.copies;
}

/* The first addition first: a reader in between sees too much, never less than nothing. */
static void move_on(struct fp_copy_meter *m, int64_t n_bytes)
{
	(void)__atomic_fetch_add(&m->armed, n_bytes, __ATOMIC_RELAXED);
	(void)__atomic_fetch_add(&m->left, n_bytes, __ATOMIC_RELAXED);
}

/* Sets the distance to the next sample; false when there was none yet and the
 * first one lies beyond this copy. */
__attribute__((noinline)) static bool met_sample(struct fp_copy_meter *m)
{
	if (!m->armed) {
		m->random = ((uint64_t)(uintptr_t)m ^ (uint64_t)fp_clock_monotonic_ns() * 0x9e3779b97f4a7c15ull) | 1;
		move_on(m, fp_poisson_distance(&m->random, FP_COPY_SAMPLE_BYTES));
		if (m->left > 0)
			return false;
	}
	move_on(m, fp_poisson_distance(&m->random, FP_COPY_SAMPLE_BYTES) - m->left);
	return true;
}

static enum fp_copy_kind kind_of(const void *caller)
{
	const struct fp_python *py = &fp_context.python;
	uintptr_t pc = (uintptr_t)caller;

	if (pc >= py->library.start && pc < py->library.end)
		return FP_COPY_PYTHON;
	for (unsigned i = 0; i < py->n_eval; i++)
		if (pc >= py->eval[i].start && pc < py->eval[i].end)
			return FP_COPY_PYTHON;
	return FP_COPY_NATIVE;
}

/* An alternate signal stack may have no room for a walk. */
static bool on_own_stack(const struct fp_thread *t)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	stack_t alternate;

	if (t->stack_low)
		return here >= t->stack_low && here <= t->stack_high;
	return fp_sys_call(SYS_sigaltstack, NULL, &alternate) == 0 && !(alternate.ss_flags & SS_ONSTACK);
}

/* The agent's time is in no sample's weight. */
static void leave_out(struct fp_thread *t, uint64_t begin_ns)
{
	uint64_t end_ns = fp_clock_thread_ns(), until_ns = t->booked_until_ns + (end_ns - begin_ns) * TIMED_OF;

	if (until_ns > end_ns)
		until_ns = end_ns;
	if (until_ns <= t->booked_until_ns)
		return;
	fp_thread_record(t)->agent_ns += until_ns - t->booked_until_ns;
	t->booked_until_ns = until_ns;
}

static void book(struct fp_thread *self, size_t n_bytes, const void *caller)
{
	/* Inside the agent already: a handler of the program's interrupted us.  The
	 * sums stay whole, the line is not known. */
	struct fp_thread *t = on_own_stack(self) ? fp_thread_enter() : NULL;
	bool timed = t && fp_copy_meter.random % TIMED_OF == 0;
	uint64_t begin_ns = timed ? fp_clock_thread_ns() : 0;
	struct fp_copy_booking b;

	b = (struct fp_copy_booking){
		.thread = self->record,
		.stack = t ? fp_stack_take(t, NULL).stack : fp_node_of_mark(FP_MARK_native),
		.kind = kind_of(caller),
		.n_bytes = n_bytes,
	};

	fp_copy_book(&fp_context.segment, &b);
	fp_copies_settle(self);
	if (timed)
		leave_out(t, begin_ns);
	if (t)
		fp_thread_leave(t);
}

void fp_agent_copied(size_t n_bytes, const void *caller)
{
	int saved_errno = errno;
	struct fp_float_mode mode = fp_float_begin();
	struct fp_thread *self = fp_thread_self;

	if (met_sample(&fp_copy_meter) && n_bytes && self && fp_context_live() && fp_context_is_own())
		book(self, n_bytes, caller);
	fp_float_end(mode);
	errno = saved_errno;
}

static void put_into_record(struct fp_thread *t, const struct fp_copy_meter *m)
{
	struct fp_thread_record *r = fp_thread_record(t);

	r->copy_calls = m->calls;
	r->copy_bytes = (uint64_t)m->armed - (uint64_t)m->left;
}

void fp_copies_begin(struct fp_thread *t)
{
	t->copies = &fp_copy_meter;
}

void fp_copies_settle(struct fp_thread *t)
{
	put_into_record(t, &fp_copy_meter);
}

static void settle_one(struct fp_thread *t, void *self)
{
	struct fp_copy_meter m;
	int error = 0;

	/* A thread that ended unseen has given its memory back, or on. */
	if (t == self)
		m = fp_copy_meter;
	else if (!fp_clock_other_thread_ns(t->tid))
		return;
	else
		error = (fp_faults_caught(NULL) ? fp_safe_copy : fp_safe_copy_slow)(&m, t->copies, sizeof(m));
	if (!error)
		put_into_record(t, &m);
}

void fp_copies_settle_all(void)
{
	if (fp_context.segment.header->mem.copies)
		fp_thread_each(settle_one, fp_thread_self);
}

void fp_copies_forked(void)
{
	struct fp_copy_meter *m = &fp_copy_meter;

	m->calls = 0;
	m->left = m->armed = 0;
}
