/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads book blocks of the system's half and end each other's, while the clock
 * goes on and peaks end: nothing is lost or counted twice, a cell settles once with what
 * it held at the edge, and the heap lacks no more than what threads keep to themselves.
 */
#include "tests/support/capture_fixture.h"

#include "agent/ledger/mem_shards.h"
#include "agent/ledger/node_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_THREADS 6u
#define N_ROUNDS 1500u
#define N_BLOCKS 300u  /* that others end, each round */
#define N_TEMPORARY 20u

static struct fp_segment segment;
static pthread_barrier_t barrier;
static volatile bool stop;
static struct booker {
	unsigned index;
	uint32_t cell;
	int64_t difference;
	struct fp_mem_recent recent;
	uint64_t n_wrong_peaks;
} FP_MEM_LINE bookers[N_THREADS];

static uint64_t bytes_of(unsigned block)
{
	return 16 + block % 61 * 8;
}

static uint64_t round_bytes(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < N_BLOCKS; i++)
		sum += bytes_of(i);
	return sum;
}

/* The threads' blocks lie among each other, in three shards. */
static uintptr_t address_of(unsigned index, unsigned block)
{
	return 0x7f4400000000 + ((uintptr_t)block * 8 + index) * 64;
}

static void book(struct booker *b, unsigned block)
{
	b->recent.sequence++;
	assert_true(fp_mem_book_shared(b->cell, address_of(b->index, block), bytes_of(block), &b->recent, &b->difference));
}

static void unbook(struct booker *b, unsigned owner, unsigned block)
{
	struct fp_mem_gone gone = {.cell = 0};

	assert_true(fp_mem_unbook_shared(address_of(owner, block), &b->recent, &b->difference, &gone));
	assert_int_equal(gone.cell, bookers[owner].cell);
	assert_int_equal(gone.n_bytes, bytes_of(block));
}

static uint64_t heap_bytes(void)
{
	int64_t sum = (int64_t)fp_mem_heap_bytes() + fp_mem_ledger.system.owed;

	for (unsigned i = 0; i < N_THREADS; i++)
		sum += bookers[i].difference;
	return (uint64_t)sum;
}

/* Between two waits of all: every block lives.  Higher than the heap comes by itself. */
static void end_peak(void)
{
	uint64_t heap = fp_mem_heap_bytes(), most = N_THREADS * FP_MEM_DIFFERENCE;

	assert_int_equal(heap_bytes(), N_THREADS * round_bytes());
	assert_true(heap + most >= heap_bytes() && heap <= heap_bytes() + most);
	fp_mem_end_peak(fp_mem_ledger.peak_bytes + heap_bytes() + most);
}

static void *book_and_end(void *argument)
{
	struct booker *b = argument;
	const struct fp_mem_cell *c = &fp_mem_ledger.cells[b->cell];

	fp_lock_name_thread((int)b->index + 1);
	for (unsigned round = 0; round < N_ROUNDS; round++) {
		for (unsigned i = 0; i < N_TEMPORARY; i++) {
			book(b, N_BLOCKS);
			unbook(b, b->index, N_BLOCKS);
		}
		for (unsigned i = 0; i < N_BLOCKS; i++)
			book(b, i);
		(void)pthread_barrier_wait(&barrier);
		if (b->index == 0)
			end_peak();
		(void)pthread_barrier_wait(&barrier);
		for (unsigned k = 1; k < N_THREADS; k++)
			for (unsigned i = k - 1; i < N_BLOCKS; i += N_THREADS - 1)
				unbook(b, (b->index + k) % N_THREADS, i);
		(void)pthread_barrier_wait(&barrier);
		b->n_wrong_peaks += c->n_peak != N_BLOCKS || c->peak_bytes != round_bytes();
		(void)pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void *tick(void *unused)
{
	for (uint32_t now_ms = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); now_ms++) {
		__atomic_store_n(&fp_mem_ledger.now_ms, now_ms, __ATOMIC_RELAXED);
		fp_mem_checkpoint();
		usleep(200);
	}
	return unused;
}

static void begin_ledger(void)
{
	assert_int_equal(fixture_open(&segment, 64), 0);
	assert_int_equal(fp_node_table_init(&segment), 0);
	fp_mem_ledger_init(&segment, FP_MEM_EXACT, false, 0);
	for (unsigned i = 0; i < N_THREADS; i++) {
		struct fp_mem_cell_key key = {.stack = fp_node_intern(&segment, 0, FP_KEY_MAKE_PYTHON(1, 0)),
					      .thread = i,
					      .allocator = FP_ALLOCATOR_MALLOC,
					      .size_class = 1};

		bookers[i] = (struct booker){.index = i,
					     .cell = fp_mem_cell_intern(&key),
					     .recent = {.n = 2, .sequence = FP_MEM_SEQUENCE(i), .record = i}};
	}
}

static void nothing_is_lost_between_threads(void **state)
{
	uint64_t n_temporary = (uint64_t)N_ROUNDS * N_TEMPORARY, n = (uint64_t)N_ROUNDS * N_BLOCKS + n_temporary;
	uint64_t n_bytes = N_ROUNDS * round_bytes() + n_temporary * bytes_of(N_BLOCKS);
	pthread_t threads[N_THREADS], ticker;

	(void)state;
	begin_ledger();
	assert_int_equal(pthread_barrier_init(&barrier, NULL, N_THREADS), 0);
	assert_int_equal(pthread_create(&ticker, NULL, tick, NULL), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, book_and_end, &bookers[i]), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(ticker, NULL);
	for (unsigned i = 0; i < N_THREADS; i++) {
		const struct fp_mem_cell *c = &fp_mem_ledger.cells[bookers[i].cell];

		assert_int_equal(c->n_allocs, n);
		assert_int_equal(c->alloc_bytes, n_bytes);
		assert_int_equal(c->n_frees, n);
		assert_int_equal(c->freed_bytes, n_bytes);
		assert_int_equal(c->birth_sum_ms, 0);
		assert_int_equal(c->n_temporary, n_temporary);
		assert_int_equal(c->temporary_bytes, n_temporary * bytes_of(N_BLOCKS));
		assert_int_equal(bookers[i].n_wrong_peaks, 0);
		assert_true(c->ups + c->downs > 0 && c->ups + c->downs <= (int)fp_mem_ledger.checkpoint);
	}
	assert_int_equal(heap_bytes(), 0);
	for (unsigned i = 0; i < FP_MEM_SHARDS; i++)
		assert_int_equal(fp_mem_shards[i].blocks.n_used, 0);
	fixture_close(&segment);
}

static void the_heap_never_falls_below_nothing(void **state)
{
	(void)state;
	begin_ledger();
	fp_mem_move_heap(100);
	fp_mem_move_heap(-250);
	assert_int_equal(fp_mem_heap_bytes(), 0);
	assert_int_equal(fp_mem_ledger.system.owed, -150);
	fp_mem_move_heap(400);
	assert_int_equal(fp_mem_heap_bytes(), 250);
	assert_int_equal(fp_mem_ledger.system.owed, 0);
	fixture_close(&segment);
}

static void what_a_thread_keeps_is_little(void **state)
{
	struct booker *b = &bookers[0];

	(void)state;
	begin_ledger();
	for (uintptr_t i = 1; i <= 100; i++) {
		assert_true(fp_mem_book_shared(b->cell, 0x7f4400000000 + i * 1024, 1000, NULL, &b->difference));
		assert_in_range(b->difference, 0, FP_MEM_DIFFERENCE - 1);
		assert_int_equal(heap_bytes(), i * 1000);
	}
	fixture_close(&segment);
}

/* A free that is larger than what a thread keeps: the peak before it is whole. */
static void a_large_block_is_in_the_peak(void **state)
{
	const uint64_t large = 1 << 20, small = 1000;
	struct booker *b = &bookers[0];
	struct fp_mem_gone gone;

	(void)state;
	begin_ledger();
	assert_true(fp_mem_book_shared(b->cell, 0x7f4400000000, large, &b->recent, &b->difference));
	assert_true(fp_mem_book_shared(b->cell, 0x7f4500000000, small, &b->recent, &b->difference));
	assert_int_equal(fp_mem_heap_bytes(), large);
	assert_int_equal(b->difference, small);
	assert_true(fp_mem_unbook_shared(0x7f4400000000, NULL, &b->difference, &gone));
	assert_int_equal(fp_mem_header()->peak_bytes, large + small);
	assert_int_equal(fp_mem_ledger.cells[b->cell].peak_bytes, large + small);
	assert_true(fp_mem_rebook_shared(0x7f4400000000, &gone, &b->difference));
	assert_int_equal(heap_bytes(), large + small);
	assert_int_equal(fp_mem_ledger.cells[b->cell].n_allocs - fp_mem_ledger.cells[b->cell].n_frees, 2);
	assert_true(fp_mem_unbook_shared(0x7f4400000000, NULL, NULL, &gone));
	assert_int_equal(gone.n_bytes, large);
	assert_true(fp_mem_unbook_shared(0x7f4400000000, NULL, NULL, &gone));
	assert_int_equal(gone.cell, 0);
	assert_int_equal(heap_bytes(), small);
	fixture_close(&segment);
}

/* Where a block lies whose end nobody saw, it ends when the address is given out again. */
static void a_missed_end_is_counted(void **state)
{
	struct booker *b = &bookers[0];
	const struct fp_mem_cell *c;

	(void)state;
	begin_ledger();
	c = &fp_mem_ledger.cells[b->cell];
	book(b, 1);
	book(b, 1);
	assert_int_equal(segment.header->losses[FP_LOSS_mem_frees_missed], 1);
	assert_int_equal(c->n_allocs - c->n_frees, 1);
	assert_int_equal(heap_bytes(), bytes_of(1));
	fixture_close(&segment);
}

/* A thousand threads' arenas, or chunks of other allocators, one after another. */
static void neighbours_have_shards_of_their_own(void **state)
{
	static const unsigned shifts[] = {16, 21, 22, 26};

	(void)state;
	for (unsigned s = 0; s < FP_COUNT(shifts); s++)
		for (unsigned i = 0; i < 1000; i++)
			for (unsigned k = i + 1; k < i + 16; k++)
				assert_ptr_not_equal(fp_mem_shard_of(0x7f0000000000 + ((uintptr_t)i << shifts[s])),
						     fp_mem_shard_of(0x7f0000000000 + ((uintptr_t)k << shifts[s])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_between_threads),
		cmocka_unit_test(the_heap_never_falls_below_nothing),
		cmocka_unit_test(what_a_thread_keeps_is_little),
		cmocka_unit_test(a_large_block_is_in_the_peak),
		cmocka_unit_test(a_missed_end_is_counted),
		cmocka_unit_test(neighbours_have_shards_of_their_own),
	};

	fp_lock_name_thread(N_THREADS + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
