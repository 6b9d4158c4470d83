/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU samples: a timer per thread on the thread's own CPU clock, its signal
 * sent to that thread.  The weight of a sample is what the clock advanced
 * since the last one, so the sums are the clock, whatever the kernel's tick
 * allows.  The next expiry is armed when the handler ends: a slow walk slows
 * the sampling, not the program.  A signal never wakes a sleeping thread,
 * because only a running thread's clock advances.
 */
#ifndef FP_HOT_SAMPLER_H
#define FP_HOT_SAMPLER_H

#include "agent/hot/thread.h"

#include <signal.h>
#include <stdbool.h>

/* The handler (SA_SIGINFO).  Returns true when the signal was one of ours. */
bool fp_sampler_on_signal(siginfo_t *info, void *ucontext);

/* In the thread itself; counts threads_not_armed when the kernel refuses or
 * half of the user's pending-signal limit is used. */
void fp_sampler_arm(struct fp_thread *t);
void fp_sampler_disarm(struct fp_thread *t);
/* All timers to another signal number; any thread. */
void fp_sampler_move(int signal_number);
/* No timer any more in this process; any thread. */
void fp_sampler_stop(void);

/* Books what arrived while t was inside; called by fp_thread_leave. */
void fp_sampler_book_pending(struct fp_thread *t);

/* Our timers' sigev_value: tells our signals from the host's. */
#define FP_SAMPLER_COOKIE ((void *)(uintptr_t)0x66696c70)

#endif
