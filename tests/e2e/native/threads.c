/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without CPython whose CPU lies in functions with known names:
 * one per thread, an inlined one, one with a mangled name.  Loops are counted
 * and what they spent by their thread's clock is printed: reading that clock
 * all along would be where the kernel switches threads, and where the signals
 * of a wall clock then arrive.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 400000000u /* 0.1 to 0.2 s */

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

struct work {
	unsigned rounds;
	double spent;
};

__attribute__((noinline)) static void burn(struct work *w)
{
	double begin = thread_seconds();

	inlined_loop(w->rounds);
	w->spent = thread_seconds() - begin;
}

__attribute__((noinline)) static void *work_of_a(void *work)
{
	burn(work);
	sink++;
	return NULL;
}

__attribute__((noinline)) static void *work_of_b(void *work)
{
	burn(work);
	sink++;
	return NULL;
}

void mangled(void *work) __asm__("_ZN5outer5inner4workILi3EEEvPv");

__attribute__((noinline)) void mangled(void *work)
{
	burn(work);
	sink++;
}

int main(void)
{
	struct work of_a = {.rounds = ROUNDS}, of_b = {.rounds = 2 * ROUNDS}, of_main = {.rounds = ROUNDS};
	pthread_t a, b;

	if (pthread_create(&a, NULL, work_of_a, &of_a) || pthread_create(&b, NULL, work_of_b, &of_b))
		return 1;
	pthread_setname_np(a, "thread-a");
	pthread_setname_np(b, "thread-b");
	mangled(&of_main);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	printf("%f %f %f\n", of_a.spent, of_b.spent, of_main.spent);
	return 0;
}
