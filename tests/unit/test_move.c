/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own copies (move.h) against a copy by hand, overlaps in both directions. */
#include "agent/base/move.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define ROOM 300u

static void fill(unsigned char *bytes)
{
	for (unsigned i = 0; i < ROOM; i++)
		bytes[i] = (unsigned char)(i * 7 + 1);
}

static void every_overlap_is_as_if_through_a_third_place(void **state)
{
	unsigned char room[ROOM], expected[ROOM], third[ROOM];

	(void)state;
	for (unsigned from = 0; from <= 40; from++)
		for (unsigned to = 0; to <= 40; to++)
			for (unsigned n = 0; n <= 130; n += n < 20 ? 1 : 11) {
				fill(room);
				fill(expected);
				for (unsigned i = 0; i < n; i++)
					third[i] = expected[from + i];
				for (unsigned i = 0; i < n; i++)
					expected[to + i] = third[i];
				assert_ptr_equal(fp_base_move(room + to, room + from, n), room + to);
				assert_memory_equal(room, expected, ROOM);
			}
}

static void the_other_form_returns_the_end(void **state)
{
	unsigned char from[ROOM], to[ROOM] = {0};

	(void)state;
	fill(from);
	assert_ptr_equal(fp_base_move_to_end(to, from, 100), to + 100);
	assert_memory_equal(to, from, 100);
	assert_int_equal(to[100], 0);
	assert_ptr_equal(fp_base_move_to_end(to, from, 0), to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_overlap_is_as_if_through_a_third_place),
		cmocka_unit_test(the_other_form_returns_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
