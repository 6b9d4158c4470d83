/* SPDX-License-Identifier: Apache-2.0 */
/* See parallel.h.  Ordinary program. */
#include "tools/read/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define THREADS_MAX 4u /* more has no report to do, and each may hold a report's memory */
#define STACK_BYTES (8u << 20) /* as a main thread mostly has; call trees are walked by recursion */

struct work {
	void (*work)(void *ctx, size_t i);
	void *ctx;
	size_t n;
	atomic_size_t next;
};

static void *do_work(void *arg)
{
	struct work *w = arg;

	for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;)
		w->work(w->ctx, i);
	return NULL;
}

static size_t count_cpus(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : (size_t)CPU_COUNT(&cpus);
}

void fp_parallel(void (*work)(void *ctx, size_t i), void *ctx, size_t n)
{
	struct work w = {.work = work, .ctx = ctx, .n = n};
	size_t n_wanted = n < THREADS_MAX ? n : THREADS_MAX, n_cpus = count_cpus(), n_made = 0;
	pthread_t threads[THREADS_MAX];
	pthread_attr_t attributes;

	n_wanted = n_wanted < n_cpus ? n_wanted : n_cpus;
	if (n_wanted > 1 && pthread_attr_init(&attributes) == 0) {
		(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
		/* this thread is one of them */
		while (n_made + 1 < n_wanted && pthread_create(&threads[n_made], &attributes, do_work, &w) == 0)
			n_made++;
		(void)pthread_attr_destroy(&attributes);
	}
	(void)do_work(&w);
	while (n_made)
		(void)pthread_join(threads[--n_made], NULL);
}
