/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of the ledgers: alone at a time, and no holder that is gone, jumped
 * away or stands still keeps the others for long. */
#include "agent/base/lock.h"

#include "agent/base/clock.h"
#include "agent/base/sys.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define N_THREADS 4u
#define ROUNDS 50000u

static struct fp_lock lock;
static uint64_t sum;
static volatile int stage;

static void name_myself(void)
{
	fp_lock_name_thread((int)fp_sys_call(SYS_gettid));
}

static void *add(void *unused)
{
	name_myself();
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_true(fp_lock_take(&lock));
		sum++;
		fp_lock_give(&lock);
	}
	return unused;
}

static void one_at_a_time(void **state)
{
	pthread_t threads[N_THREADS];

	(void)state;
	sum = 0;
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(sum, N_THREADS * ROUNDS);
	assert_int_equal(lock.word, 0);
}

static void own_lock_is_known(void **state)
{
	(void)state;
	assert_true(fp_lock_take(&lock));
	assert_true(fp_lock_is_mine(&lock));
	assert_false(fp_lock_take(&lock));
	fp_lock_give_mine(&lock);
	assert_int_equal(lock.word, 0);
	assert_false(fp_lock_is_mine(&lock));
}

static void *hold(void *forever)
{
	name_myself();
	assert_true(fp_lock_take(&lock));
	__atomic_store_n(&stage, 1, __ATOMIC_RELEASE);
	while (forever && __atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 2)
		usleep(1000);
	if (forever)
		fp_lock_give(&lock);
	return NULL;
}

static pthread_t start_holder(int *forever)
{
	pthread_t holder;

	stage = 0;
	assert_int_equal(pthread_create(&holder, NULL, hold, forever), 0);
	while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	return holder;
}

static double seconds_since(int64_t begin_ns)
{
	return (double)(fp_clock_monotonic_ns() - begin_ns) / 1e9;
}

static void a_dead_holder_is_followed(void **state)
{
	int64_t begin_ns;

	(void)state;
	pthread_join(start_holder(NULL), NULL);
	assert_int_not_equal(lock.word, 0);
	assert_false(fp_lock_is_mine(&lock));
	begin_ns = fp_clock_monotonic_ns();
	assert_true(fp_lock_take(&lock));
	assert_true(seconds_since(begin_ns) < 0.5);
	assert_true(fp_lock_is_mine(&lock));
	fp_lock_give(&lock);
}

static void do_nothing(int number)
{
	(void)number;
}

/* Signals that wake who waits must not make it longer. */
static void storm(long period_us)
{
	struct itimerval often = {{0, period_us}, {0, period_us}};

	signal(SIGALRM, do_nothing);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void nobody_waits_for_a_holder_that_stands_still(void **state)
{
	int forever = 1;
	pthread_t holder = start_holder(&forever);
	int64_t begin_ns = fp_clock_monotonic_ns();

	(void)state;
	storm(2000);
	assert_false(fp_lock_take(&lock));
	storm(0);
	assert_true(seconds_since(begin_ns) > 0.5);
	begin_ns = fp_clock_monotonic_ns();
	for (int i = 0; i < 100; i++)
		assert_false(fp_lock_take(&lock));
	assert_true(seconds_since(begin_ns) < 0.5);
	__atomic_store_n(&stage, 2, __ATOMIC_RELEASE);
	pthread_join(holder, NULL);
	assert_true(fp_lock_take(&lock));
	fp_lock_give(&lock);
	assert_int_equal(lock.word, 0);
}

static int begin(void **state)
{
	(void)state;
	name_myself();
	fp_lock_reset(&lock);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_at_a_time, begin),
		cmocka_unit_test_setup(own_lock_is_known, begin),
		cmocka_unit_test_setup(a_dead_holder_is_followed, begin),
		cmocka_unit_test_setup(nobody_waits_for_a_holder_that_stands_still, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
