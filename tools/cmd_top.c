/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf top: the table of functions or lines, once or repainted.  Ordinary
 * program, one thread.
 */
#include "tools/cli/commands.h"
#include "tools/cli/input.h"
#include "tools/cli/live_top.h"
#include "tools/cli/message.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct fp_flag flag_lines = {
	.id = FP_FLAG_LINES, .letter = 'l', .name = "lines", .help = "a row per line instead of per function"};
static const struct fp_flag flag_sort = {.id = FP_FLAG_SORT,
					 .letter = 's',
					 .name = "sort",
					 .arg = "COLUMN",
					 .choices = "self|total|name",
					 .help = "self (default), total or name"};
static const struct fp_flag flag_limit = {
	.id = FP_FLAG_LIMIT, .letter = 'n', .name = "limit", .arg = "ROWS", .help = "rows to show; 0 shows all [30]"};
static const struct fp_flag flag_live = {
	.id = FP_FLAG_LIVE, .letter = 'L', .name = "live", .help = "repaint until the run ends; keys on a terminal: q quits, s sorts, l lines, p pauses"};
static const struct fp_flag flag_every = {
	.id = FP_FLAG_EVERY, .name = "every", .arg = "SECONDS", .help = "between two paints of --live [1]"};
static const struct fp_flag flag_threads = {.id = FP_FLAG_SETTING,
					    .letter = 't',
					    .setting = FP_OPTION_spy_threads,
					    .value = "1",
					    .help = "also a table of threads: the same as --spy-threads"};

static const struct fp_flag *const flags[] = {
	&fp_flag_input, &fp_flag_process, &fp_flag_pid, &fp_flag_thread, &fp_flag_diff, &flag_lines,
	&flag_sort,	&flag_limit,	  &flag_live,	&flag_every,	 &flag_threads, NULL,
};

/* A number in a flag; false after a line. */
static bool take_number(const struct fp_cli *cli, enum fp_flag_id id, const char *name, double low, double high,
			double *number)
{
	const char *text = cli->flags[id];
	char *end;
	double value;

	if (!text)
		return true;
	value = strtod(text, &end);
	if (end == text || *end || !(value >= low && value <= high)) {
		fp_say("%s=%s: not accepted; give a number %g..%g", name, text, low, high);
		return false;
	}
	*number = value;
	return true;
}

static bool take_sort(const struct fp_cli *cli, enum fp_table_order *order)
{
	static const char *const names[] = {
		[FP_ORDER_SELF] = "self", [FP_ORDER_TOTAL] = "total", [FP_ORDER_NAME] = "name"};
	const char *text = cli->flags[FP_FLAG_SORT];

	if (!text)
		return true;
	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*order = (enum fp_table_order)i;
			return true;
		}
	fp_say("--sort=%s: not accepted; give self, total or name", text);
	return false;
}

static int print(const struct fp_cli *cli, const char *path, struct fp_top_options *o)
{
	struct fp_profile *p = NULL, *base = NULL;
	int err, status = fp_input_read(cli, path, false, &p);

	if (status == 0)
		status = fp_input_read_base(cli, &base);
	fp_progress_clear();
	if (status == 0) {
		o->base = base;
		err = fp_top_render(p, o, stdout, NULL);
		if (err) {
			fp_say("top: %s", strerror(-err));
			status = FP_STATUS_FAILED;
		}
		fflush(stdout);
	}
	if (base)
		fp_profile_destroy(base);
	if (p)
		fp_profile_destroy(p);
	return status;
}

static int top(struct fp_cli *cli)
{
	struct fp_top_options o = {.by = cli->flags[FP_FLAG_LINES] ? FP_TABLE_LINE : FP_TABLE_FUNCTION,
				   .order = FP_ORDER_SELF,
				   .columns = fp_terminal_columns(stdout),
				   .colour = fp_may_colour(stdout),
				   .threads = cli->settings.of[FP_OPTION_spy_threads].on};
	double limit = 30, every_s = 1;
	char path[PATH_MAX];
	int status;

	if (!take_sort(cli, &o.order) || !take_number(cli, FP_FLAG_LIMIT, "--limit", 0, 1e6, &limit) ||
	    !take_number(cli, FP_FLAG_EVERY, "--every", 0.05, 3600, &every_s))
		return FP_STATUS_USAGE;
	o.limit = (uint32_t)limit;
	status = fp_input_path(cli, path, sizeof(path));
	if (status)
		return status;
	return cli->flags[FP_FLAG_LIVE] ? fp_live_top(cli, path, &o, every_s) : print(cli, path, &o);
}

const struct fp_command fp_command_top = {
	.name = "top",
	.operands = "[options] [IN]",
	.summary = "the table of functions or lines, also of a run still going",
	.text = "Prints where the CPU time of IN went: self and total time, and how much of it held the GIL. IN is what "
		"filperf convert takes, a run still going included (filperf ps lists them); by default the newest run.\n\n"
		"With --live on a terminal, keys act at once: q quits, s sorts by the next column, l changes between lines and "
		"functions, p pauses, arrows, f, b, Home and End scroll. Ctrl-C ends filperf only.",
	.examples = "filperf top --lines\tthe lines of the newest run\n"
		    "filperf top --live\trepaint each second\n"
		    "filperf top new.filperf --diff old.filperf\twhat changed\n",
	.flags = flags,
	.scopes = FP_SCOPE_REPORT,
	.run = top,
};
