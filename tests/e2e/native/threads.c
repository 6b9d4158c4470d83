/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without CPython whose CPU lies in functions with known names:
 * one per thread, an inlined one, one with a mangled name.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static volatile uint64_t sink;

static double thread_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((always_inline)) static inline void inlined_loop(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sink += i * (uint64_t)i;
}

__attribute__((noinline)) static void burn(double seconds)
{
	double end = thread_seconds() + seconds;

	while (thread_seconds() < end)
		inlined_loop(10000000);
}

__attribute__((noinline)) static void *work_of_a(void *seconds)
{
	burn(*(double *)seconds);
	sink++;
	return NULL;
}

__attribute__((noinline)) static void *work_of_b(void *seconds)
{
	burn(*(double *)seconds * 2);
	sink++;
	return NULL;
}

void mangled(double seconds) __asm__("_ZN5outer5inner4workILi3EEEvd");

__attribute__((noinline)) void mangled(double seconds)
{
	burn(seconds);
	sink++;
}

int main(void)
{
	double seconds = 0.15;
	pthread_t a, b;

	if (pthread_create(&a, NULL, work_of_a, &seconds) || pthread_create(&b, NULL, work_of_b, &seconds))
		return 1;
	pthread_setname_np(a, "thread-a");
	pthread_setname_np(b, "thread-b");
	mangled(seconds);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	puts("done");
	return 0;
}
