/* SPDX-License-Identifier: Apache-2.0 */
/* Names of run directories, and the settings file in them. */
#include "agent/settings/run_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void base_follows_the_environment(void **state)
{
	static char *const xdg[] = {"TMPDIR=/t", "XDG_RUNTIME_DIR=/run/user/5", NULL};
	static char *const tmp[] = {"TMPDIR=/t", "XDG_RUNTIME_DIR=relative", NULL};
	static char *const none[] = {"TMPDIR=", NULL};
	char path[64], small[8];

	(void)state;
	assert_int_equal(fp_run_base(xdg, 5, path, sizeof(path)), 0);
	assert_string_equal(path, "/run/user/5/filperf-5");
	assert_int_equal(fp_run_base(tmp, 5, path, sizeof(path)), 0);
	assert_string_equal(path, "/t/filperf-5");
	assert_int_equal(fp_run_base(none, 5, path, sizeof(path)), 0);
	assert_string_equal(path, "/tmp/filperf-5");
	assert_int_equal(fp_run_base(none, 5, small, sizeof(small)), -ENAMETOOLONG);
}

static void names_go_there_and_back(void **state)
{
	static const char *const bad[] = {"",	     "1-2",	"1-2-X", "-1-2-L", "a-2-L",  "1--L",
					  "1-2-L.x", "x1-2-L", "/",	  "0-2-L",  "1-2-LL"};
	struct fp_run_name name = {.pid = 12, .start_ticks = 34567890123ull, .how = FP_RUN_LAUNCHED}, back;
	char path[64];

	(void)state;
	assert_int_equal(fp_run_path("/b", &name, path, sizeof(path)), 0);
	assert_string_equal(path, "/b/12-34567890123-L");
	assert_int_equal(fp_run_name_parse(path, &back), 0);
	assert_int_equal(back.pid, 12);
	assert_true(back.start_ticks == name.start_ticks);
	assert_int_equal(back.how, 'L');
	assert_int_equal(fp_run_name_parse("/b/1-2-P/", &back), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(fp_run_name_parse(bad[i], &back), -EINVAL);
}

static char scratch[64];

static void base_must_be_ours_alone(void **state)
{
	char path[128], other[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/base", scratch);
	assert_int_equal(fp_run_base_make(path, getuid()), 0);
	assert_int_equal(fp_run_base_make(path, getuid()), 0);
	assert_int_equal(fp_run_base_make(path, getuid() + 1), -EPERM);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(fp_run_base_make(path, getuid()), -EACCES);
	snprintf(other, sizeof(other), "%s/link", scratch);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(fp_run_base_make(other, getuid()), -ENOTDIR);
	snprintf(other, sizeof(other), "%s/no/such", scratch);
	assert_int_equal(fp_run_base_make(other, getuid()), -ENOENT);
}

static void start_ticks_are_read(void **state)
{
	uint64_t mine, same;
	char run_state;

	(void)state;
	assert_int_equal(fp_run_start_ticks(0, &mine, NULL), 0);
	assert_int_equal(fp_run_start_ticks(getpid(), &same, &run_state), 0);
	assert_true(mine == same && mine > 0);
	assert_int_equal(run_state, 'R');
	assert_true(fp_run_start_ticks(0x7ffffff0, &same, NULL) < 0);
}

static struct {
	char output_dir[256], cwd[256], arguments[256];
} facts_read;

static void take_fact(void *ctx, const char *name, const char *value)
{
	(void)ctx;
	if (strcmp(name, "OUTPUT_DIR") == 0)
		strcpy(facts_read.output_dir, value);
	if (strcmp(name, "CWD") == 0)
		strcpy(facts_read.cwd, value);
	if (strcmp(name, "ARG") == 0)
		snprintf(facts_read.arguments + strlen(facts_read.arguments),
			 sizeof(facts_read.arguments) - strlen(facts_read.arguments), "<%s>", value);
}

static void settings_go_there_and_back(void **state)
{
	static struct fp_settings s, back;
	static char text[FP_RUN_SETTINGS_BYTES], again[FP_RUN_SETTINGS_BYTES];
	static const char command[] = "a\0b\nFIL_PERF_QUIET=0\\x41\0\0c d";
	struct fp_run_facts facts = {
		.cwd = "/w\x01\\x", .started_s = 7, .cmdline = command, .cmdline_bytes = sizeof(command)};
	long n;

	(void)state;
	fp_settings_default(&s);
	assert_int_equal(fp_settings_set(&s, FP_OPTION_quiet, FP_FROM_OPTION, "", "1", NULL), 0);
	assert_int_equal(fp_settings_set(&s, FP_OPTION_run_label, FP_FROM_OPTION, "", "a\\x41=b", NULL), 0);
	n = fp_run_settings_format(&s, &facts, text, sizeof(text));
	assert_true(n > 0);
	assert_int_equal(strlen(text), n);
	strcpy(again, text);
	fp_settings_default(&back);
	fp_run_settings_take(&back, again);
	assert_true(back.of[FP_OPTION_quiet].on);
	assert_string_equal(back.of[FP_OPTION_run_label].text, "a\\x41=b");
	fp_run_settings_lines(text, take_fact, NULL);
	assert_string_equal(facts_read.cwd, "/w\x01\\x");
	assert_string_equal(facts_read.output_dir, "/w\x01\\x/outputs/perf");
	assert_string_equal(facts_read.arguments, "<a><b\nFIL_PERF_QUIET=0\\x41><><c d>");
	assert_int_equal(fp_run_settings_format(&s, &facts, text, 100), -ENOSPC);
}

static void long_commands_are_cut_between_arguments(void **state)
{
	static struct fp_settings s;
	static char text[FP_RUN_SETTINGS_BYTES], command[64 << 10];
	struct fp_run_facts facts = {.cwd = "/", .cmdline = command, .cmdline_bytes = sizeof(command)};

	(void)state;
	memset(command, 'x', sizeof(command) - 1);
	command[5] = 0;
	fp_settings_default(&s);
	assert_true(fp_run_settings_format(&s, &facts, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "ARG=xxxxx\n"));
}

static void settings_file_is_made_once(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/run", scratch);
	assert_int_equal(fp_run_make(path), 0);
	assert_int_equal(fp_run_make(path), -EEXIST);
	assert_int_equal(fp_run_settings_write(path, "A=1\n", 4), 0);
	assert_int_equal(fp_run_settings_write(path, "A=1\n", 4), -EEXIST);
	snprintf(path, sizeof(path), "%s/run/settings", scratch);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void pyproject_is_found_upwards(void **state)
{
	char path[256], text[64], cwd[256];
	size_t n = 0;
	FILE *f;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(path, sizeof(path), "%s/pyproject.toml", scratch);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("[tool]\n", f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/below", scratch);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chdir(path), 0);
	assert_int_equal(fp_settings_find_pyproject(path, sizeof(path), text, sizeof(text), &n), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(text, "[tool]\n", 7);
	assert_non_null(strstr(path, "/pyproject.toml"));
	assert_null(strstr(path, "/below"));
	assert_int_equal(fp_settings_find_pyproject(path, sizeof(path), text, 4, &n), -EFBIG);
	/* a directory or a pipe of that name is passed over */
	assert_int_equal(mkfifo("pyproject.toml", 0600), 0);
	assert_int_equal(fp_settings_find_pyproject(path, sizeof(path), text, sizeof(text), &n), 0);
	assert_null(strstr(path, "/below"));
	assert_int_equal(chdir(cwd), 0);
}

static int make_scratch(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/fp-test-XXXXXX");
	return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_follows_the_environment),
		cmocka_unit_test(names_go_there_and_back),
		cmocka_unit_test(base_must_be_ours_alone),
		cmocka_unit_test(start_ticks_are_read),
		cmocka_unit_test(settings_go_there_and_back),
		cmocka_unit_test(long_commands_are_cut_between_arguments),
		cmocka_unit_test(settings_file_is_made_once),
		cmocka_unit_test(pyproject_is_found_upwards),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
