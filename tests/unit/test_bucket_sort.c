/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting by buckets: the same as qsort(), whatever the buckets hold. */
#include "tools/read/bucket_sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 5000u

struct item {
	uint32_t bucket, key, number;
};

static struct item items[MOST], expected[MOST];
static uint64_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static uint32_t bucket_of(const void *item)
{
	return ((const struct item *)item)->bucket;
}

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void check(size_t n, uint32_t n_buckets, uint32_t n_used)
{
	for (uint32_t i = 0; i < n; i++)
		items[i] = (struct item){random_below(n_used), random_below(n_used + 7), i};
	memcpy(expected, items, n * sizeof(*items));
	if (n)
		qsort(expected, n, sizeof(*expected), compare);
	fp_bucket_sort(items, n, sizeof(*items), n_buckets, bucket_of, compare);
	assert_memory_equal(items, expected, n * sizeof(*items));
}

static void few_in_each_bucket(void **state)
{
	(void)state;
	check(MOST, MOST, MOST);
	check(MOST, MOST / 3, MOST / 3);
}

static void many_in_each_bucket(void **state)
{
	(void)state;
	check(MOST, 1, 1);
	check(MOST, 40, 40);
	check(MOST, MOST, 2); /* all but two are empty */
}

static void few_items(void **state)
{
	(void)state;
	check(0, 0, 1);
	check(0, 5, 5);
	for (uint32_t n = 1; n < 40; n++)
		check(n, 8, 8);
}

static void more_buckets_than_are_worth_it(void **state)
{
	(void)state;
	check(100, UINT32_MAX, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_in_each_bucket),
		cmocka_unit_test(many_in_each_bucket),
		cmocka_unit_test(few_items),
		cmocka_unit_test(more_buckets_than_are_worth_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
