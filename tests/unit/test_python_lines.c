/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fp_python_line against what each interpreter says of its own code, and
 * against tables cut short and damaged.
 */
#include "agent/capture/format.h"
#include "agent/python/python.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "python_line_vectors.h"

struct vector {
	const char *name;
	uint32_t kind;
	const unsigned char *table;
	uint32_t n_bytes;
	uint32_t first_line;
	const uint16_t *lines, *columns;
	unsigned n_units;
};

static const struct vector vectors[] = { VECTORS };
static const unsigned n_vectors = sizeof(vectors) / sizeof(vectors[0]);

static void lines_equal_the_interpreters(void **state)
{
	const struct vector *v;
	uint32_t line, column;
	unsigned i;

	(void)state;
	for (v = vectors; v < vectors + n_vectors; v++) {
		for (i = 0; i < v->n_units; i++) {
			line = fp_python_line(v->kind, (const char *)v->table, v->n_bytes, v->first_line, i * 2,
					      &column);
			if (line != v->lines[i] || column != v->columns[i])
				fail_msg("%s unit %u: line %u column %u instead of %u, %u", v->name, i, line,
					 column, v->lines[i], v->columns[i]);
		}
	}
}

static void a_frame_that_has_not_begun_is_at_its_first_line(void **state)
{
	uint32_t column = 7;

	(void)state;
	assert_int_equal(fp_python_line(FP_LINES_LOCATIONS, (const char *)vectors[0].table, 1, 42, -1, &column), 42);
	assert_int_equal(column, 0);
	assert_int_equal(fp_python_line(FP_LINES_NONE, "", 0, 42, 0, &column), 0);
	assert_int_equal(fp_python_line(FP_LINES_LOCATIONS, NULL, 0, 42, 6, NULL), 42);
}

static void an_offset_behind_the_table_has_no_line(void **state)
{
	const struct vector *v;

	(void)state;
	for (v = vectors; v < vectors + n_vectors; v++)
		if (v->kind != FP_LINES_LNOTAB) /* its last line is open-ended */
			assert_int_equal(fp_python_line(v->kind, (const char *)v->table, v->n_bytes, v->first_line,
							(int64_t)v->n_units * 2 + 64, NULL), 0);
}

/* Every prefix in a block of exactly its size: a sanitizer sees a byte too far. */
static void cut_tables_are_not_read_beyond(void **state)
{
	const struct vector *v;
	uint32_t n, column;
	char *copy;

	(void)state;
	for (v = vectors; v < vectors + n_vectors; v++) {
		for (n = 0; n < v->n_bytes; n++) {
			copy = malloc(n ? n : 1);
			assert_non_null(copy);
			memcpy(copy, v->table, n);
			fp_python_line(v->kind, copy, n, v->first_line, (int64_t)v->n_units * 2 - 2, &column);
			free(copy);
		}
	}
}

static void damaged_tables_give_a_line_or_none(void **state)
{
	uint32_t random = 1, kind, n, i, line, column;
	char table[97];

	(void)state;
	for (i = 0; i < 300000; i++) {
		random = random * 1664525u + 1013904223u;
		n = random >> 8 & 63;
		table[i % sizeof(table)] = (char)(random >> 16);
		kind = i % 4;
		line = fp_python_line(kind, table + sizeof(table) - n, n, random >> 20, random >> 24, &column);
		assert_true(line <= INT32_MAX);
	}
	memset(table, 0xff, sizeof(table)); /* varints without end */
	assert_int_equal(fp_python_line(FP_LINES_LOCATIONS, table, sizeof(table), 1, 0, NULL), 0);
	memset(table, 0x7f, sizeof(table));
	table[0] = (char)0xe8; /* no columns, a signed varint follows */
	assert_int_equal(fp_python_line(FP_LINES_LOCATIONS, table, sizeof(table), 1, 0, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_equal_the_interpreters),
		cmocka_unit_test(a_frame_that_has_not_begun_is_at_its_first_line),
		cmocka_unit_test(an_offset_behind_the_table_has_no_line),
		cmocka_unit_test(cut_tables_are_not_read_beyond),
		cmocka_unit_test(damaged_tables_give_a_line_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
