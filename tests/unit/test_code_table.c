/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of functions under threads, over made-up code objects of 3.12:
 * every id leads to its own function with its own texts, whoever came first.
 */
#include "tests/support/capture_fixture.h"

#include "agent/ledger/code_table.h"
#include "agent/python/layout.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_THREADS 4
#define N_CODES 800u

struct code_object {
	unsigned char code[256], name[64], lines[64];
};

static struct fp_segment segment;
static struct fp_python py;
static struct code_object codes[N_CODES];
static uintptr_t code_type, unicode_type, bytes_type;

static int read_own(const struct fp_reader *r, uintptr_t addr, void *dst, size_t n_bytes)
{
	(void)r;
	memcpy(dst, (const void *)addr, n_bytes);
	return 0;
}

static const struct fp_reader reader = {.read = read_own};

static void put(unsigned char *object, size_t at, uintptr_t value)
{
	memcpy(object + at, &value, sizeof(value));
}

static void make_code(struct code_object *c, unsigned i)
{
	const struct fp_py_layout *l = py.layout;
	uint32_t first_line = i + 1;
	char text[16];
	int n = snprintf(text, sizeof(text), "function_%u", i);

	put(c->name, FP_OB_TYPE(l), (uintptr_t)&unicode_type);
	put(c->name, l->un_length, (uintptr_t)n);
	put(c->name, l->un_state, 1u << l->kind_shift | 3u << (l->kind_shift + 3));
	memcpy(c->name + l->un_ascii, text, (size_t)n);
	put(c->lines, FP_OB_TYPE(l), (uintptr_t)&bytes_type);
	put(c->lines, l->by_size, 8);
	put(c->code, FP_OB_TYPE(l), (uintptr_t)&code_type);
	memcpy(c->code + l->co_first_line, &first_line, sizeof(first_line));
	put(c->code, l->co_name, (uintptr_t)c->name);
	put(c->code, l->co_qualname, (uintptr_t)c->name);
	put(c->code, l->co_file, (uintptr_t)c->name);
	put(c->code, l->co_lines, (uintptr_t)c->lines);
}

static void *intern_all(void *argument)
{
	uint32_t *ids = argument;

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < N_CODES; i++)
			ids[i] = fp_code_intern(&segment, &py, &reader, (uintptr_t)codes[i].code);
	return NULL;
}

static void check_record(uint32_t id, unsigned i)
{
	const struct fp_code_record *r = (const struct fp_code_record *)fp_segment_at(&segment, FP_REGION_CODES) + id;
	const struct fp_text *name = (const struct fp_text *)((char *)fp_segment_at(&segment, FP_REGION_TEXT) + r->name_text);
	char text[16];
	int n = snprintf(text, sizeof(text), "function_%u", i);

	assert_int_not_equal(id, 0);
	assert_int_equal(r->address, (uintptr_t)codes[i].code);
	assert_int_equal(r->first_line, i + 1);
	assert_int_equal(name->n_bytes, n);
	assert_memory_equal(name->bytes, text, (size_t)n);
}

static void threads_find_the_functions_they_ask_for(void **state)
{
	static uint32_t ids[N_THREADS][N_CODES];
	pthread_t threads[N_THREADS];

	(void)state;
	assert_int_equal(fixture_open(&segment, 16), 0);
	assert_int_equal(fp_code_table_init(&segment), 0);
	py.layout = &fp_layout_312;
	py.code_type = (uintptr_t)&code_type;
	py.unicode_type = (uintptr_t)&unicode_type;
	py.bytes_type = (uintptr_t)&bytes_type;
	for (unsigned i = 0; i < N_CODES; i++)
		make_code(&codes[i], i);
	for (unsigned t = 0; t < N_THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, intern_all, ids[t]), 0);
	for (unsigned t = 0; t < N_THREADS; t++)
		pthread_join(threads[t], NULL);
	for (unsigned t = 0; t < N_THREADS; t++)
		for (unsigned i = 0; i < N_CODES; i++)
			check_record(ids[t][i], i);
	fixture_close(&segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_find_the_functions_they_ask_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
