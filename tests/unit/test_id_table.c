/* SPDX-License-Identifier: Apache-2.0 */
/* Ids by key: found again after every growth, one per key whoever adds it, no
 * matter how hashes collide. */
#include "agent/ledger/id_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N_KEYS 60000u
#define N_THREADS 4

static struct fp_id_table table;
static uint64_t keys[N_THREADS * N_KEYS + 1]; /* by id */
static uint32_t n_ids;

static bool is_key(uint32_t id, const void *key)
{
	return keys[id] == *(const uint64_t *)key;
}

/* Few of the low bits: many keys share a hash, and the first slots fill. */
static uint32_t bad_hash(uint64_t key)
{
	return (uint32_t)(key % 977) << 22;
}

static uint32_t good_hash(uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 32);
}

static uint32_t intern(uint64_t key, uint32_t hash)
{
	uint32_t id = fp_id_find(&table, hash, is_key, &key);

	if (id)
		return id;
	id = __atomic_add_fetch(&n_ids, 1, __ATOMIC_RELAXED);
	keys[id] = key;
	return fp_id_add(&table, hash, id, is_key, &key);
}

static int forget(void **state)
{
	(void)state;
	fp_id_forget(&table);
	n_ids = 0;
	memset(keys, 0, sizeof(keys));
	return 0;
}

static void keys_are_found_after_growth(void **state)
{
	uint32_t bits = 0, growths = 0;

	(void)state;
	for (uint64_t key = 1; key <= N_KEYS; key++) {
		assert_int_equal(fp_id_find(&table, good_hash(key), is_key, &key), 0);
		assert_int_equal(intern(key, good_hash(key)), key);
		growths += table.now->bits != bits;
		bits = table.now->bits;
	}
	for (uint64_t key = 1; key <= N_KEYS; key++)
		assert_int_equal(fp_id_find(&table, good_hash(key), is_key, &key), key);
	assert_true(growths > 3);
	assert_int_equal(n_ids, N_KEYS);
	assert_true(fp_id_memory_bytes(&table) <= N_KEYS * 60);
}

static void colliding_keys_keep_their_ids(void **state)
{
	(void)state;
	for (uint64_t key = 1; key <= 3000; key++)
		assert_int_equal(intern(key, bad_hash(key)), key);
	for (uint64_t key = 1; key <= 3000; key++)
		assert_int_equal(fp_id_find(&table, bad_hash(key), is_key, &key), key);
}

static void a_forgotten_table_is_empty(void **state)
{
	uint64_t key = 7;

	(void)state;
	assert_int_equal(intern(key, good_hash(key)), 1);
	fp_id_forget(&table);
	assert_int_equal(fp_id_find(&table, good_hash(key), is_key, &key), 0);
	assert_int_equal(fp_id_memory_bytes(&table), 0);
}

static uint32_t seen[N_THREADS][N_KEYS + 1];

static void *intern_all(void *argument)
{
	uint32_t *ids = argument;

	for (uint64_t key = 1; key <= N_KEYS; key++)
		ids[key] = intern(key, good_hash(key));
	return NULL;
}

/* All add the same keys while the table grows under them.  A thread that stands still
 * between two tables may leave a few twins; thousands would mean that keys are lost. */
static void threads_agree(void **state)
{
	pthread_t threads[N_THREADS];
	unsigned twins = 0;

	(void)state;
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, intern_all, seen[i]), 0);
	for (int i = 0; i < N_THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	for (uint32_t key = 1; key <= N_KEYS; key++)
		for (int i = 1; i < N_THREADS; i++) {
			assert_true(keys[seen[i][key]] == key);
			twins += seen[i][key] != seen[0][key];
		}
	printf("%u ids for %u keys, %u seen as twins\n", n_ids, N_KEYS, twins);
	assert_true(twins <= N_KEYS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_are_found_after_growth, forget),
		cmocka_unit_test_setup(colliding_keys_keep_their_ids, forget),
		cmocka_unit_test_setup(a_forgotten_table_is_empty, forget),
		cmocka_unit_test_setup(threads_agree, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
