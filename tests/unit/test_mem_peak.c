/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peak while both halves of the ledger book at once: it never falls back,
 * nor does the number of its edge.
 */
#include "tests/support/capture_fixture.h"

#include "agent/ledger/mem_ledger.h"
#include "agent/ledger/node_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_BLOCKS 1500000u
#define BLOCK_BYTES 48u

static struct fp_segment segment;
static uint64_t n_falls;

/* Grows, and each second block is freed at once: an edge a round. */
static void grow(struct fp_mem_half *half, enum fp_allocator allocator, uintptr_t base)
{
	struct fp_mem_cell_key key = {.stack = fp_node_intern(&segment, 0, FP_KEY_MAKE_PYTHON(1, 0)),
				      .allocator = (uint8_t)allocator,
				      .size_class = (uint16_t)fp_size_class(BLOCK_BYTES)};
	uint32_t cell = fp_mem_cell_intern(&key), edge = 0;
	uint64_t peak = 0, n = 0;

	for (unsigned i = 0; i < N_BLOCKS; i++) {
		uint64_t peak_now = __atomic_load_n(&fp_mem_ledger.peak_bytes, __ATOMIC_RELAXED);
		uint32_t edge_now = __atomic_load_n(&fp_mem_ledger.edge_epoch, __ATOMIC_RELAXED);

		n += peak_now < peak || (int32_t)(edge_now - edge) < 0;
		peak = peak_now;
		edge = edge_now;
		fp_mem_book(half, cell, base + i * BLOCK_BYTES, BLOCK_BYTES, NULL);
		if (i % 2)
			(void)fp_mem_unbook(half, base + i * BLOCK_BYTES, NULL);
	}
	(void)__atomic_fetch_add(&n_falls, n, __ATOMIC_RELAXED);
}

static void *grow_python(void *unused)
{
	grow(&fp_mem_ledger.python, FP_ALLOCATOR_PYTHON_MALLOC, 0x7f5500000000);
	return unused;
}

static void *grow_system(void *unused)
{
	grow(&fp_mem_ledger.system, FP_ALLOCATOR_MALLOC, 0x7f6600000000);
	return unused;
}

static void begin_ledger(void)
{
	assert_int_equal(fixture_open(&segment, 64), 0);
	assert_int_equal(fp_node_table_init(&segment), 0);
	fp_mem_ledger_init(&segment, FP_MEM_EXACT, false, 0);
}

/* One half looked at the heap, stood still, and goes on. */
static void who_is_late_changes_nothing(void **state)
{
	uint32_t edge;

	(void)state;
	begin_ledger();
	fp_mem_end_peak(200);
	edge = fp_mem_ledger.edge_epoch;
	fp_mem_end_peak(100);
	assert_int_equal(fp_mem_ledger.peak_bytes, 200);
	assert_int_equal(fp_mem_ledger.edge_epoch, edge);
	assert_int_equal(fp_mem_header()->peak_bytes, 200);
	assert_int_equal(fp_mem_header()->peak_id, edge);
	fp_mem_end_peak(200); /* the last of equal peaks counts */
	assert_true((int32_t)(fp_mem_ledger.edge_epoch - edge) > 0);
	fixture_close(&segment);
}

static void peak_only_rises(void **state)
{
	pthread_t threads[2];

	(void)state;
#if defined(__SANITIZE_THREAD__)
	skip(); /* mem_ledger.h says which plain words the halves share */
#endif
	begin_ledger();
	assert_int_equal(pthread_create(&threads[0], NULL, grow_python, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, grow_system, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(n_falls, 0);
	assert_int_equal(fp_mem_heap_bytes(), N_BLOCKS * BLOCK_BYTES);
	fp_mem_publish_peak();
	assert_in_range(fp_mem_header()->peak_bytes, fp_mem_heap_bytes(), fp_mem_heap_bytes() + 2 * BLOCK_BYTES);
	fixture_close(&segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_late_changes_nothing),
		cmocka_unit_test(peak_only_rises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
