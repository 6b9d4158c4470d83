/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock-free tables under threads: every thread gets the same id for the
 * same stack, sums are exact, the timeline keeps each thread's order.
 */
#include "tests/support/capture_fixture.h"

#include "agent/ledger/code_table.h"
#include "agent/ledger/cpu_ledger.h"
#include "agent/ledger/node_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_THREADS 4
#define N_STACKS 3000

static struct fp_segment segment;

static int open_tables(void **state)
{
	(void)state;
	if (fixture_open(&segment, 16) < 0 || fp_node_table_init(&segment) < 0 ||
	    fp_cpu_ledger_init(&segment) < 0 || fp_code_table_init(&segment) < 0)
		return -1;
	return 0;
}

static int close_tables(void **state)
{
	(void)state;
	fixture_close(&segment);
	return 0;
}

static void marks_have_fixed_ids(void **state)
{
	const struct fp_node *nodes = fp_segment_at(&segment, FP_REGION_NODES);

	for (uint32_t m = 0; m < FP_MARK_MAX; m++) {
		assert_true(nodes[fp_node_of_mark(m)].key == FP_KEY_MAKE_MARK(m));
		assert_int_equal(nodes[fp_node_of_mark(m)].parent, 0);
	}
	(void)state;
}

static void equal_frames_share_a_node_only_under_the_same_caller(void **state)
{
	uint32_t a = fp_node_intern(&segment, 0, FP_KEY_MAKE_PYTHON(1, 0));
	uint32_t b = fp_node_intern(&segment, 0, FP_KEY_MAKE_PYTHON(2, 0));
	uint32_t under_a = fp_node_intern(&segment, a, FP_KEY_MAKE_PYTHON(3, 10));
	uint32_t under_b = fp_node_intern(&segment, b, FP_KEY_MAKE_PYTHON(3, 10));

	(void)state;
	assert_int_not_equal(a, b);
	assert_int_not_equal(under_a, under_b);
	assert_int_equal(fp_node_intern(&segment, a, FP_KEY_MAKE_PYTHON(3, 10)), under_a);
	assert_int_not_equal(fp_node_intern(&segment, a, FP_KEY_MAKE_PYTHON(3, 12)), under_a);
}

static void keys_keep_what_they_were_made_of(void **state)
{
	uint64_t python = FP_KEY_MAKE_PYTHON(0x3fffffff, 123456), native = FP_KEY_MAKE_NATIVE(0x7fffdeadbeefull, 77);

	(void)state;
	assert_int_equal(FP_KEY_KIND(python), FP_KEY_PYTHON);
	assert_int_equal(FP_KEY_CODE(python), 0x3fffffff);
	assert_int_equal(FP_KEY_OFFSET(python), 123456);
	assert_int_equal(FP_KEY_OFFSET(FP_KEY_MAKE_PYTHON(1, -1)), -1);
	assert_int_equal(FP_KEY_KIND(native), FP_KEY_NATIVE);
	assert_int_equal(FP_KEY_PC(native), 0x7fffdeadbeefull);
	assert_int_equal(FP_KEY_GENERATION(native), 77);
	assert_int_equal(FP_KEY_KIND(FP_KEY_MAKE_MARK(3)), FP_KEY_MARK);
}

struct run {
	uint32_t thread;
	uint32_t ids[N_STACKS];
};

static void *intern_and_book(void *argument)
{
	struct run *run = argument;
	struct fp_log_cursor cursor = {0};

	for (int round = 0; round < 3; round++)
		for (uint32_t i = 0; i < N_STACKS; i++) {
			uint32_t parent = i % 7 ? run->ids[i - 1] : 0;
			uint32_t id = fp_node_intern(&segment, parent, FP_KEY_MAKE_PYTHON(1 + i % 50, i));
			struct fp_cpu_booking b = {.thread = run->thread, .stack = id, .kind = FP_CPU_PYTHON,
						   .gil = i % 2, .weight_ns = i, .n_samples = 1};

			run->ids[i] = id;
			fp_cpu_book(&segment, &b);
			fp_cpu_log(&segment, &cursor, &b, (int64_t)(round * N_STACKS + i) * 1000, 0);
		}
	return NULL;
}

static uint64_t sum_of_thread(uint32_t thread, uint64_t *ret_samples, uint64_t *ret_gil)
{
	const struct fp_cpu_slot *slots = fp_segment_at(&segment, FP_REGION_CPU);
	size_t n = segment.header->regions[FP_REGION_CPU].used_bytes / sizeof(*slots);
	uint64_t ns = 0;

	*ret_samples = *ret_gil = 0;
	for (size_t i = 1; i < n; i++) {
		if (slots[i].thread != thread)
			continue;
		ns += slots[i].ns[FP_CPU_PYTHON];
		*ret_samples += slots[i].samples;
		*ret_gil += slots[i].gil_samples;
	}
	return ns;
}

static uint64_t timeline_of_thread(uint32_t thread)
{
	const struct fp_log_chunk *chunks = fp_segment_at(&segment, FP_REGION_LOG);
	size_t n = segment.header->regions[FP_REGION_LOG].used_bytes / sizeof(*chunks);
	uint64_t seen = 0;
	uint32_t sequence = 0;

	for (size_t c = 0; c < n; c++) {
		if (chunks[c].thread != thread)
			continue;
		assert_int_equal(chunks[c].sequence, sequence++);
		for (uint32_t i = 0; i < chunks[c].n_samples; i++)
			assert_int_equal(chunks[c].samples[i].when & 0xffffffffffffull, seen++);
	}
	return seen;
}

static void threads_agree_and_lose_nothing(void **state)
{
	static struct run runs[N_THREADS];
	pthread_t threads[N_THREADS];
	uint64_t samples, gil;

	(void)state;
	for (uint32_t t = 0; t < N_THREADS; t++) {
		runs[t].thread = t;
		assert_int_equal(pthread_create(&threads[t], NULL, intern_and_book, &runs[t]), 0);
	}
	for (int t = 0; t < N_THREADS; t++)
		pthread_join(threads[t], NULL);
	for (int t = 1; t < N_THREADS; t++)
		assert_memory_equal(runs[t].ids, runs[0].ids, sizeof(runs[0].ids));
	for (uint32_t t = 0; t < N_THREADS; t++) {
		assert_int_equal(sum_of_thread(t, &samples, &gil), 3ull * N_STACKS * (N_STACKS - 1) / 2);
		assert_int_equal(samples, 3 * N_STACKS);
		assert_int_equal(gil, 3 * N_STACKS / 2);
		assert_int_equal(timeline_of_thread(t), 3 * N_STACKS);
	}
}

static void a_full_timeline_stops_and_counts(void **state)
{
	struct fp_log_cursor cursor = {0};
	struct fp_cpu_booking b = {.thread = 9, .stack = 1, .weight_ns = 5, .n_samples = 1};
	uint64_t room = segment.header->regions[FP_REGION_LOG].reserved_bytes / FP_LOG_CHUNK_BYTES;

	(void)state;
	while (fp_segment_claim(&segment, FP_REGION_LOG, FP_LOG_CHUNK_BYTES) != UINT64_MAX && room--)
		;
	fp_cpu_log(&segment, &cursor, &b, 7000, 0);
	fp_cpu_log(&segment, &cursor, &b, 8000, 0);
	assert_int_equal(segment.header->losses[FP_LOSS_log_full], 2);
	assert_int_equal(segment.header->log_stopped_ns, 7000);
	fp_cpu_book(&segment, &b); /* sums go on */
}

static void text_is_copied(void **state)
{
	uint32_t at = fp_text_store(&segment, "caf\xc3\xa9", 5);
	const struct fp_text *t = (const struct fp_text *)((char *)fp_segment_at(&segment, FP_REGION_TEXT) + at);

	(void)state;
	assert_int_not_equal(at, 0);
	assert_int_equal(at % 8, 0);
	assert_int_equal(t->n_bytes, 5);
	assert_memory_equal(t->bytes, "caf\xc3\xa9", 5);
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, open_tables, close_tables)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLES(marks_have_fixed_ids),
		WITH_TABLES(equal_frames_share_a_node_only_under_the_same_caller),
		cmocka_unit_test(keys_keep_what_they_were_made_of),
		WITH_TABLES(threads_agree_and_lose_nothing),
		WITH_TABLES(a_full_timeline_stops_and_counts),
		WITH_TABLES(text_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
