/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What native walks of all threads share, without their signals: the table of
 * rules, libunwind behind its lock, and the map of loaded objects while
 * objects come and go.  Runs under TSAN too.
 */
#include "agent/native/modules.h"
#include "agent/native/native.h"
#include "agent/native/rule_table.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_THREADS 4
#define N_ADDRESSES 40000u /* more than the table has room for */
#define FIRST_PC 0x7f0000001000ull
/* An object that nothing here has loaded. */
#define OTHER_OBJECT "libBrokenLocale.so.1"
/* Below the number of maps that stay as they were. */
#define STEADY_ROUNDS 30
#define ROUNDS 120

static struct fp_rule rule_for(uintptr_t pc, uint32_t epoch)
{
	return (struct fp_rule){.kind = FP_RULE_OFFSET, .base = FP_BASE_FP, .saved = FP_SAVED_AT_CFA,
				.fp_offset = -(int64_t)(epoch & 0xffff), .cfa_offset = (int64_t)(pc & 0x7fffffff)};
}

static bool same(struct fp_rule a, struct fp_rule b)
{
	return a.kind == b.kind && a.base == b.base && a.saved == b.saved && a.fp_offset == b.fp_offset &&
	       a.cfa_offset == b.cfa_offset;
}

static void a_rule_is_found_for_its_address_and_epoch_only(void **state)
{
	struct fp_rule found = {0};

	(void)state;
	assert_false(fp_rule_recall(1, FIRST_PC, &found));
	fp_rule_keep(1, FIRST_PC, rule_for(FIRST_PC, 1));
	assert_true(fp_rule_recall(1, FIRST_PC, &found));
	assert_true(same(found, rule_for(FIRST_PC, 1)));
	assert_false(fp_rule_recall(1, FIRST_PC + 1, &found));
	assert_false(fp_rule_recall(2, FIRST_PC, &found));
	fp_rule_keep(2, FIRST_PC, rule_for(FIRST_PC, 2));
	assert_true(fp_rule_recall(2, FIRST_PC, &found));
	assert_true(same(found, rule_for(FIRST_PC, 2)));
}

static void a_full_table_still_takes_rules(void **state)
{
	struct fp_rule found = {0};
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < N_ADDRESSES; i++) {
		fp_rule_keep(3, FIRST_PC + i, rule_for(FIRST_PC + i, 3));
		assert_true(fp_rule_recall(3, FIRST_PC + i, &found));
		assert_true(same(found, rule_for(FIRST_PC + i, 3)));
	}
	for (unsigned i = 0; i < N_ADDRESSES; i++)
		n += fp_rule_recall(3, FIRST_PC + i, &found);
	assert_in_range(n, 1000, N_ADDRESSES - 1);
}

struct tally {
	uint64_t state;
	unsigned n_found, n_wrong;
};

static unsigned draw(struct tally *t)
{
	t->state = t->state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(t->state >> 33);
}

static void *keep_and_recall(void *argument)
{
	struct tally *t = argument;

	for (unsigned i = 0; i < 200000; i++) {
		/* Mostly few addresses and two epochs, so that threads meet in slots. */
		uintptr_t pc = FIRST_PC + draw(t) % (i % 4 ? 64 : N_ADDRESSES);
		uint32_t epoch = 10 + draw(t) % 2;
		struct fp_rule found;

		if (!fp_rule_recall(epoch, pc, &found)) {
			fp_rule_keep(epoch, pc, rule_for(pc, epoch));
			continue;
		}
		t->n_found++;
		t->n_wrong += !same(found, rule_for(pc, epoch));
	}
	return NULL;
}

static void threads_never_see_the_rule_of_another_address(void **state)
{
	struct tally tallies[N_THREADS];
	pthread_t threads[N_THREADS];

	(void)state;
	for (unsigned t = 0; t < N_THREADS; t++) {
		tallies[t] = (struct tally){.state = t + 1};
		assert_int_equal(pthread_create(&threads[t], NULL, keep_and_recall, &tallies[t]), 0);
	}
	for (unsigned t = 0; t < N_THREADS; t++) {
		pthread_join(threads[t], NULL);
		assert_int_equal(tallies[t].n_wrong, 0);
		assert_in_range(tallies[t].n_found, 1000, 200000);
	}
}

struct reader {
	bool stop, steady; /* atomic */
	unsigned n_lookups, n_wrong, n_learned;
};

static void *look_up_and_learn(void *argument)
{
	static const uintptr_t own = (uintptr_t)&keep_and_recall;
	struct reader *r = argument;
	struct fp_rule_room *room = calloc(1, fp_rule_room_bytes());

	/* A thread that starts late works all the same. */
	while (r->n_lookups < 1000 || !__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		bool steady = __atomic_load_n(&r->steady, __ATOMIC_RELAXED);
		uintptr_t pc = own + r->n_lookups % 32;
		const struct fp_module_map *map = fp_module_map_newest();
		const struct fp_module *m = fp_module_map_find(map, pc);
		struct fp_rule rule;

		r->n_wrong += m ? pc < m->start || pc >= m->end : steady;
		r->n_learned += m && fp_rule_learn(room, map, pc, false, &rule) == 0 && rule.kind == FP_RULE_OFFSET;
		r->n_lookups++;
	}
	free(room);
	return NULL;
}

static void objects_come_and_go_under_walks(void **state)
{
	struct reader readers[N_THREADS];
	pthread_t threads[N_THREADS];
	uint32_t before;

	(void)state;
	assert_int_equal(fp_native_refresh(NULL, NULL), 0);
	before = fp_native_generation();
	for (unsigned t = 0; t < N_THREADS; t++) {
		readers[t] = (struct reader){.steady = true};
		assert_int_equal(pthread_create(&threads[t], NULL, look_up_and_learn, &readers[t]), 0);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		void *other = dlopen(OTHER_OBJECT, RTLD_NOW | RTLD_LOCAL);

		assert_non_null(other);
		assert_int_equal(fp_native_refresh(NULL, NULL), 0);
		assert_int_equal(dlclose(other), 0);
		assert_int_equal(fp_native_refresh(NULL, NULL), 0);
		for (unsigned t = 0; round == STEADY_ROUNDS && t < N_THREADS; t++)
			__atomic_store_n(&readers[t].steady, false, __ATOMIC_RELAXED);
	}
	for (unsigned t = 0; t < N_THREADS; t++) {
		__atomic_store_n(&readers[t].stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[t], NULL);
		assert_int_equal(readers[t].n_wrong, 0);
		assert_int_not_equal(readers[t].n_lookups, 0);
		assert_int_not_equal(readers[t].n_learned, 0);
	}
	assert_int_equal(fp_native_generation() - before, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_found_for_its_address_and_epoch_only),
		cmocka_unit_test(a_full_table_still_takes_rules),
		cmocka_unit_test(threads_never_see_the_rule_of_another_address),
		cmocka_unit_test(objects_come_and_go_under_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
