/* SPDX-License-Identifier: Apache-2.0 */
/* [tool.filperf] found among all that TOML allows. */
#include "agent/settings/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char taken[4096];

static void take(void *ctx, const struct fp_toml_item *item)
{
	size_t n = strlen(taken);

	(void)ctx;
	snprintf(taken + n, sizeof(taken) - n, "%u:%s=%s;", item->line, item->key, item->value);
}

static struct fp_toml_error error;

/* From a buffer of exactly its size, so that a sanitizer sees over-reads. */
static int read_bytes(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, text, n);
	taken[0] = 0;
	r = fp_toml_read(copy, n, "tool.filperf.", take, NULL, &error);
	free(copy);
	return r;
}

static void gives(const char *text, const char *expected)
{
	if (read_bytes(text, strlen(text)))
		fail_msg("line %u: %s in:\n%s", error.line, error.what, text);
	assert_string_equal(taken, expected);
}

static void fails_at(const char *text, unsigned int line)
{
	assert_int_not_equal(read_bytes(text, strlen(text)), 0);
	assert_int_equal(error.line, line);
	assert_non_null(error.what);
}

static void plain_tables(void **state)
{
	(void)state;
	gives("", "");
	gives("# nothing\n\n", "");
	gives("[tool.filperf]\nquiet = true\n[tool.filperf.spy]\nrate = 1_000 # Hz\n", "2:quiet=true;4:spy.rate=1000;");
	gives("[tool.filperf]\r\noutput_dir = \"a/b\"\r\n", "2:output_dir=a/b;");
	gives("[tool.filperf]\nspy.rate=5", "2:spy.rate=5;");
	gives("tool.filperf.spy.rate = 5\n", "1:spy.rate=5;");
	gives("[tool]\nfilperf = {quiet = true, spy = {rate = 7}}\n", "2:quiet=true;2:spy.rate=7;");
	gives("[ tool . \"filperf\" . 'spy' ]\n\"rate\" = 8\n", "2:spy.rate=8;");
	gives("[tool.filperf]\nd = 2.5\ne = -1e3\n", "2:d=2.5;3:e=-1e3;");
	gives("[tool.filperf.spy]\noutput = ['svg', \"raw\", # two\n  \"json\",\n]\nx = []\n", "2:spy.output=svg,raw,json;5:spy.x=;");
	gives("\xef\xbb\xbf[tool.filperf]\na=1\n", "2:a=1;");
}

static void others_are_skipped(void **state)
{
	(void)state;
	gives("[tool.other]\nrate = 1\n[tool.filperfx]\na=1\n[xtool.filperf]\nb=1\n[[tool.filperf_list]]\nc=1\n", "");
	gives("[project]\nname = \"x\"\ndescription = \"\"\"\n[tool.filperf]\nquiet = true\n\"\"\"\n"
	      "readme = '''\n[tool.filperf]\n'''\n[tool.filperf]\na = 1\n",
	      "11:a=1;");
	gives("a = \"[tool.filperf]\"\nb = ['''\n[tool.filperf]\nq = 1\n''', [1, 2, {z = \"]\"}]]\n[tool.filperf]\nc=3\n",
	      "7:c=3;");
	gives("d = 1979-05-27 07:32:00Z\ne = 1979-05-27T00:32:00.999-07:00\nf = 07:32:00\n[tool.filperf]\ng = 1979-05-27\n",
	      "5:g=1979-05-27;");
	gives("h = 0xdead_beef\ni = inf\nj = -nan\nk = +1.0\n", "");
	gives("q = \"\"\"a\"\"\"\"\"\nr = ''''a''''\n[tool.filperf]\nb=1\n", "4:b=1;");
	gives("s = \"\"\"\\\n   x \\\n\n   y\"\"\"\n[tool.filperf]\nb=1\n", "6:b=1;");
	gives("u.\"v.w\".x = {\"y z\" = 1}\n\"\" = 2\n1234 = 3\n[tool.filperf]\nb=1\n", "5:b=1;");
}

static void strings_are_decoded(void **state)
{
	(void)state;
	gives("[tool.filperf]\na = \"\\u00e9\\U0001F600\\t\\\"\\\\\"\nb = '\\u00e9'\n", "2:a=é😀\t\"\\;3:b=\\u00e9;");
	gives("[tool.filperf]\na = \"\"\"\nx\ny\"\"\"\n", "2:a=x\ny;");
	gives("[tool.filperf]\na = \"# no comment\" # one\n", "2:a=# no comment;");
}

static void errors_name_their_line(void **state)
{
	(void)state;
	fails_at("a = 1\nb = \"x\n", 2);
	fails_at("a = 1\n\n[tool.filperf\n", 3);
	fails_at("a\n", 1);
	fails_at("a = \n", 1);
	fails_at("a = 1 2\n", 1);
	fails_at("a = [1, 2\nb = 3\n", 2);
	fails_at("a = {b = 1\n", 2);
	fails_at("a = \"\\q\"\n", 1);
	fails_at("a = \"\\u00g0\"\n", 1);
	fails_at("a = '''x\n\n", 3);
	fails_at("= 1\n", 1);
	fails_at("[tool.filperf]\nquiet = true\n]\n", 3);
	assert_string_equal(taken, "2:quiet=true;");
}

static void depth_and_length_have_bounds(void **state)
{
	char deep[3000], key[3000];

	(void)state;
	strcpy(deep, "a = ");
	memset(deep + 4, '[', 2000);
	deep[2004] = 0;
	fails_at(deep, 1);
	/* a path that does not fit is skipped, not cut into one of ours */
	memset(key, 'k', 1000);
	strcpy(key + 1000, " = 1\n[tool.filperf]\na = 2\n");
	gives(key, "3:a=2;");
	memcpy(key, "tool.filperf.", 13);
	gives(key, "3:a=2;");
}

/* Cut anywhere, or with any byte changed: an answer, never an over-read. */
static void damage_is_survived(void **state)
{
	static const char text[] = "[tool.\"filperf\".spy]\nrate = [1, {a='''x''', b=\"\"\"\\u00e9\\\n \"\"\"}] # c\n"
				   "d = 1979-05-27 07:32:00\n[[t]]\n'k'.l = \"\\\"\"\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		char copy[sizeof(text)];

		(void)read_bytes(text, n);
		for (int c = 0; c < 256; c++) {
			memcpy(copy, text, sizeof(text));
			copy[n] = (char)c;
			(void)read_bytes(copy, sizeof(text) - 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_tables),		 cmocka_unit_test(others_are_skipped),
		cmocka_unit_test(strings_are_decoded),	 cmocka_unit_test(errors_name_their_line),
		cmocka_unit_test(depth_and_length_have_bounds), cmocka_unit_test(damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
