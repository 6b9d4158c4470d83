/* SPDX-License-Identifier: Apache-2.0 */
/* Live blocks by address: the hash against a model, the shadow's chunks. */
#include "agent/ledger/blocks.h"

#include "agent/base/poisson.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_KEYS 12000u
#define N_OPERATIONS 1500000u

static struct fp_block model[N_KEYS]; /* address 0: not there */

static uint64_t address_of(unsigned key)
{
	return 0x7f0000000000ull + key * 528ull;
}

static bool same(const struct fp_block *a, const struct fp_block *b)
{
	return a->address == b->address && a->n_bytes == b->n_bytes && a->cell == b->cell && a->birth_ms == b->birth_ms;
}

static void put_one(struct fp_block_table *table, unsigned key, uint64_t random)
{
	struct fp_block block = {address_of(key), random, (uint32_t)random & 0xffff, (uint32_t)(random >> 32)}, old;

	assert_true(fp_block_put(table, &block, &old));
	assert_int_equal(old.address, model[key].address);
	if (old.address)
		assert_true(same(&old, &model[key]));
	model[key] = block;
}

static void take_one(struct fp_block_table *table, unsigned key)
{
	struct fp_block found;

	assert_int_equal(fp_block_take(table, address_of(key), &found), model[key].address != 0);
	if (model[key].address)
		assert_true(same(&found, &model[key]));
	model[key].address = 0;
}

/* Every block is found, and nothing else is there. */
static void check_all(struct fp_block_table *table)
{
	uint64_t n = 0, entries = 0;

	for (unsigned key = 0; key < N_KEYS; key++) {
		struct fp_block found, old;

		assert_int_equal(fp_block_take(table, address_of(key), &found), model[key].address != 0);
		if (!model[key].address)
			continue;
		assert_true(same(&found, &model[key]));
		assert_true(fp_block_put(table, &found, &old));
		assert_int_equal(old.address, 0);
		n++;
	}
	for (uint64_t i = 0; i < table->n_entries; i++)
		entries += table->entries[i].address != 0;
	assert_int_equal(table->n_used, n);
	assert_int_equal(entries, n);
}

static void random_operations_end_as_in_the_model(void **state)
{
	struct fp_block_table table = {0};
	uint64_t random = 3;
	unsigned keys = 300;

	(void)state;
	for (unsigned i = 0; i < N_OPERATIONS; i++) {
		uint64_t r = fp_random_next(&random);

		/* It fills, empties, and fills further. */
		if (i % (N_OPERATIONS / 6) == 0)
			keys = keys * 2 < N_KEYS ? keys * 2 : N_KEYS;
		if ((r >> 20) % 100 < (i / 50000 % 2 ? 70u : 35u))
			put_one(&table, (unsigned)(r >> 32) % keys, r);
		else
			take_one(&table, (unsigned)(r >> 32) % keys);
		if (i % 100000 == 0)
			check_all(&table);
	}
	check_all(&table);
	assert_true(table.n_entries >= 8192 && table.n_used * 5 <= table.n_entries * 4 + 5);
}

static void a_forgotten_table_is_empty(void **state)
{
	struct fp_block_table table = {0};
	struct fp_block block = {16, 1, 2, 3}, found;

	(void)state;
	assert_false(fp_block_take(&table, 16, &found));
	assert_true(fp_block_put(&table, &block, &found));
	fp_block_forget(&table); /* and its entries read as zero in a fork child */
	assert_false(fp_block_take(&table, 16, &found));
}

static void words_keep_what_they_were_made_of(void **state)
{
	uint32_t word = FP_SHADOW_MAKE(FP_SHADOW_CELLS - 1, 31, 15);

	(void)state;
	assert_int_equal(FP_SHADOW_CELL(word), FP_SHADOW_CELLS - 1);
	assert_int_equal(FP_SHADOW_GENERATION(word), 31);
	assert_int_equal(FP_SHADOW_SLACK(word), 15);
	word = FP_SHADOW_MAKE(5, 0, 3);
	assert_int_equal(FP_SHADOW_CELL(word), 5);
	assert_int_equal(FP_SHADOW_GENERATION(word), 0);
	assert_int_equal(FP_SHADOW_SLACK(word), 3);
}

static void each_address_has_its_word(void **state)
{
	uintptr_t base = 0x560000000000, other = 0x7fffffff0000;
	uint64_t before = fp_blocks_memory_bytes();

	(void)state;
	assert_null(fp_shadow_find(base));
	assert_null(fp_shadow_open((uintptr_t)1 << 47));
	assert_non_null(fp_shadow_open(base));
	for (unsigned i = 0; i < FP_SHADOW_CHUNK_BYTES / 16; i++) {
		assert_int_equal(*fp_shadow_find(base + i * 16), 0);
		*fp_shadow_find(base + i * 16) = i + 1;
	}
	assert_null(fp_shadow_find(base + FP_SHADOW_CHUNK_BYTES));
	assert_non_null(fp_shadow_open(other));
	assert_int_equal(*fp_shadow_find(other), 0);
	assert_ptr_equal(fp_shadow_open(base + 32), fp_shadow_find(base + 32));
	for (unsigned i = 0; i < FP_SHADOW_CHUNK_BYTES / 16; i++)
		assert_int_equal(*fp_shadow_find(base + i * 16), i + 1);
	/* A quarter of what it covers. */
	assert_in_range(fp_blocks_memory_bytes() - before, FP_SHADOW_CHUNK_BYTES / 4, FP_SHADOW_CHUNK_BYTES / 4 + 16384);
}

static void a_word_that_was_only_read_takes_no_memory(void **state)
{
	uintptr_t base = 0x570000000000;
	uint64_t before = fp_blocks_memory_bytes();

	(void)state;
	assert_non_null(fp_shadow_open(base));
	for (unsigned i = 0; i < FP_SHADOW_CHUNK_BYTES / 16; i += 64)
		assert_int_equal(*fp_shadow_find(base + i * 16), 0);
	*fp_shadow_find(base) = 1;
	assert_int_equal(fp_blocks_memory_bytes() - before, 4096);
}

static void *open_chunks(void *result)
{
	uint32_t **words = result;

	for (unsigned i = 0; i < 200; i++)
		words[i] = fp_shadow_open(0x610000000000 + (uintptr_t)i * (i % 2 ? FP_SHADOW_CHUNK_BYTES : (uintptr_t)1 << 33));
	return NULL;
}

static void threads_open_one_chunk(void **state)
{
	static uint32_t *words[4][200];
	pthread_t threads[4];

	(void)state;
	for (int t = 0; t < 4; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, open_chunks, words[t]), 0);
	for (int t = 0; t < 4; t++)
		pthread_join(threads[t], NULL);
	for (int t = 0; t < 4; t++)
		for (int i = 0; i < 200; i++) {
			assert_non_null(words[t][i]);
			assert_ptr_equal(words[t][i], words[0][i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_end_as_in_the_model),
		cmocka_unit_test(a_forgotten_table_is_empty),
		cmocka_unit_test(words_keep_what_they_were_made_of),
		cmocka_unit_test(each_address_has_its_word),
		cmocka_unit_test(a_word_that_was_only_read_takes_no_memory),
		cmocka_unit_test(threads_open_one_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
