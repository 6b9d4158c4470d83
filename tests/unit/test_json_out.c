/* SPDX-License-Identifier: Apache-2.0 */
/* JSON strings: what is escaped, at any place of a text of any length. */
#include "tools/render/json_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONGEST 40u

static void check(const char *text, const char *expected)
{
	struct fp_json_out j;
	char *out = NULL;
	size_t n_bytes;
	FILE *f = open_memstream(&out, &n_bytes);

	assert_non_null(f);
	assert_int_equal(fp_json_begin(&j, f, false), 0);
	fp_json_string(&j, text);
	assert_int_equal(fp_json_end(&j), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(out, expected);
	free(out);
}

static void expect(const char *text, char *out)
{
	*out++ = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			out += sprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			out += sprintf(out, "\\u%04x", c);
		else
			*out++ = (char)c;
	}
	strcpy(out, "\"");
}

static void each_byte_at_each_place(void **state)
{
	char text[LONGEST + 1], expected[6 * LONGEST + 3];

	(void)state;
	for (size_t n = 1; n <= LONGEST; n += n < 18 ? 1 : 11)
		for (size_t at = 0; at < n; at++)
			for (int c = 1; c < 256; c++) {
				memset(text, c % 2 ? 'a' : '\xc3', n);
				text[n] = 0;
				text[at] = (char)c;
				expect(text, expected);
				check(text, expected);
			}
}

static void several_in_one_word(void **state)
{
	(void)state;
	check("", "\"\"");
	check("\"\"\\\\\n\x7f\"a", "\"\\\"\\\"\\\\\\\\\\u000a\\u007f\\\"a\"");
	check("0123456\"89abcde\\", "\"0123456\\\"89abcde\\\\\"");
	check("\x80\x1f\xff\x20\x9f\x21\xa2\xdc", "\"\x80\\u001f\xff \x9f!\xa2\xdc\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_at_each_place),
		cmocka_unit_test(several_in_one_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
