/* SPDX-License-Identifier: Apache-2.0 */
/* Values by the option table, spellings, the environment. */
#include "agent/settings/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fp_setting setting;
static char error[FP_NOTICE_BYTES];

static int parse(enum fp_option_id id, const char *text)
{
	error[0] = 0;
	return fp_settings_parse_value(id, "NAME", text, &setting, error, sizeof(error));
}

static void defaults_are_valid(void **state)
{
	(void)state;
	for (int id = 0; id < FP_OPTION_MAX; id++)
		if (parse((enum fp_option_id)id, fp_options[id].value))
			fail_msg("%s: %s", fp_options[id].id, error);
}

static void booleans_are_pydantics(void **state)
{
	static const char *const yes[] = {"1", "true", "True", "TRUE", "t", "T", "yes", "YES", "y", "on", "On"};
	static const char *const no[] = {"0", "false", "False", "f", "F", "no", "No", "n", "off", "OFF"};
	static const char *const neither[] = {"", "2", "01", "tru", "truee", "enable", " 1", "-1", "oui"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		assert_int_equal(parse(FP_OPTION_quiet, yes[i]), 0);
		assert_true(setting.on);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		assert_int_equal(parse(FP_OPTION_quiet, no[i]), 0);
		assert_false(setting.on);
	}
	for (size_t i = 0; i < sizeof(neither) / sizeof(*neither); i++)
		assert_int_not_equal(parse(FP_OPTION_quiet, neither[i]), 0);
}

static void numbers_keep_their_range(void **state)
{
	static const char *const bad[] = {"", "0", "10001", "-1", "1.5", "1e2", "abc", "10 0", "99999999999999999999",
					  "1x", "0x10", "+", "nan", "inf"};

	(void)state;
	assert_int_equal(parse(FP_OPTION_spy_rate, "1"), 0);
	assert_int_equal(setting.number, 1);
	assert_int_equal(parse(FP_OPTION_spy_rate, " 10000 "), 0);
	assert_int_equal(setting.number, 10000);
	assert_int_equal(parse(FP_OPTION_spy_rate, "+100"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(parse(FP_OPTION_spy_rate, bad[i]), 0);
	assert_int_equal(parse(FP_OPTION_spy_duration, "2.5"), 0);
	assert_true(setting.real == 2.5);
	assert_int_equal(parse(FP_OPTION_spy_duration, "1.5e2"), 0);
	assert_true(setting.real == 150);
	assert_int_equal(parse(FP_OPTION_spy_duration, ".5"), 0);
	assert_true(setting.real == 0.5);
	assert_int_not_equal(parse(FP_OPTION_spy_duration, "-1"), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_duration, "1e999"), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_duration, "."), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_duration, "1e"), 0);
}

static void choices_are_words_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(parse(FP_OPTION_spy_output, " SVG, raw,,svg,prof "), 0);
	assert_string_equal(setting.text, "svg,raw,prof");
	assert_int_equal(setting.choices, 1 | 2 | 16);
	assert_int_not_equal(parse(FP_OPTION_spy_output, ""), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_output, " , "), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_output, "svg,sv"), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_output, "svg|raw"), 0);
	assert_non_null(strstr(error, "NAME=svg|raw"));
	assert_non_null(strstr(error, "speedscope, json"));
}

static void texts_have_a_bound(void **state)
{
	char text[FP_SETTING_TEXT_BYTES + 1];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[FP_SETTING_TEXT_BYTES - 1] = 0;
	assert_int_equal(parse(FP_OPTION_run_label, text), 0);
	text[FP_SETTING_TEXT_BYTES - 1] = 'a';
	text[FP_SETTING_TEXT_BYTES] = 0;
	assert_int_not_equal(parse(FP_OPTION_run_label, text), 0);
	assert_int_not_equal(parse(FP_OPTION_run_label, "a\nb"), 0);
	assert_null(strchr(error, '\n'));
	assert_int_not_equal(parse(FP_OPTION_output_dir, ""), 0);
	assert_int_equal(parse(FP_OPTION_run_label, "Ünï 名"), 0);
}

static void pid_is_refused_by_name(void **state)
{
	(void)state;
	assert_int_equal(parse(FP_OPTION_spy_pid, ""), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_pid, "12"), 0);
	assert_non_null(strstr(error, "attach"));
}

static void failure_leaves_the_output(void **state)
{
	(void)state;
	assert_int_equal(parse(FP_OPTION_spy_rate, "77"), 0);
	assert_int_not_equal(parse(FP_OPTION_spy_rate, "abc"), 0);
	assert_int_equal(setting.number, 77);
}

static void spellings_agree(void **state)
{
	char name[FP_SPELLED_BYTES];

	(void)state;
	fp_option_spell(FP_OPTION_spy_threads_include, FP_SPELL_ENVIRONMENT, name);
	assert_string_equal(name, "FIL_PERF_SPY_THREADS_INCLUDE");
	fp_option_spell(FP_OPTION_spy_threads_include, FP_SPELL_OPTION, name);
	assert_string_equal(name, "--spy-threads-include");
	fp_option_spell(FP_OPTION_spy_threads_include, FP_SPELL_PYPROJECT, name);
	assert_string_equal(name, "spy.threads_include");
	for (int as = 0; as < 3; as++)
		for (int id = 0; id < FP_OPTION_MAX; id++) {
			fp_option_spell((enum fp_option_id)id, (enum fp_spelling)as, name);
			assert_int_equal(fp_option_find((enum fp_spelling)as, name), id);
			assert_int_equal(fp_option_nearest((enum fp_spelling)as, name), id);
		}
	assert_int_equal(fp_option_find(FP_SPELL_OPTION, "--spy"), FP_OPTION_MAX);
	assert_int_equal(fp_option_nearest(FP_SPELL_ENVIRONMENT, "FIL_PERF_SPY_RAET"), FP_OPTION_spy_rate);
	assert_int_equal(fp_option_nearest(FP_SPELL_ENVIRONMENT, "FIL_PERF_OUTPUTDIR"), FP_OPTION_output_dir);
}

static char lines[4][FP_NOTICE_BYTES];
static unsigned int n_lines;

static void keep_line(void *ctx, enum fp_notice_kind kind, const char *line)
{
	(void)ctx;
	(void)kind;
	strcpy(lines[n_lines++ % 4], line);
}

static void environment_is_read(void **state)
{
	static char *envp[] = {"PATH=/bin", "FIL_PERF_SPY_RATE=250", "FIL_PERF_QUIET=yes", "FIL_PERF_RUN_DIR=/x/y",
			       "FIL_PERF_SPY_RAET=9", "FIL_PERF_MAX_CAPTURE_MB=much", "FIL_PERFX=1", NULL};
	static struct fp_settings s;
	struct fp_notices n = {.take = keep_line};

	(void)state;
	n_lines = 0;
	fp_settings_default(&s);
	fp_settings_from_environment(&s, envp, &n);
	assert_int_equal(s.of[FP_OPTION_spy_rate].number, 250);
	assert_int_equal(s.of[FP_OPTION_spy_rate].origin, FP_FROM_ENVIRONMENT);
	assert_true(s.of[FP_OPTION_quiet].on);
	assert_int_equal(s.of[FP_OPTION_max_capture_mb].number, 512);
	assert_int_equal(s.of[FP_OPTION_max_capture_mb].origin, FP_FROM_DEFAULT);
	assert_int_equal(n.n_bad, 1);
	assert_int_equal(n.n_unknown, 1);
	assert_non_null(strstr(lines[0], "FIL_PERF_SPY_RAET"));
	assert_non_null(strstr(lines[0], "FIL_PERF_SPY_RATE"));
	assert_non_null(strstr(lines[1], "FIL_PERF_MAX_CAPTURE_MB=much"));
	assert_non_null(strstr(lines[1], "16..1048576"));
}

static void official_name_wins_over_alias(void **state)
{
	static char *const both[][3] = {
		{"FIL_PERF_SPY_ENABLED=1", "FIL_PERF_ENABLE_PYSPY=0", NULL},
		{"FIL_PERF_ENABLE_PYSPY=0", "FIL_PERF_SPY_ENABLED=1", NULL},
	};
	static char *alone[] = {"FIL_PERF_ENABLE_PYSPY=0", NULL};
	static struct fp_settings s;
	struct fp_notices n = {.take = keep_line};

	(void)state;
	for (int i = 0; i < 2; i++) {
		fp_settings_default(&s);
		fp_settings_from_environment(&s, both[i], &n);
		assert_true(s.of[FP_OPTION_spy_enabled].on);
	}
	fp_settings_default(&s);
	fp_settings_from_environment(&s, alone, &n);
	assert_false(s.of[FP_OPTION_spy_enabled].on);
	assert_int_equal(n.n_bad + n.n_unknown, 0);
}

/* filperf run hands every setting down as text. */
static void each_default_is_accepted_as_text(void **state)
{
	(void)state;
	for (int id = 0; id < FP_OPTION_MAX; id++)
		assert_int_equal(parse((enum fp_option_id)id, fp_options[id].value), 0);
}

static void one_rate_given_is_the_rate_of_both(void **state)
{
	static const struct {
		const char *hertz, *seconds;
	} same[] = {{"50", "0.02"}, {"1", "1"}, {"3", "0.333333333"}, {"10000", "0.0001"}, {"999", "0.001001001"}};
	static struct fp_settings s;

	(void)state;
	for (unsigned int i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		fp_settings_default(&s);
		assert_int_equal(fp_settings_set(&s, FP_OPTION_spy_rate, FP_FROM_OPTION, "", same[i].hertz, NULL), 0);
		fp_settings_settle(&s);
		fp_settings_settle(&s);
		assert_string_equal(s.of[FP_OPTION_scalene_cpu_rate].text, same[i].seconds);
		fp_settings_default(&s);
		assert_int_equal(fp_settings_set(&s, FP_OPTION_scalene_cpu_rate, FP_FROM_OPTION, "", same[i].seconds,
						 NULL), 0);
		fp_settings_settle(&s);
		assert_string_equal(s.of[FP_OPTION_spy_rate].text, same[i].hertz);
	}
	assert_int_equal(fp_settings_set(&s, FP_OPTION_spy_rate, FP_FROM_OPTION, "", "7", NULL), 0);
	fp_settings_settle(&s);
	assert_int_equal(s.of[FP_OPTION_spy_rate].number, 7);
	assert_string_equal(s.of[FP_OPTION_scalene_cpu_rate].text, "0.001001001");
}

static void parts_settle(void **state)
{
	static const enum fp_option_id spy = FP_OPTION_spy_enabled, memray = FP_OPTION_memray_enabled,
				       scalene = FP_OPTION_scalene_enabled, exact = FP_OPTION_memray_exact;
	static struct fp_settings s;

	(void)state;
	fp_settings_default(&s);
	fp_settings_settle(&s);
	assert_true(s.of[spy].on && s.of[memray].on && s.of[scalene].on && !s.of[exact].on);
	assert_int_equal(fp_settings_followed(&s, spy), FP_OPTION_MAX);
	/* one taken out leaves the others */
	(void)fp_settings_set(&s, memray, FP_FROM_PYPROJECT, "m", "0", NULL);
	fp_settings_settle(&s);
	assert_true(s.of[spy].on && !s.of[memray].on && s.of[scalene].on && !s.of[exact].on);
	assert_int_equal(fp_settings_followed(&s, memray), FP_OPTION_MAX);
	/* one by name alone, said again by a higher source */
	(void)fp_settings_set(&s, memray, FP_FROM_ENVIRONMENT, "M", "yes", NULL);
	for (int again = 0; again < 2; again++) {
		fp_settings_settle(&s);
		assert_true(!s.of[spy].on && s.of[memray].on && !s.of[scalene].on && s.of[exact].on);
		assert_string_equal(s.of[spy].text, "0");
		assert_string_equal(s.of[exact].text, "1");
		assert_int_equal(s.of[spy].origin, FP_FROM_DEFAULT);
		assert_int_equal(fp_settings_followed(&s, spy), memray);
		assert_int_equal(fp_settings_followed(&s, scalene), memray);
		assert_int_equal(fp_settings_followed(&s, exact), memray);
		assert_int_equal(fp_settings_followed(&s, memray), FP_OPTION_MAX);
	}
	/* what was given stays */
	(void)fp_settings_set(&s, exact, FP_FROM_OPTION, "e", "0", NULL);
	(void)fp_settings_set(&s, spy, FP_FROM_OPTION, "s", "on", NULL);
	fp_settings_settle(&s);
	assert_true(s.of[spy].on && s.of[memray].on && !s.of[scalene].on && !s.of[exact].on);
}

static void aliases_belong_to_the_parts(void **state)
{
	(void)state;
	assert_string_equal(fp_option_alias(FP_OPTION_spy_enabled), "FIL_PERF_ENABLE_PYSPY");
	assert_string_equal(fp_option_alias(FP_OPTION_memray_enabled), "FIL_PERF_ENABLE_MEMRAY");
	assert_string_equal(fp_option_alias(FP_OPTION_scalene_enabled), "FIL_PERF_ENABLE_SCALENE");
	assert_null(fp_option_alias(FP_OPTION_enabled));
}

static void higher_origin_stays(void **state)
{
	static char *envp[] = {"FIL_PERF_SPY_RATE=2", NULL};
	static const char toml[] = "[tool.filperf.spy]\nrate = 3\nnative = true\n";
	static struct fp_settings s;

	(void)state;
	fp_settings_default(&s);
	assert_int_equal(fp_settings_set(&s, FP_OPTION_spy_rate, FP_FROM_OPTION, "--spy-rate", "1", NULL), 0);
	fp_settings_from_environment(&s, envp, NULL);
	fp_settings_from_pyproject(&s, "p", toml, sizeof(toml) - 1, NULL);
	assert_int_equal(s.of[FP_OPTION_spy_rate].number, 1);
	fp_settings_default(&s);
	fp_settings_from_environment(&s, envp, NULL);
	fp_settings_from_pyproject(&s, "p", toml, sizeof(toml) - 1, NULL);
	assert_int_equal(s.of[FP_OPTION_spy_rate].number, 2);
	assert_true(s.of[FP_OPTION_spy_native].on);
	assert_int_equal(s.of[FP_OPTION_spy_native].origin, FP_FROM_PYPROJECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_valid),
		cmocka_unit_test(booleans_are_pydantics),
		cmocka_unit_test(numbers_keep_their_range),
		cmocka_unit_test(choices_are_words_of_the_table),
		cmocka_unit_test(texts_have_a_bound),
		cmocka_unit_test(pid_is_refused_by_name),
		cmocka_unit_test(failure_leaves_the_output),
		cmocka_unit_test(spellings_agree),
		cmocka_unit_test(environment_is_read),
		cmocka_unit_test(official_name_wins_over_alias),
		cmocka_unit_test(each_default_is_accepted_as_text),
		cmocka_unit_test(one_rate_given_is_the_rate_of_both),
		cmocka_unit_test(parts_settle),
		cmocka_unit_test(aliases_belong_to_the_parts),
		cmocka_unit_test(higher_origin_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
