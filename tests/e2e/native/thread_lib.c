/* SPDX-License-Identifier: Apache-2.0 */
/* For ctypes: a thread that C makes, which burns in C and then calls back. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

static volatile uint64_t sink;

struct order {
	double seconds;
	void (*then)(void);
};

double thread_lib_burn(double seconds);
int thread_lib_run(double seconds, void (*then)(void));

__attribute__((visibility("default"))) double thread_lib_burn(double seconds)
{
	struct timespec t;
	double now, end = 0;

	do {
		for (unsigned i = 0; i < 200000; i++)
			sink += i;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
		now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
		end = end > 0 ? end : now + seconds;
	} while (now < end);
	return now;
}

static void *run(void *arg)
{
	const struct order *order = arg;

	thread_lib_burn(order->seconds);
	if (order->then)
		order->then();
	return NULL;
}

/* Returns when the thread has ended: call it without the GIL. */
__attribute__((visibility("default"))) int thread_lib_run(double seconds, void (*then)(void))
{
	struct order order = {seconds, then};
	pthread_t thread;
	int err = pthread_create(&thread, NULL, run, &order);

	return err ? err : pthread_join(thread, NULL);
}
