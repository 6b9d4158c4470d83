/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampled memory over many seeds: totals and what lives are unbiased in bytes
 * and blocks, 95 % intervals hold the truth as often as they say, and ends take
 * back what the beginnings booked.
 */
#include "tests/support/capture_fixture.h"

#include "agent/base/poisson.h"
#include "agent/ledger/mem_shards.h"
#include "agent/ledger/node_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_SEEDS 2000u
#define N_BLOCKS 24000u
#define MEAN_BYTES 65536u
#define N_SITES 3u

static struct fp_segment segment;
static uint32_t sizes[N_BLOCKS];
static bool met[N_BLOCKS];

static int open_ledger(void **state)
{
	uint64_t random = 5;

	(void)state;
	/* Even in the logarithm: 16 bytes to 200 KB, many more small ones by count. */
	for (unsigned i = 0; i < N_BLOCKS; i++)
		sizes[i] = (uint32_t)(16 * exp((double)(fp_random_next(&random) >> 11) / 9007199254740992.0 * log(12500)));
	if (fixture_open(&segment, 64) < 0 || fp_node_table_init(&segment) < 0)
		return -1;
	fp_mem_ledger_init(&segment, FP_MEM_SAMPLED, false, MEAN_BYTES);
	return segment.header->mem.mode == FP_MEM_SAMPLED ? 0 : -1;
}

static int close_ledger(void **state)
{
	(void)state;
	fixture_close(&segment);
	return 0;
}

static uintptr_t address_of(unsigned i)
{
	return 0x10000000 + (uintptr_t)i * 262144;
}

static uint32_t cell_of(unsigned i)
{
	struct fp_mem_cell_key key = {.stack = fp_node_intern(&segment, 0, FP_KEY_MAKE_PYTHON(1 + i % N_SITES, 0)),
				      .allocator = FP_ALLOCATOR_PYTHON_MALLOC,
				      .size_class = (uint16_t)fp_size_class(sizes[i])};

	return fp_mem_cell_intern(&key);
}

/* What ends before the sums are looked at. */
static bool dies(unsigned i)
{
	return i % 5 < 2;
}

struct sums {
	double bytes, n, variance, live_bytes, n_live, live_variance;
};

static struct sums take_sums(void)
{
	const struct fp_mem_cell *cells = fp_mem_ledger.cells;
	size_t n = segment.header->regions[FP_REGION_MEM_CELLS].used_bytes / sizeof(*cells);
	struct sums s = {0};

	for (size_t i = FP_MEM_CELL_NO_ROOM + 1; i < n; i++) {
		s.bytes += (double)cells[i].alloc_bytes;
		s.n += (double)cells[i].n_allocs / FP_MEM_SAMPLED_UNIT;
		s.variance += cells[i].alloc_variance;
		s.live_bytes += (double)(cells[i].alloc_bytes - cells[i].freed_bytes);
		s.n_live += (double)(cells[i].n_allocs - cells[i].n_frees) / FP_MEM_SAMPLED_UNIT;
		s.live_variance += cells[i].live_variance;
	}
	return s;
}

/* As the hooks do: agent/hot/domains_sampled.c. */
static void allocate_all(uint64_t seed)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15ull | 1;
	int64_t countdown;

	for (int i = 0; i < 8; i++)
		fp_random_next(&random);
	countdown = fp_poisson_distance(&random, MEAN_BYTES) - 1;
	for (unsigned i = 0; i < N_BLOCKS; i++) {
		met[i] = (countdown -= sizes[i]) < 0;
		if (!met[i])
			continue;
		countdown = fp_poisson_distance(&random, MEAN_BYTES) - 1;
		fp_mem_book_sampled(cell_of(i), address_of(i), sizes[i], NULL);
	}
}

static void end_all(bool dying)
{
	for (unsigned i = 0; i < N_BLOCKS; i++)
		if (met[i] && dies(i) == dying)
			assert_int_not_equal(fp_mem_unbook(&fp_mem_ledger.system, address_of(i), NULL).cell, 0);
}

static bool holds(double estimate, double variance, double truth)
{
	return fabs(estimate - truth) <= 1.96 * sqrt(variance);
}

static void check_share(const char *what, double sum, double truth)
{
	printf("%s: mean %.5f of the truth\n", what, sum / N_SEEDS / truth);
	assert_true(fabs(sum / N_SEEDS / truth - 1) < 0.01);
}

static void estimates_are_unbiased_and_their_intervals_honest(void **state)
{
	struct sums all = {0};
	double bytes = 0, live = 0, n_live = 0;
	unsigned covered = 0, covered_live = 0;

	(void)state;
	for (unsigned i = 0; i < N_BLOCKS; i++) {
		bytes += sizes[i];
		live += dies(i) ? 0 : sizes[i];
		n_live += !dies(i);
	}
	for (unsigned seed = 1; seed <= N_SEEDS; seed++) {
		struct sums before = take_sums(), s;

		allocate_all(seed);
		end_all(true);
		s = take_sums();
		s.bytes -= before.bytes;
		s.n -= before.n;
		s.variance -= before.variance;
		all.bytes += s.bytes;
		all.n += s.n;
		all.live_bytes += s.live_bytes;
		all.n_live += s.n_live;
		covered += holds(s.bytes, s.variance, bytes);
		covered_live += holds(s.live_bytes, s.live_variance, live);
		assert_true(fabs((double)fp_mem_ledger.python.heap_bytes - s.live_bytes) < 1);
		end_all(false);
		assert_int_equal(fp_mem_ledger.python.heap_bytes, 0);
		assert_int_equal(fp_mem_ledger.large_bytes, 0);
		assert_true(take_sums().live_variance == 0);
	}
	check_share("bytes", all.bytes, bytes);
	check_share("blocks", all.n, N_BLOCKS);
	check_share("live bytes", all.live_bytes, live);
	check_share("live blocks", all.n_live, n_live);
	printf("95 %% intervals hold the bytes %.2f %%, what lives %.2f %% of the time\n", 100.0 * covered / N_SEEDS,
	       100.0 * covered_live / N_SEEDS);
	assert_in_range(covered, N_SEEDS * 935 / 1000, N_SEEDS * 965 / 1000);
	assert_in_range(covered_live, N_SEEDS * 935 / 1000, N_SEEDS * 965 / 1000);
}

/* Small means show what a byte too few or too many does. */
static void a_block_is_met_by_its_size(void **state)
{
	enum { N = 4000000, BYTES = 3, MEAN = 16 };
	uint64_t random = 9;
	int64_t countdown = fp_poisson_distance(&random, MEAN) - 1;
	double n = 0, p = fp_met((double)BYTES / MEAN);

	(void)state;
	for (int i = 0; i < N; i++)
		if ((countdown -= BYTES) < 0) {
			countdown = fp_poisson_distance(&random, MEAN) - 1;
			n++;
		}
	assert_true(fabs(n / N - p) < 5 * sqrt(p * (1 - p) / N));
}

/* A realloc that fails gives back what its beginning took. */
static void end_and_book_again(bool shared, struct fp_mem_gone *ret_gone)
{
	int64_t difference = 0;

	if (shared) {
		assert_true(fp_mem_unbook_shared(address_of(7), NULL, &difference, ret_gone));
		assert_true(fp_mem_rebook_shared(address_of(7), ret_gone, &difference));
	} else {
		*ret_gone = fp_mem_unbook(&fp_mem_ledger.system, address_of(7), NULL);
		fp_mem_rebook(&fp_mem_ledger.system, address_of(7), ret_gone);
	}
	assert_int_equal(difference, 0); /* it is Python's */
}

static void check_block_booked_again(bool shared)
{
	struct fp_mem_gone gone;
	struct sums before, after;
	uint64_t heap;

	fp_mem_book_sampled(cell_of(7), address_of(7), sizes[7], NULL);
	before = take_sums();
	heap = fp_mem_ledger.python.heap_bytes;
	end_and_book_again(shared, &gone);
	assert_int_equal(gone.n_bytes, sizes[7]);
	after = take_sums();
	assert_int_equal(fp_mem_ledger.python.heap_bytes, heap);
	assert_true(after.live_bytes == before.live_bytes && after.n_live == before.n_live);
	assert_true(fabs(after.live_variance - before.live_variance) <= before.live_variance * 1e-9);
	(void)fp_mem_unbook(&fp_mem_ledger.system, address_of(7), NULL);
}

/* Also where several threads book the system's half. */
static void a_block_booked_again_weighs_the_same(void **state)
{
	(void)state;
	check_block_booked_again(false);
	check_block_booked_again(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_are_unbiased_and_their_intervals_honest),
		cmocka_unit_test(a_block_is_met_by_its_size),
		cmocka_unit_test(a_block_booked_again_weighs_the_same),
	};

	fp_lock_name_thread(1);
	return cmocka_run_group_tests(tests, open_ledger, close_ledger);
}
