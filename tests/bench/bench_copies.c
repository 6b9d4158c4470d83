/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_copies BYTES CALLS: memcpy through the dynamic linker, as a library
 * calls it.  Prints ns per call.  Run with and without the agent, for
 * count_copies.py to count instructions, and by hand to measure time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	size_t n_bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, calls = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	char *from = malloc(n_bytes + 1), *to = malloc(n_bytes + 1);
	double begin_ns;

	if (!calls || !from || !to)
		return 2;
	memset(from, 1, n_bytes + 1);
	memset(to, 2, n_bytes + 1);
	begin_ns = now_ns();
	for (size_t i = 0; i < calls; i++) {
		/* The size is not known to the compiler, and each copy is wanted. */
		__asm__ volatile("" : "+r"(n_bytes) : : "memory");
		memcpy(to, from, n_bytes);
	}
	printf("%.3f\n", (now_ns() - begin_ns) / (double)calls);
	free(from);
	free(to);
	return 0;
}
