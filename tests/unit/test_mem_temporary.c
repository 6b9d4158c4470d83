/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary is a block that its own thread ends: two threads hand an address to
 * and fro, on each way that a block may end.
 */
#include "tests/support/capture_fixture.h"

#include "agent/ledger/mem_ledger.h"
#include "agent/ledger/node_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ADDRESS 0x7f1200000010ull
#define ELSEWHERE 0x7f1200100000ull
#define N_BYTES 100u

enum end {
	END_WAITING,  /* fp_mem_cancel */
	END_SMALL,    /* fp_mem_unbook_small */
	END_SHADOW,   /* fp_mem_unbook, of a word */
	END_ENTRY,    /* … of an entry */
	END_SAMPLED,  /* … of a sampled one */
	N_ENDS
};

struct thread {
	struct fp_mem_recent recent;
	uint32_t cell;
};

static struct fp_segment segment;
static struct thread first, second;

static struct fp_mem_half *half_of(enum end way)
{
	return way == END_ENTRY || way == END_SAMPLED ? &fp_mem_ledger.system : &fp_mem_ledger.python;
}

static struct thread make_thread(enum end way, uint32_t record)
{
	struct fp_mem_cell_key key = {.stack = fp_node_intern(&segment, 0, FP_KEY_MAKE_PYTHON(1 + record, 0)),
				      .thread = record,
				      .allocator = way == END_ENTRY ? FP_ALLOCATOR_MALLOC : FP_ALLOCATOR_PYTHON_MALLOC,
				      .size_class = (uint16_t)fp_size_class(N_BYTES)};

	return (struct thread){.recent = {.sequence = FP_MEM_SEQUENCE(record), .n = 2, .record = record},
			       .cell = fp_mem_cell_intern(&key)};
}

/* A peak that no block of the tests reaches: what waits may end there. */
static void raise_peak(void)
{
	struct fp_mem_cell_key key = {.allocator = FP_ALLOCATOR_MALLOC, .size_class = (uint16_t)fp_size_class(1u << 20)};

	fp_mem_book(&fp_mem_ledger.system, fp_mem_cell_intern(&key), ELSEWHERE, 1u << 20, NULL);
	(void)fp_mem_unbook(&fp_mem_ledger.system, ELSEWHERE, NULL);
}

static void begin(enum end way)
{
	assert_int_equal(fixture_open(&segment, 64), 0);
	assert_int_equal(fp_node_table_init(&segment), 0);
	fp_mem_ledger_init(&segment, way == END_SAMPLED ? FP_MEM_SAMPLED : FP_MEM_EXACT, false, 65536);
	raise_peak();
	first = make_thread(way, 0);
	second = make_thread(way, 1);
}

static void make(struct thread *t, enum end way)
{
	t->recent.sequence++;
	if (way == END_WAITING || way == END_SMALL)
		fp_mem_book_small(t->cell, ADDRESS, N_BYTES, &t->recent);
	else if (way == END_SAMPLED)
		fp_mem_book_sampled(t->cell, ADDRESS, N_BYTES, &t->recent);
	else
		fp_mem_book(half_of(way), t->cell, ADDRESS, N_BYTES, &t->recent);
	if (way == END_SMALL)
		fp_mem_settle_waiting(&t->recent);
}

static void end(const struct thread *t, enum end way)
{
	if (way == END_WAITING)
		assert_true(fp_mem_cancel(ADDRESS, &t->recent));
	else if (way == END_SMALL)
		assert_int_not_equal(fp_mem_unbook_small(ADDRESS, &t->recent), 0);
	else
		assert_int_not_equal(fp_mem_unbook(half_of(way), ADDRESS, &t->recent).cell, 0);
}

static uint64_t n_temporary(const struct thread *t)
{
	return fp_mem_ledger.cells[t->cell].n_temporary;
}

static void what_its_own_thread_ends_is_temporary(void **state)
{
	(void)state;
	for (unsigned way = 0; way < N_ENDS; way++) {
		begin(way);
		make(&first, way);
		end(&first, way);
		make(&second, way);
		end(&second, way);
		assert_true(n_temporary(&first));
		assert_int_equal(n_temporary(&second), n_temporary(&first));
		fixture_close(&segment);
	}
}

/* The first thread remembers the address, where another's block is by now. */
static void a_block_of_another_thread_is_not(void **state)
{
	(void)state;
	for (unsigned way = 0; way < N_ENDS; way++) {
		begin(way);
		make(&first, way);
		end(&second, way);
		make(&second, way);
		end(&first, way);
		assert_int_equal(n_temporary(&first), 0);
		assert_int_equal(n_temporary(&second), 0);
		/* the same once more, and it is its own again */
		make(&first, way);
		end(&first, way);
		assert_true(n_temporary(&first));
		fixture_close(&segment);
	}
}

/* What made the block that stays is told by its cell, as nobody remembers it anew. */
static void a_realloc_that_failed_leaves_it_anothers(void **state)
{
	(void)state;
	for (unsigned way = END_SHADOW; way < N_ENDS; way++) {
		struct fp_mem_gone gone;

		begin(way);
		make(&first, way);
		end(&second, way);
		make(&second, way);
		gone = fp_mem_unbook(half_of(way), ADDRESS, NULL);
		fp_mem_rebook(half_of(way), ADDRESS, &gone);
		end(&first, way);
		assert_int_equal(n_temporary(&first), 0);
		assert_int_equal(n_temporary(&second), 0);
		fixture_close(&segment);
	}
}

static void without_room_each_thread_has_its_own(void **state)
{
	(void)state;
	begin(END_SHADOW);
	second.cell = FP_MEM_CELL_NO_ROOM;
	make(&second, END_SHADOW);
	end(&second, END_SHADOW);
	assert_int_equal(n_temporary(&second), 1);
	fixture_close(&segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_its_own_thread_ends_is_temporary),
		cmocka_unit_test(a_block_of_another_thread_is_not),
		cmocka_unit_test(a_realloc_that_failed_leaves_it_anothers),
		cmocka_unit_test(without_room_each_thread_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
