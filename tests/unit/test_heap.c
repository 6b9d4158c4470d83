/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private heap: blocks of every size keep their bytes, threads and forks
 * leave it whole, the environment does not configure it, and the host's
 * allocator is never asked.
 */
#include "agent/base/heap.h"
#include "agent/base/heap_host.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define N_BLOCKS 400

static void starts_with_first_block(void **state)
{
	(void)state;
	/* main() sets MALLOC_CONF to something jemalloc would die of. */
	fp_heap_free(NULL);
	fp_heap_fork_prepare();
	fp_heap_fork_parent();
	assert_int_equal(fp_heap_mapped_bytes(), 0);
	assert_null(fp_heap_fork_handlers.prepare);

	void *block = fp_heap_alloc(100);

	assert_non_null(block);
	assert_true(fp_heap_mapped_bytes() > 0);
	assert_non_null(fp_heap_fork_handlers.prepare);
	fp_heap_free(block);
}

static void keeps_bytes(void **state)
{
	unsigned char *blocks[N_BLOCKS];

	(void)state;
	for (size_t i = 0; i < N_BLOCKS; i++) {
		blocks[i] = fp_heap_alloc(i * i + 1);
		assert_non_null(blocks[i]);
		memset(blocks[i], (int)i, i * i + 1);
	}
	for (size_t i = 0; i < N_BLOCKS; i++) {
		blocks[i] = fp_heap_resize(blocks[i], 2 * i * i + 1);
		assert_non_null(blocks[i]);
		for (size_t at = 0; at < i * i + 1; at++)
			assert_int_equal(blocks[i][at], (unsigned char)i);
		fp_heap_free(blocks[i]);
	}
}

static void refuses_too_much(void **state)
{
	volatile size_t huge = SIZE_MAX / 2;

	(void)state;
	errno = EXDEV;
	assert_null(fp_heap_alloc_zeroed(huge, 4));
	assert_null(fp_heap_alloc(huge));
	assert_int_equal(errno, EXDEV);
}

static void *churn(void *seed)
{
	uintptr_t n = (uintptr_t)seed;

	for (int i = 0; i < 2000; i++) {
		uintptr_t *block = fp_heap_alloc_zeroed(1 + n % 100, sizeof(*block));

		if (!block || block[n % 100] != 0)
			return NULL;
		block[n % 100] = n;
		n = n * 6364136223846793005u + 1442695040888963407u;
		n ^= n >> 33;
		fp_heap_free(block);
	}
	return seed;
}

static void survives_threads_and_forks(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (uintptr_t round = 0; round < 10; round++) {
		int status = -1;
		pid_t child;

		for (uintptr_t i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(round * 4 + i + 1)), 0);
		fp_heap_fork_prepare();
		child = fork();
		if (child == 0) {
			fp_heap_fork_child();
			_exit(churn((void *)7) ? 0 : 1);
		}
		fp_heap_fork_parent();
		assert_true(child > 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		for (int i = 0; i < 4; i++) {
			void *result = NULL;

			assert_int_equal(pthread_join(threads[i], &result), 0);
			assert_non_null(result);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_first_block),
		cmocka_unit_test(keeps_bytes),
		cmocka_unit_test(refuses_too_much),
		cmocka_unit_test(survives_threads_and_forks),
	};

	setenv("MALLOC_CONF", "abort_conf:true,no_such_option:1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
