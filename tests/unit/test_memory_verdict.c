/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts on what is held, at and around their bounds; units and sums of memory. */
#include "tools/model/memory_balance.h"
#include "tools/model/memory_leaks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1u << 20)

static const struct fp_leak_clock clock_10s = {.n_checkpoints = 200, .end_ms = 10000};

/* A steady growth over the whole run. */
static struct fp_leak_facts steady(void)
{
	return (struct fp_leak_facts){.live = {1000, 4 * MIB, 0}, .n_allocs = 1000, .alloc_bytes = 4 * MIB, .ups = 180,
				      .last_up = 199, .age_ms = 5000, .cpu_age = -1};
}

static void a_steady_growth_leaks(void **state)
{
	struct fp_leak_facts f = steady();

	(void)state;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_YES);
	f.age_ms = 4300;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_YES);
	/* it began in the middle */
	f = steady();
	f.first_ms = 5000;
	f.ups = 80;
	f.age_ms = 2500;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_YES);
	/* the machine got busy: slower by the clock, not by the CPU spent */
	f = steady();
	f.age_ms = 6700;
	f.cpu_age = 0.55;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_YES);
	f.age_ms = 7300;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_GROWS);
	/* seldom, but to the end: once in ten looks */
	f = steady();
	f.ups = 20;
	f.last_up = 185;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_YES);
}

static void what_stopped_growing_is_held(void **state)
{
	struct fp_leak_facts f = steady();

	(void)state;
	/* a cache that filled in half the time */
	f.ups = 110;
	f.last_up = 115;
	f.age_ms = 7500;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_HELD);
	/* and what was there at once */
	f.ups = 3;
	f.last_up = 4;
	f.age_ms = 9900;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_HELD);
	f.ups = 0;
	f.last_up = 0;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_HELD);
}

/* Keys with a long tail: there are as many as the 0.43rd power of the time; 86 of 100 checkpoints saw new ones. */
static void a_cache_that_slows_down_is_no_leak(void **state)
{
	struct fp_leak_clock clock_3s = {.n_checkpoints = 100, .end_ms = 3150};
	struct fp_leak_facts f = steady();

	(void)state;
	f.first_ms = 70;
	f.ups = 86;
	f.last_up = 98;
	f.age_ms = 2080;
	f.cpu_age = 0.66;
	assert_int_equal(fp_leak_judge(&f, &clock_3s), FP_LEAK_GROWS);
	/* as seldom, but steady */
	f.age_ms = 1850;
	f.cpu_age = 0.6;
	assert_int_equal(fp_leak_judge(&f, &clock_3s), FP_LEAK_YES);
}

static void what_comes_and_goes_is_no_leak(void **state)
{
	struct fp_leak_facts f = steady();

	(void)state;
	f.downs = 170;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_HELD);
	/* batches that are given back twice: what lives is young */
	f = steady();
	f.downs = 2;
	f.age_ms = 1700;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_GROWS);
	/* ever more slowly: what lives is old */
	f = steady();
	f.age_ms = 7200;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_GROWS);
}

static void too_little_is_no_leak(void **state)
{
	static const struct fp_leak_clock short_run = {.n_checkpoints = 40, .end_ms = 900};
	struct fp_leak_facts f = steady();

	(void)state;
	f.live.bytes = 60000;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_HELD);
	f = steady();
	f.ups = 17;
	f.last_up = 199;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_GROWS);
	f = steady();
	f.ups = 38;
	f.last_up = 40;
	f.age_ms = 450;
	assert_int_equal(fp_leak_judge(&f, &short_run), FP_LEAK_GROWS);
	/* the interval has 0 in it */
	f = steady();
	f.live.variance = 5.0 * MIB * MIB;
	assert_int_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_HELD);
}

static void hostile_facts_have_a_verdict(void **state)
{
	static const struct fp_leak_clock none = {0, 0};
	struct fp_leak_facts f = steady();

	(void)state;
	(void)fp_leak_judge(&f, &none);
	f.first_ms = UINT32_MAX;
	(void)fp_leak_judge(&f, &clock_10s);
	f.last_up = 65535;
	f.live.variance = -1;
	assert_int_not_equal(fp_leak_judge(&f, &clock_10s), FP_LEAK_YES);
}

static void sizes_are_written_for_people(void **state)
{
	char text[FP_SUM_TEXT];
	struct fp_memory_sum sum = {1, 12 * MIB, 0};

	(void)state;
	assert_string_equal(fp_memory_bytes_text(0, text), "0 B");
	assert_string_equal(fp_memory_bytes_text(1023, text), "1023 B");
	assert_string_equal(fp_memory_bytes_text(1024, text), "1.0 KiB");
	assert_string_equal(fp_memory_bytes_text(MIB - 1, text), "1.0 MiB");
	assert_string_equal(fp_memory_bytes_text(UINT64_MAX, text), "16.0 EiB");
	assert_string_equal(fp_memory_sum_text(&sum, text), "12.0 MiB");
	sum.variance = (double)MIB * MIB / 4;
	assert_string_equal(fp_memory_sum_text(&sum, text), "12.0 +- 1.0 MiB");
}

static void the_balance_adds_up(void **state)
{
	struct fp_mem_header h = {.vm_hwm_bytes = 100 * MIB};
	struct fp_balance b;
	int64_t sum = 0;

	(void)state;
	assert_false(fp_balance_make(&h, &b));
	h.at_peak = (struct fp_mem_balance){.when_ns = 1,
					    .heap_bytes = 60 * MIB,
					    .python_bytes = 40 * MIB,
					    .python_small_bytes = 30 * MIB,
					    .map_bytes = 5 * MIB,
					    .carrier_bytes = 32 * MIB,
					    .rss_anon_bytes = 70 * MIB,
					    .rss_file_bytes = 20 * MIB,
					    .rss_shmem_bytes = 8 * MIB,
					    .agent_anon_bytes = 2 * MIB,
					    .agent_capture_bytes = 8 * MIB,
					    .stack_bytes = MIB};
	assert_true(fp_balance_make(&h, &b));
	for (int i = 0; i < FP_BALANCE_ITEMS; i++)
		sum += b.items[i].n_bytes;
	assert_int_equal(sum, 100 * (int64_t)MIB);
	assert_int_equal(b.items[FP_BALANCE_NATIVE].n_bytes, 15 * MIB);
	assert_int_equal(b.items[FP_BALANCE_ARENAS].n_bytes, 2 * MIB);
	assert_int_equal(b.items[FP_BALANCE_FILES].n_bytes, 20 * MIB);
	assert_int_equal(b.items[FP_BALANCE_REST].n_bytes, 5 * MIB);
	assert_int_equal(b.items[FP_BALANCE_LATER].n_bytes, 2 * MIB);
	assert_true(b.explained > 0.929 && b.explained < 0.931);
	/* a reservation that nobody touches */
	h.at_peak.heap_bytes += 64 * MIB;
	h.at_peak.map_bytes += 64 * MIB;
	assert_true(fp_balance_make(&h, &b));
	assert_int_equal(b.items[FP_BALANCE_REST].n_bytes, -59 * (int64_t)MIB);
	/* 59 too many and 2 at another moment */
	assert_true(b.explained > 0.389 && b.explained < 0.391);
	/* a damaged one */
	memset(&h, 0xff, sizeof(h));
	if (fp_balance_make(&h, &b))
		assert_true(b.explained >= 0 && b.explained <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_growth_leaks),
		cmocka_unit_test(what_stopped_growing_is_held),
		cmocka_unit_test(a_cache_that_slows_down_is_no_leak),
		cmocka_unit_test(what_comes_and_goes_is_no_leak),
		cmocka_unit_test(too_little_is_no_leak),
		cmocka_unit_test(hostile_facts_have_a_verdict),
		cmocka_unit_test(sizes_are_written_for_people),
		cmocka_unit_test(the_balance_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
