/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of agent/native: a refresh of the module map, learning a rule, a
 * walk of 26 and 66 frames by known rules, glibc's backtrace() beside it.
 * Prints; never fails by a time.
 */
#include "agent/native/native.h"

#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>

#define ROUNDS 20000u
#define CAP 128u

static void *scratch;
static uintptr_t stack_low, stack_high;
static ucontext_t context;
static volatile int sink;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(void)
{
	uintptr_t pcs[CAP];
	void *reference[CAP];
	unsigned n = 0;
	volatile int m = 0; /* getcontext may return twice, for the compiler */
	uint64_t t0, t1, t2, t3;

	getcontext(&context);
	t0 = now_ns();
	n = fp_native_walk(scratch, &context, stack_low, stack_high, pcs, CAP);
	t1 = now_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		n = fp_native_walk(scratch, &context, stack_low, stack_high, pcs, CAP);
	t2 = now_ns();
	for (unsigned i = 0; i < ROUNDS / 10; i++)
		m = backtrace(reference, CAP);
	t3 = now_ns();
	printf("%u frames: first %.1f us, then %.0f ns (%.1f ns a frame); backtrace() %d frames %.0f ns (%.1f a frame)\n", n,
	       (double)(t1 - t0) / 1e3, (double)(t2 - t1) / ROUNDS, (double)(t2 - t1) / ROUNDS / n, m,
	       (double)(t3 - t2) / (ROUNDS / 10), (double)(t3 - t2) / (ROUNDS / 10) / m);
	stack_high = stack_low;
	t0 = now_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		n = fp_native_walk(scratch, &context, stack_low, stack_high, pcs, CAP);
	t1 = now_ns();
	stack_high = (uintptr_t)__builtin_frame_address(0) + 8192;
	printf("  without a known stack: %.1f ns a frame\n", (double)(t1 - t0) / ROUNDS / n);
}

static __attribute__((noinline)) int odd(int n);

static __attribute__((noinline)) int even(int n)
{
	int r;

	if (!n) {
		measure();
		return 1;
	}
	r = odd(n - 1);
	__asm__ volatile("" : "+r"(r));
	return r;
}

static __attribute__((noinline)) int odd(int n)
{
	int r = even(n - 1);

	__asm__ volatile("" : "+r"(r));
	return r + 1;
}

int main(void)
{
	uint64_t t0 = now_ns(), t1, t2;

	if (fp_native_refresh(NULL, NULL) < 0)
		return 1;
	t1 = now_ns();
	for (unsigned i = 0; i < 1000; i++)
		(void)fp_native_refresh(NULL, NULL);
	t2 = now_ns();
	printf("refresh: first %.1f us, unchanged %.2f us; scratch %zu bytes a thread\n", (double)(t1 - t0) / 1e3,
	       (double)(t2 - t1) / 1e6, fp_native_thread_bytes());
	scratch = calloc(1, fp_native_thread_bytes());
	stack_low = (uintptr_t)__builtin_frame_address(0) - 65536;
	stack_high = (uintptr_t)__builtin_frame_address(0);
	sink = even(20);
	sink = even(60);
	free(scratch);
	return 0;
}
