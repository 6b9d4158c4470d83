/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Titles, names, filters, errors, the import bill and the timeline, each by
 * small known inputs.  Ordinary program.
 */
#include "tests/golden/capture_writer.h"
#include "tools/model/call_tree.h"
#include "tools/model/function_table.h"
#include "tools/model/import_bill.h"
#include "tools/model/names.h"
#include "tools/model/timeline.h"
#include "tools/read/readers.h"
#include "tools/read/title.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *title(const char *exe, const char *cmdline, size_t n, bool is_python)
{
	static char out[128];

	fp_title_of_cmdline(exe, cmdline, n, is_python, out, sizeof(out));
	return out;
}
#define TITLE(exe, cmdline, py) title(exe, cmdline, sizeof(cmdline), py)

static void titles_name_the_program(void **state)
{
	(void)state;
	assert_string_equal(TITLE("/usr/bin/python3.11", "python\0-m\0filare\0run", true), "filare");
	assert_string_equal(TITLE("/usr/bin/python3.11", "python\0-X\0dev\0-W\0error\0d/s.py\0x", true), "s.py");
	assert_string_equal(TITLE("/v/bin/python3", "/v/bin/python\0/v/bin/filare\0run", true), "filare");
	assert_string_equal(TITLE("/usr/bin/python3", "python3\0-Ic\0print()", true), "python -c");
	assert_string_equal(TITLE("/usr/bin/python3", "python3\0-uXdev\0-Bm\0pkg.x", true), "pkg.x");
	assert_string_equal(TITLE("/usr/bin/python3", "python3\0-c\0print()", true), "python -c");
	assert_string_equal(TITLE("/usr/bin/python3", "python3\0app/__main__.py", true), "app");
	assert_string_equal(TITLE("/usr/bin/dot", "dot\0-Tsvg", false), "dot");
	assert_string_equal(TITLE("/opt/blender", "blender\0x.py", true), "blender");
	assert_string_equal(TITLE("", "", false), "program");
}

static void command_lines_are_quoted(void **state)
{
	char out[64], small[12];

	(void)state;
	fp_title_quote("a\0b c\0it's\0", 11, out, sizeof(out));
	assert_string_equal(out, "a 'b c' 'it'\\''s'");
	fp_title_quote("aaaaaaaaaaaaaaaaaaaaaaaaaaaa", 28, small, sizeof(small));
	assert_true(strlen(small) < sizeof(small));
}

static void files_are_shortened(void **state)
{
	char package[16];

	(void)state;
	assert_string_equal(fp_name_short_file("/v/lib/python3.12/site-packages/yaml/a.py", "/x"), "yaml/a.py");
	assert_string_equal(fp_name_short_file("/usr/lib/python3.12/json/x.py", "/x"), "json/x.py");
	assert_string_equal(fp_name_short_file("/home/u/a/b.py", "/home/u/"), "a/b.py");
	assert_string_equal(fp_name_short_file("/home/ux/b.py", "/home/u"), "/home/ux/b.py");
	assert_string_equal(fp_name_short_file("/src/python3.9-tools/b.py", ""), "/src/python3.9-tools/b.py");
	fp_name_package("/v/lib/python3.12/site-packages/six.py", package, sizeof(package));
	assert_string_equal(package, "six");
	fp_name_package("/home/u/a.py", package, sizeof(package));
	assert_string_equal(package, "");
}

static void globs_are_lists(void **state)
{
	(void)state;
	assert_true(fp_read_glob_list("a*, b?", "bx"));
	assert_false(fp_read_glob_list("a*,b?", "c"));
	assert_false(fp_read_glob_list(NULL, "c"));
	assert_false(fp_read_glob_list(" , ,", ""));
}

static char path[64];

static struct fp_profile *read_path(bool samples)
{
	struct fp_read_options o = { .lines = true, .subprocesses = true, .want_samples = samples };
	struct fp_profile *p = NULL;
	char error[256] = "";

	if (fp_profile_read(path, &o, &p, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return p;
}

/* python -m pkg: its own <module> is the program; what it imports is a bill. */
static void bill_charges_imports_only(void **state)
{
	struct capture_writer w;
	struct fp_import_bill *b;

	(void)state;
	writer_start(&w, 5, "/usr/bin/python3.12", "python3.12 -m pkg");
	uint32_t t = writer_thread(&w, 5, "t", FP_THREAD_MAIN);
	uint32_t own = writer_code(&w, "<module>", NULL, "/l/site-packages/pkg/__main__.py", 1);
	uint32_t load = writer_code(&w, "_find_and_load", NULL, "<frozen importlib._bootstrap>", 1);
	uint32_t yaml = writer_code(&w, "<module>", NULL, "/l/site-packages/yaml/__init__.py", 1);
	uint32_t re = writer_code(&w, "<module>", NULL, "/usr/lib/python3.12/re.py", 1);
	uint32_t n_own = writer_python(&w, 0, own, 1);
	uint32_t n_yaml = writer_python(&w, writer_python(&w, n_own, load, 1), yaml, 1);
	uint32_t n_re = writer_python(&w, writer_python(&w, n_yaml, load, 1), re, 1);

	writer_cell(&w, t, n_own, 7, 70, 0, FP_CPU_PYTHON);
	writer_cell(&w, t, n_yaml, 2, 20, 0, FP_CPU_PYTHON);
	writer_cell(&w, t, n_re, 1, 10, 0, FP_CPU_PYTHON);
	writer_finish(&w, path);
	struct fp_profile *p = read_path(false);
	assert_string_equal(p->processes[0].title, "pkg");
	assert_int_equal(fp_import_bill_make(p, &b), 0);
	assert_int_equal(b->n_rows, 1);
	assert_string_equal(b->rows[0].package, "yaml");
	assert_int_equal(b->import_ns, 30);
	assert_int_equal(b->all_ns, 100);
	fp_import_bill_destroy(b);
	fp_profile_destroy(p);
}

static void recursion_counts_once_and_sums_hold(void **state)
{
	struct capture_writer w;
	struct fp_function_table *table;
	struct fp_call_tree *tree;
	struct fp_call_tree_options o = { .lines = true };

	(void)state;
	writer_start(&w, 5, "/usr/bin/python3.12", "python3.12 a.py");
	uint32_t t = writer_thread(&w, 5, "t", FP_THREAD_MAIN);
	uint32_t f = writer_code(&w, "f", NULL, "a.py", 1);
	uint32_t n1 = writer_python(&w, 0, f, 1), n2 = writer_python(&w, n1, f, 1);
	uint32_t n3 = writer_python(&w, n2, f, 2);

	writer_cell(&w, t, n1, 1, 14000000, 0, FP_CPU_PYTHON);
	writer_cell(&w, t, n2, 1, 14000000, 0, FP_CPU_PYTHON);
	writer_cell(&w, t, n3, 1, 14000000, 0, FP_CPU_PYTHON);
	writer_finish(&w, path);
	struct fp_profile *p = read_path(false);
	assert_int_equal(fp_function_table_make(p, FP_TABLE_FUNCTION, true, UINT32_MAX, &table), 0);
	assert_int_equal(table->n_rows, 1);
	assert_int_equal(table->rows[0].self_ns, 42000000);
	assert_int_equal(table->rows[0].total_ns, 42000000);
	assert_int_equal(table->edges[0].total_ns, 28000000);
	assert_int_equal(fp_call_tree_make(p, &o, &tree), 0);
	assert_int_equal(tree->nodes[0].total_count, 4); /* 4.2 samples, 1.4 each */
	fp_call_tree_destroy(tree);
	fp_function_table_destroy(table);
	fp_profile_destroy(p);
}

static void slices_merge_but_not_over_waits(void **state)
{
	struct capture_writer w;
	struct fp_timeline line;
	struct fp_slice s;

	(void)state;
	writer_start(&w, 5, "/usr/bin/python3.12", "python3.12 a.py");
	uint32_t t = writer_thread(&w, 5, "t", FP_THREAD_MAIN);
	uint32_t n = writer_python(&w, 0, writer_code(&w, "f", NULL, "a.py", 1), 1);

	writer_cell(&w, t, n, 3, 30000000, 0, FP_CPU_PYTHON);
	writer_sample(&w, t, n, 10000, 10000, FP_SAMPLE_GIL);
	writer_sample(&w, t, n, 20000, 10000, 0);
	writer_sample(&w, t, n, 500000, 10000, 0);
	writer_finish(&w, path);
	struct fp_profile *p = read_path(true);
	assert_int_equal(fp_timeline_start(&line, p, 0), 0);
	assert_true(fp_timeline_next(&line, &s));
	assert_int_equal(s.start_us, 0);
	assert_int_equal(s.end_us, 20000);
	assert_int_equal(s.n_gil_samples, 1);
	assert_true(fp_timeline_next(&line, &s));
	assert_int_equal(s.start_us, 490000);
	assert_int_equal(s.n_samples, 1);
	assert_false(fp_timeline_next(&line, &s));
	fp_timeline_end(&line);
	fp_profile_destroy(p);
}

static void put_file(const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void refusals_are_one_line(void **state)
{
	struct fp_read_options o = { .lines = true, .subprocesses = true };
	struct fp_capture_header h = { .magic = "filperf", .version = 99, .header_bytes = sizeof(h) };
	struct fp_profile *p = NULL;
	char error[256];

	(void)state;
	memcpy(h.magic, FP_CAPTURE_MAGIC, sizeof(h.magic));
	put_file(&h, sizeof(h));
	assert_int_equal(fp_profile_read(path, &o, &p, error, sizeof(error)), -EPROTONOSUPPORT);
	assert_non_null(strstr(error, "version 99"));
	put_file("", 0);
	assert_int_not_equal(fp_profile_read(path, &o, &p, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "empty"));
	put_file("hello world\n", 12);
	assert_int_not_equal(fp_profile_read(path, &o, &p, error, sizeof(error)), 0);
	put_file("{\"samples\": 3}", 14);
	assert_int_not_equal(fp_profile_read(path, &o, &p, error, sizeof(error)), 0);
	assert_null(strchr(error, '\n'));
	assert_null(p);
	assert_int_equal(fp_profile_read("/nonexistent", &o, &p, error, sizeof(error)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_name_the_program),
		cmocka_unit_test(command_lines_are_quoted),
		cmocka_unit_test(files_are_shortened),
		cmocka_unit_test(globs_are_lists),
		cmocka_unit_test(bill_charges_imports_only),
		cmocka_unit_test(recursion_counts_once_and_sums_hold),
		cmocka_unit_test(slices_merge_but_not_over_waits),
		cmocka_unit_test(refusals_are_one_line),
	};
	snprintf(path, sizeof(path), "/tmp/fp-test-reader-%d", (int)getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
