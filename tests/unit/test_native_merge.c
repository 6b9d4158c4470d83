/* SPDX-License-Identifier: Apache-2.0 */
/* agent/native/merge: Python frames in the places of the eval loop's frames. */
#include "agent/native/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Addresses: 1xx eval loop, 2xx elsewhere in libpython, 3xx another object. */
static const struct fp_python python = {
	.library = {100, 300},
	.eval = {{100, 120}, {150, 160}},
	.n_eval = 2,
};
#define PY(i) (FP_MERGE_PYTHON | (i))

static void check(const uintptr_t *pcs, unsigned n_pcs, const char *entries, const uint64_t *expected, unsigned n)
{
	struct fp_py_frame py[8] = {0};
	unsigned n_py = 0, found;
	uint64_t out[32];

	for (; entries[n_py]; n_py++)
		py[n_py].is_entry = entries[n_py] == 'E';
	found = fp_native_merge(&python, pcs, n_pcs, py, n_py, out, 32);
	assert_int_equal(found, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(out[i], expected[i]);
}

#define CHECK(pcs, entries, ...) \
	do { \
		const uint64_t expected_[] = {__VA_ARGS__}; \
		check(pcs, sizeof(pcs) / sizeof(pcs[0]), entries, expected_, sizeof(expected_) / 8); \
	} while (0)

static void one_eval_call_for_three_frames(void **state)
{
	const uintptr_t pcs[] = {301, 201, 110, 202, 302};

	(void)state;
	/* The builtin at 201 stays, the call machinery at 202 does not. */
	CHECK(pcs, "--E", 301, 201, PY(0), PY(1), PY(2), 302);
}

static void native_code_between_eval_calls(void **state)
{
	const uintptr_t pcs[] = {110, 203, 303, 204, 155, 205, 304};

	(void)state;
	CHECK(pcs, "E-E", PY(0), 303, PY(1), PY(2), 304);
}

static void eval_call_without_its_frame_yet(void **state)
{
	const uintptr_t pcs[] = {110, 203, 303, 204, 155, 304};

	(void)state;
	CHECK(pcs, "-E", 303, PY(0), PY(1), 304);
}

static void frame_whose_eval_call_is_gone(void **state)
{
	const uintptr_t pcs[] = {301, 110, 304};

	(void)state;
	CHECK(pcs, "EE-E", 301, PY(0), 304, PY(1), PY(2), PY(3));
}

static void native_walk_that_ended_early(void **state)
{
	const uintptr_t pcs[] = {301, 201};

	(void)state;
	CHECK(pcs, "-E", 301, 201, PY(0), PY(1));
}

static void python_walk_that_was_cut(void **state)
{
	const uintptr_t pcs[] = {110, 301, 111, 112, 113, 302};

	(void)state;
	/* The outermost entries are missing: what there is belongs to the leaf. */
	CHECK(pcs, "E--", PY(0), 301, PY(1), PY(2), 302);
}

static void python_alone(void **state)
{
	(void)state;
	check(NULL, 0, "-E", (const uint64_t[]){PY(0), PY(1)}, 2);
}

static void never_beyond_the_room(void **state)
{
	const uintptr_t pcs[] = {301, 110, 302, 303};
	struct fp_py_frame py[4] = {0};
	uint64_t out[4] = {0, 0, 0, 77};

	(void)state;
	assert_int_equal(fp_native_merge(&python, pcs, 4, py, 4, out, 3), 3);
	assert_int_equal(out[3], 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_eval_call_for_three_frames), cmocka_unit_test(native_code_between_eval_calls),
		cmocka_unit_test(eval_call_without_its_frame_yet), cmocka_unit_test(frame_whose_eval_call_is_gone),
		cmocka_unit_test(native_walk_that_ended_early),   cmocka_unit_test(python_walk_that_was_cut),
		cmocka_unit_test(python_alone),                   cmocka_unit_test(never_beyond_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
