/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings against a model of pages: laid over each other, cut at both ends and
 * in the middle; what each cell holds and in how many parts.
 */
#include "tests/support/capture_fixture.h"

#include "agent/base/poisson.h"
#include "agent/ledger/mem_ledger.h"
#include "agent/ledger/mem_ranges.h"
#include "agent/ledger/node_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_PAGES 300u
#define N_OPERATIONS 200000u
#define N_CELLS 4u
#define PAGE FP_PAGE_BYTES

static const uintptr_t base = 0x7f4400000000;
static const uint8_t allocators[N_CELLS] = {FP_ALLOCATOR_MMAP, FP_ALLOCATOR_FILE_MAP, FP_ALLOCATOR_CARRIER, FP_ALLOCATOR_BRK};
static struct fp_segment segment;
static uint32_t cells[N_CELLS];

static struct page {
	unsigned cell; /* + 1; 0: not mapped */
	unsigned mapping;
} pages[N_PAGES];

static int open_ledger(void **state)
{
	(void)state;
	if (fixture_open(&segment, 64) < 0 || fp_node_table_init(&segment) < 0)
		return -1;
	fp_mem_ledger_init(&segment, FP_MEM_EXACT, false, 0);
	fp_mem_ranges_init();
	for (unsigned i = 0; i < N_CELLS; i++) {
		struct fp_mem_cell_key key = {.stack = fp_node_of_mark(FP_MARK_native), .allocator = allocators[i], .size_class = 60};

		cells[i] = fp_mem_cell_intern(&key);
	}
	return 0;
}

static int close_ledger(void **state)
{
	(void)state;
	fixture_close(&segment);
	return 0;
}

static void operate(uint64_t r, unsigned mapping)
{
	unsigned first = (unsigned)(r >> 8) % N_PAGES, n = 1 + (unsigned)(r >> 24) % 40, cell = (unsigned)(r >> 40) % N_CELLS;
	bool maps = r % 5 < 2;

	if (n > N_PAGES - first)
		n = N_PAGES - first;
	if (maps)
		fp_mem_range_map(base + first * PAGE, n * PAGE, cells[cell]);
	else
		fp_mem_range_unmap(base + first * PAGE, n * PAGE);
	for (unsigned i = first; i < first + n; i++)
		pages[i] = maps ? (struct page){cell + 1, mapping} : (struct page){0, 0};
}

static void check(void)
{
	uint64_t n[N_CELLS] = {0}, parts[N_CELLS] = {0}, heap = 0;

	for (unsigned i = 0; i < N_PAGES; i++) {
		unsigned cell = pages[i].cell;

		assert_int_equal(fp_mem_range_cell(base + i * PAGE), cell ? cells[cell - 1] : 0);
		assert_int_equal(fp_mem_range_cell(base + i * PAGE + PAGE - 1), cell ? cells[cell - 1] : 0);
		if (!cell)
			continue;
		n[cell - 1]++;
		parts[cell - 1] += i == 0 || pages[i - 1].mapping != pages[i].mapping;
	}
	for (unsigned i = 0; i < N_CELLS; i++) {
		const struct fp_mem_cell *c = &fp_mem_ledger.cells[cells[i]];

		assert_int_equal(c->alloc_bytes - c->freed_bytes, n[i] * PAGE);
		assert_int_equal(c->n_allocs - c->n_frees, parts[i]);
		heap += allocators[i] == FP_ALLOCATOR_MMAP || allocators[i] == FP_ALLOCATOR_BRK ? n[i] * PAGE : 0;
	}
	assert_int_equal(fp_mem_ledger.system.heap_bytes, heap);
	assert_int_equal(fp_mem_ledger.map_bytes, heap);
	assert_int_equal(fp_mem_ledger.file_map_bytes, n[1] * PAGE);
	assert_int_equal(fp_mem_ledger.carrier_bytes, n[2] * PAGE);
}

static void random_operations_end_as_in_the_model(void **state)
{
	uint64_t random = 11;

	(void)state;
	for (unsigned i = 1; i <= N_OPERATIONS; i++) {
		operate(fp_random_next(&random), i);
		if (i % 50 == 0)
			check();
	}
	fp_mem_range_unmap(base, N_PAGES * PAGE);
	memset(pages, 0, sizeof(pages));
	check();
}

static void a_range_past_the_end_of_addresses_is_refused(void **state)
{
	(void)state;
	fp_mem_range_map(UINTPTR_MAX - PAGE + 1, 2 * PAGE, cells[0]);
	fp_mem_range_unmap(UINTPTR_MAX - PAGE + 1, 2 * PAGE);
	check();
}

static uint64_t untouched(void)
{
	return fp_mem_ranges_untouched_bytes(FP_ALLOCATOR_MMAP);
}

static void pages_that_nobody_touched_are_known(void **state)
{
	const size_t n_bytes = 12u << 20, least = 1u << 20;
	char *large = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *other = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(large, MAP_FAILED);
	assert_ptr_not_equal(other, MAP_FAILED);
	(void)madvise(large, n_bytes, MADV_NOHUGEPAGE);
	(void)madvise(other, n_bytes, MADV_NOHUGEPAGE);
	assert_int_equal(untouched(), 0);
	fp_mem_range_map((uintptr_t)large, n_bytes, cells[0]);
	fp_mem_range_map((uintptr_t)other, least - PAGE, cells[0]); /* too small to look at */
	fp_mem_range_map((uintptr_t)other + least, n_bytes - least, cells[2]); /* not the program's own */
	assert_int_equal(untouched(), n_bytes);
	for (size_t i = 0; i < 700; i++)
		large[i * 2 * PAGE] = 1;
	assert_int_equal(untouched(), n_bytes - 700 * PAGE);
	other[2 * least] = 1;
	assert_int_equal(fp_mem_ranges_untouched_bytes(FP_ALLOCATOR_CARRIER), n_bytes - least - PAGE);
	munmap(large + 6 * least, least); /* by somebody whom nobody saw */
	assert_true(untouched() <= n_bytes - 700 * PAGE);
	fp_mem_range_unmap((uintptr_t)large, n_bytes);
	fp_mem_range_unmap((uintptr_t)other, n_bytes);
	assert_int_equal(untouched(), 0);
	munmap(large, n_bytes);
	munmap(other, n_bytes);
	check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_end_as_in_the_model),
		cmocka_unit_test(a_range_past_the_end_of_addresses_is_refused),
		cmocka_unit_test(pages_that_nobody_touched_are_known),
	};

	return cmocka_run_group_tests(tests, open_ledger, close_ledger);
}
