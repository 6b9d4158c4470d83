/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of agent/native: samples threads by a per-thread timer of
 * wall time, walks in the handler and compares with glibc's backtrace().
 */
#ifndef FP_TESTS_NATIVE_SAMPLES_H
#define FP_TESTS_NATIVE_SAMPLES_H

#include "agent/base/safe_load.h"
#include "agent/native/modules.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAMPLE_CAP 256u

struct sample_counts {
	unsigned walks, equal, shorter, different, no_reference;
	unsigned long frames;
	unsigned short_printed;
};

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static struct sample_counts sample_counts;
static __thread uintptr_t sample_pcs[SAMPLE_CAP];
static __thread unsigned sample_n;
static __thread void *scratch;
static __thread uintptr_t stack_low, stack_high;

static void count(unsigned *counter)
{
	(void)__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void print_both(uintptr_t pc, void *const *reference, int n_reference)
{
	if (__atomic_fetch_add(&sample_counts.short_printed, 1, __ATOMIC_RELAXED) > 3)
		return;
	fprintf(stderr, "interrupted at %#lx\nours:", (unsigned long)pc);
	for (unsigned i = 0; i < sample_n && i < 12; i++)
		fprintf(stderr, " %#lx", (unsigned long)sample_pcs[i]);
	fprintf(stderr, "\nbacktrace:");
	for (int i = 0; i < n_reference && i < 12; i++)
		fprintf(stderr, " %#lx", (unsigned long)(uintptr_t)reference[i]);
	fprintf(stderr, "\n");
	for (unsigned i = 0; i < sample_n && i < 12; i++) {
		const struct fp_module *m = fp_module_map_find(fp_module_map_newest(), sample_pcs[i]);

		if (m)
			fprintf(stderr, "  %s+%#lx\n", m->path, (unsigned long)(sample_pcs[i] - m->bias));
	}
}

static void compare(uintptr_t pc)
{
	void *all[SAMPLE_CAP + 16];
	int n = backtrace(all, SAMPLE_CAP + 16), at = 0;
	unsigned i;

	while (at < n && (uintptr_t)all[at] != pc)
		at++;
	if (at == n) {
		count(&sample_counts.no_reference);
		return;
	}
	for (i = 1; i < sample_n && at + (int)i < n; i++) {
		uintptr_t theirs = (uintptr_t)all[at + (int)i];

		if (sample_pcs[i] + 1 != theirs && sample_pcs[i] != theirs) {
			count(&sample_counts.different);
			print_both(pc, all + at, n - at);
			return;
		}
	}
	if ((int)sample_n < n - at && sample_n < SAMPLE_CAP) {
		count(&sample_counts.shorter);
		print_both(pc, all + at, n - at);
		return;
	}
	count(&sample_counts.equal);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	const ucontext_t *uc = context;

	(void)number;
	(void)info;
	if (!scratch)
		return;
	sample_n = fp_native_walk(scratch, context, stack_low, stack_high, sample_pcs, SAMPLE_CAP);
	count(&sample_counts.walks);
	(void)__atomic_fetch_add(&sample_counts.frames, sample_n, __ATOMIC_RELAXED);
	compare((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
	errno = saved;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t landing = fp_safe_landing((uintptr_t)regs[REG_RIP]);

	(void)info;
	if (!landing)
		signal(number, SIG_DFL);
	else
		regs[REG_RIP] = (greg_t)landing;
}

/* In each test, as cmocka has handlers of its own while one runs. */
static void sample_catch_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
}

/* Before the threads that are sampled, after fp_native_refresh. */
static void sample_install(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	void *prime[4];

	(void)backtrace(prime, 4);
	sigaction(SIGPROF, &action, NULL);
}

/* Of the calling thread; interval 0: only signals sent by hand. */
static timer_t sample_begin(long interval_ns)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
	struct itimerspec when = {{0, interval_ns}, {0, interval_ns}};
	pthread_attr_t attributes;
	void *low;
	size_t n_bytes;
	timer_t timer = NULL;

	sample_catch_faults();
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &low, &n_bytes);
	pthread_attr_destroy(&attributes);
	stack_low = (uintptr_t)low;
	stack_high = stack_low + n_bytes;
	scratch = calloc(1, fp_native_thread_bytes());
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (interval_ns && (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &when, NULL)))
		abort();
	return timer;
}

static void sample_end(timer_t timer)
{
	void *old = scratch;

	if (timer)
		timer_delete(timer);
	scratch = NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	free(old);
}

#endif
