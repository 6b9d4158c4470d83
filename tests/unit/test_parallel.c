/* SPDX-License-Identifier: Apache-2.0 */
/* Work on several CPUs: all of it, each piece once, and also with one CPU. */
#include "tools/read/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define N 1000u

static atomic_uint n_calls[N];
static size_t order[N];
static atomic_size_t n_done, n_elsewhere;
static pthread_t caller;

static void note(void *ctx, size_t i)
{
	assert_ptr_equal(ctx, n_calls);
	n_calls[i]++;
	order[n_done++] = i;
	n_elsewhere += !pthread_equal(pthread_self(), caller);
}

static int start(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++)
		n_calls[i] = 0;
	n_done = n_elsewhere = 0;
	caller = pthread_self();
	return 0;
}

static void each_piece_is_done_once(void **state)
{
	(void)state;
	fp_parallel(note, n_calls, N);
	assert_int_equal(n_done, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(n_calls[i], 1);
}

static void nothing_is_nothing(void **state)
{
	(void)state;
	fp_parallel(note, n_calls, 0);
	assert_int_equal(n_done, 0);
}

static void one_piece_is_done_here(void **state)
{
	(void)state;
	fp_parallel(note, n_calls, 1);
	assert_int_equal(n_done, 1);
	assert_int_equal(n_elsewhere, 0);
}

static void one_cpu_does_all_in_order(void **state)
{
	cpu_set_t before, one;
	int cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	fp_parallel(note, n_calls, N);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(n_done, N);
	assert_int_equal(n_elsewhere, 0);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(order[i], i);
}

/* Waits until the other piece has begun, too. */
static void meet(void *ctx, size_t i)
{
	(void)i;
	n_done++;
	for (int tries = 0; n_done < 2 && tries < 10000; tries++)
		usleep(1000);
	if (n_done >= 2)
		(*(atomic_uint *)ctx)++;
}

static void two_pieces_go_at_once(void **state)
{
	atomic_uint n_met = 0;
	cpu_set_t cpus;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	if (CPU_COUNT(&cpus) < 2)
		skip();
	fp_parallel(meet, &n_met, 2);
	assert_int_equal(n_met, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_piece_is_done_once, start),
		cmocka_unit_test_setup(nothing_is_nothing, start),
		cmocka_unit_test_setup(one_piece_is_done_here, start),
		cmocka_unit_test_setup(one_cpu_does_all_in_order, start),
		cmocka_unit_test_setup(two_pieces_go_at_once, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
