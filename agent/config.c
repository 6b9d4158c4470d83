/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See config.h.  Runs in the constructor, before main and possibly before
 * other libraries' constructors: memory is mapped for its length.
 */
#include "agent/config.h"

#include "agent/base/clock.h"
#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/settings/options.h"
#include "agent/settings/run_dir.h"

struct fp_config fp_config;

struct reading {
	struct fp_settings settings;
	char path[FP_PATH_BYTES];
	char text[FP_PYPROJECT_BYTES];
};
static struct reading *reading; /* between fp_config_read and fp_config_done */

static void take_notice(void *ctx, enum fp_notice_kind kind, const char *line)
{
	struct fp_writer *w = ctx;

	(void)kind;
	fp_writer_text(w, "filperf: ");
	fp_writer_text(w, line);
	fp_writer_char(w, '\n');
}

/* Samples per second: the finer of py-spy's and Scalene's settings. */
static uint32_t finer_rate(const struct fp_settings *s)
{
	uint32_t spy = s->of[FP_OPTION_spy_enabled].on ? (uint32_t)s->of[FP_OPTION_spy_rate].number : 0;
	double every_s = s->of[FP_OPTION_scalene_cpu_rate].real;
	uint32_t scalene = s->of[FP_OPTION_scalene_enabled].on ? (uint32_t)(1 / every_s + 0.5) : 0;
	uint32_t finer = spy > scalene ? spy : scalene;

	return finer ? finer : 1;
}

/* The index of a word in a setting's accepted list. */
static unsigned choice(enum fp_option_id id, const char *word)
{
	const char *at = fp_options[id].accepted;
	size_t n = fp_text_length(word);
	unsigned index = 0;

	while (!fp_text_starts(at, word) || (at[n] && at[n] != '|')) {
		for (; *at != '|'; at++)
			if (!*at)
				return 63;
		at++;
		index++;
	}
	return index;
}

static void take_over_memory(const struct fp_settings *s)
{
	const struct fp_setting *memray = &s->of[FP_OPTION_memray_enabled];
	bool scalene = s->of[FP_OPTION_scalene_enabled].on;

	fp_config.mem_mode = !memray->on && !(scalene && s->of[FP_OPTION_scalene_memory].on) ? FP_MEM_OFF :
			     s->of[FP_OPTION_memray_exact].on				      ? FP_MEM_EXACT :
											       FP_MEM_SAMPLED;
	fp_config.mem_native = s->of[FP_OPTION_memray_native].on;
	fp_config.mem_stream =
		memray->on && (s->of[FP_OPTION_memray_format].choices >> choice(FP_OPTION_memray_format, "bin") & 1);
	fp_config.copies = scalene && s->of[FP_OPTION_scalene_copy].on;
	fp_config.temporary_threshold = (uint32_t)s->of[FP_OPTION_memray_temporary_threshold].number;
	fp_config.sample_bytes = (uint64_t)s->of[FP_OPTION_memray_sample_bytes].number;
}

static void take_over(struct fp_settings *s)
{
	fp_settings_settle(s);
	fp_config.enabled = s->of[FP_OPTION_enabled].on;
	fp_config.sampling = s->of[FP_OPTION_spy_enabled].on || s->of[FP_OPTION_scalene_enabled].on;
	fp_config.native = s->of[FP_OPTION_spy_native].on;
	fp_config.subprocesses = s->of[FP_OPTION_spy_subprocesses].on;
	fp_config.render = s->of[FP_OPTION_render].on;
	fp_config.rate_hz = finer_rate(s);
	take_over_memory(s);
	fp_config.max_capture_mb = (uint32_t)s->of[FP_OPTION_max_capture_mb].number;
	fp_config.duration_ns = (uint64_t)(s->of[FP_OPTION_spy_duration].real * 1e9);
	fp_text_copy(fp_config.label, sizeof(fp_config.label), s->of[FP_OPTION_run_label].text);
}

static struct fp_notices notices_into(struct fp_writer *w)
{
	return (struct fp_notices){.take = take_notice, .ctx = w};
}

void fp_config_read(char *const envp[])
{
	struct fp_writer w = fp_writer_over(fp_config.notices, sizeof(fp_config.notices));
	struct fp_notices notices = notices_into(&w);

	reading = fp_sys_map_private(sizeof(*reading));
	if (!reading)
		return; /* fp_config.enabled stays false */
	fp_settings_default(&reading->settings);
	fp_settings_from_environment(&reading->settings, envp, &notices);
	if (reading->settings.of[FP_OPTION_spy_pid].text[0])
		take_notice(&w, FP_NOTICE_BAD,
			    "FIL_PERF_SPY_PID: attaching to a running process does not exist yet; "
			    "start the program under filperf");
	take_over(&reading->settings);
}

void fp_config_read_pyproject(void)
{
	size_t have = fp_text_length(fp_config.notices), n_bytes = 0;
	struct fp_writer w = {fp_config.notices, sizeof(fp_config.notices), have, false};
	struct fp_notices notices = notices_into(&w);

	if (!reading || fp_settings_find_pyproject(reading->path, sizeof(reading->path), reading->text,
						   sizeof(reading->text), &n_bytes) < 0)
		return;
	fp_settings_from_pyproject(&reading->settings, reading->path, reading->text, n_bytes, &notices);
	take_over(&reading->settings);
}

static void settings_path(const char *run_dir, char *path, size_t n_bytes)
{
	struct fp_writer w = fp_writer_over(path, n_bytes);

	fp_writer_text(&w, run_dir);
	fp_writer_text(&w, "/" FP_RUN_SETTINGS_FILE);
}

void fp_config_read_run(const char *run_dir, char *const envp[])
{
	char path[FP_PATH_BYTES];
	struct fp_writer ignored = fp_writer_over(path, sizeof(path)); /* said before, by fp_config_read */
	struct fp_notices notices = notices_into(&ignored);

	if (!reading)
		return;
	settings_path(run_dir, path, sizeof(path));
	if (fp_sys_read_file(path, reading->text, FP_RUN_SETTINGS_BYTES) <= 0)
		return;
	fp_settings_default(&reading->settings);
	fp_run_settings_take(&reading->settings, reading->text);
	fp_settings_from_environment(&reading->settings, envp, &notices);
	take_over(&reading->settings);
}

void fp_config_write_run(const char *run_dir)
{
	struct fp_run_facts facts = {.started_s = fp_clock_realtime_ns() / 1000000000};
	char *cmdline, *cwd, *text;
	long n;

	if (!reading)
		return;
	text = reading->text;
	cmdline = text + FP_RUN_SETTINGS_BYTES;
	cwd = cmdline + FP_RUN_SETTINGS_BYTES;
	n = fp_sys_read_file("/proc/self/cmdline", cmdline, FP_RUN_SETTINGS_BYTES);
	facts.cmdline = cmdline;
	facts.cmdline_bytes = n < 0 ? 0 : (size_t)n;
	/* A directory that was removed has no path; nothing can be made in it. */
	facts.cwd = fp_sys_call(SYS_getcwd, cwd, FP_PATH_BYTES) < 0 ? "/proc/self/cwd" : cwd;
	n = fp_run_settings_format(&reading->settings, &facts, text, FP_RUN_SETTINGS_BYTES);
	if (n > 0)
		(void)fp_run_settings_write(run_dir, text, (size_t)n);
}

void fp_config_done(void)
{
	if (reading)
		fp_sys_unmap(reading, sizeof(*reading));
	reading = NULL;
}
