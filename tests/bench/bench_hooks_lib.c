/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops for run_hooks to call from Python ten frames deep, so that the hooks stand
 * where a program's own would.  Each returns nanoseconds for all rounds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define THREADS_MOST 64

EXPORT double bench_malloc(size_t n_bytes, size_t rounds);
EXPORT double bench_realloc(size_t n_bytes, size_t rounds);
EXPORT double bench_mmap(size_t n_bytes, size_t rounds);
EXPORT double bench_memcpy(size_t n_bytes, size_t rounds);
EXPORT double bench_threads(size_t n_threads, size_t rounds);

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The compiler may not know that nobody uses it. */
static void use(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

double bench_malloc(size_t n_bytes, size_t rounds)
{
	double begin_ns = now_ns();

	for (size_t i = 0; i < rounds; i++) {
		void *p = malloc(n_bytes);

		use(p);
		free(p);
	}
	return now_ns() - begin_ns;
}

double bench_realloc(size_t n_bytes, size_t rounds)
{
	void *p = malloc(n_bytes);
	double begin_ns = now_ns();

	for (size_t i = 0; i < rounds; i++) {
		p = realloc(p, n_bytes + i % 2);
		use(p);
	}
	free(p);
	return now_ns() - begin_ns;
}

double bench_mmap(size_t n_bytes, size_t rounds)
{
	double begin_ns = now_ns();

	for (size_t i = 0; i < rounds; i++) {
		void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, n_bytes);
	}
	return now_ns() - begin_ns;
}

double bench_memcpy(size_t n_bytes, size_t rounds)
{
	static char from[4096], to[4096];
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;
	double begin_ns = now_ns();

	for (size_t i = 0; i < rounds; i++)
		copy(to, from, n_bytes % sizeof(to));
	return now_ns() - begin_ns;
}

static void *churn(void *rounds)
{
	void *kept[16] = {NULL};

	for (size_t i = 0; i < (size_t)(uintptr_t)rounds; i++) {
		free(kept[i % 16]);
		kept[i % 16] = malloc(32 + i % 8 * 16);
		use(kept[i % 16]);
	}
	for (size_t i = 0; i < 16; i++)
		free(kept[i]);
	return NULL;
}

double bench_threads(size_t n_threads, size_t rounds)
{
	pthread_t threads[THREADS_MOST];
	double begin_ns = now_ns();
	size_t n = 0;

	while (n < n_threads && n < THREADS_MOST && pthread_create(&threads[n], NULL, churn, (void *)(uintptr_t)rounds) == 0)
		n++;
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	return now_ns() - begin_ns;
}
