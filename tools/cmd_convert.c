/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf convert and filperf flamegraph: one file from one input.  Ordinary
 * program, one thread.
 */
#include "tools/cli/commands.h"
#include "tools/cli/input.h"
#include "tools/cli/message.h"
#include "tools/cli/report_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LETTER(letter_, setting_, value_, help_)                                                                     \
	{                                                                                                             \
		.id = FP_FLAG_SETTING, .letter = letter_, .setting = FP_OPTION_##setting_, .value = value_,           \
		.help = help_                                                                                         \
	}

static const struct fp_flag flag_threads = LETTER('t', spy_threads, "1", "the same as --spy-threads");
static const struct fp_flag flag_gil = LETTER('g', spy_gil, "1", "the same as --spy-gil");
static const struct fp_flag flag_function = LETTER('F', spy_lineno, "0", "merge the lines of a function");

static const struct fp_flag *const flags[] = {
	&fp_flag_input,	 &fp_flag_output, &fp_flag_format, &fp_flag_process, &fp_flag_pid,    &fp_flag_thread,
	&fp_flag_diff,	 &fp_flag_title,  &flag_threads,   &flag_gil,	     &flag_function, NULL,
};

static const struct fp_flag *const graph_flags[] = {
	&fp_flag_input, &fp_flag_output, &fp_flag_process, &fp_flag_pid,   &fp_flag_thread, &fp_flag_diff,
	&fp_flag_title, &flag_threads,	 &flag_gil,	   &flag_function, NULL,
};

static void say_formats(const char *what)
{
	char names[256] = "";

	for (int i = 0; fp_renderers[i]; i++) {
		size_t n = strlen(names);

		if (fp_renderers[i]->family != FP_FAMILY_PYSPY)
			continue;
		snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", fp_renderers[i]->name);
	}
	fp_say("%s: no known format; give --format with one of %s", what, names);
}

static const struct fp_renderer *choose(const struct fp_cli *cli, const char *fixed)
{
	const char *format = fixed ? fixed : cli->flags[FP_FLAG_FORMAT];
	const char *output = cli->flags[FP_FLAG_OUTPUT];
	const struct fp_renderer *r;

	if (format && strcmp(format, "flamegraph") == 0)
		format = "svg";
	if (!format && !output) {
		fp_say("convert: no format given; name the file with -o FILE, or give --format");
		return NULL;
	}
	r = fp_renderer_guess(format ? format : output);
	if (!r)
		say_formats(format ? format : output);
	return r;
}

static int write_one(const struct fp_cli *cli, const struct fp_renderer *r)
{
	const char *output = cli->flags[FP_FLAG_OUTPUT] ? cli->flags[FP_FLAG_OUTPUT] : "-";
	struct fp_render_options o;
	struct fp_profile *p = NULL, *base = NULL;
	char path[PATH_MAX];
	int status, err;

	if (strcmp(output, "-") == 0 && isatty(STDOUT_FILENO)) {
		fp_say("%s: stdout is a terminal; give -o FILE", cli->command->name);
		return FP_STATUS_USAGE;
	}
	if (cli->flags[FP_FLAG_DIFF] && !r->can_diff) {
		fp_say("--diff: %s cannot show a difference; use svg, or filperf top", r->name);
		return FP_STATUS_USAGE;
	}
	status = fp_input_path(cli, path, sizeof(path));
	if (status == 0)
		status = fp_input_read(cli, path, r->needs_samples, &p);
	if (status == 0)
		status = fp_input_read_base(cli, &base);
	if (status == 0) {
		fp_report_render_options(&cli->settings, p, &o);
		o.title = cli->flags[FP_FLAG_TITLE];
		o.base = base;
		err = fp_report_render_one(r, p, &o, output);
		fp_progress_clear();
		if (err) {
			fp_say("%s: cannot be written: %s; give another -o FILE", output, strerror(-err));
			status = FP_STATUS_FAILED;
		}
	}
	if (base)
		fp_profile_destroy(base);
	if (p)
		fp_profile_destroy(p);
	return status;
}

static int convert(struct fp_cli *cli)
{
	const struct fp_renderer *r = choose(cli, NULL);

	return r ? write_one(cli, r) : FP_STATUS_USAGE;
}

static int flamegraph(struct fp_cli *cli)
{
	const struct fp_renderer *r = choose(cli, "svg");

	return r ? write_one(cli, r) : FP_STATUS_USAGE;
}

const struct fp_command fp_command_convert = {
	.name = "convert",
	.operands = "[options] [IN] -o FILE",
	.summary = "write a run in another format",
	.text = "Writes IN in the format of FILE's name, or of --format. IN is a <label>.filperf directory, a run "
		"directory (also of a run still going), one capture, collapsed text, or our own .json or .prof; by default "
		"the newest run.",
	.examples = "filperf convert -o app.speedscope.json\tthe newest run, for speedscope.app\n"
		    "filperf convert -i outputs/perf/filare.filperf -o filare.prof\tfor pstats and snakeviz\n",
	.flags = flags,
	.scopes = FP_SCOPE_REPORT,
	.run = convert,
};

const struct fp_command fp_command_flamegraph = {
	.name = "flamegraph",
	.operands = "[options] [IN] -o FILE.svg",
	.summary = "draw the flame graph of a run",
	.text = "Draws the interactive flame graph of IN: search with Ctrl-F, click to zoom. With --diff BASE colours show "
		"what grew and what shrank since BASE.",
	.examples = "filperf flamegraph -i outputs/perf/filare.filperf -o filare.svg\tagain\n"
		    "filperf flamegraph -i new.filperf --diff old.filperf -o diff.svg\twhat changed\n",
	.flags = graph_flags,
	.scopes = FP_SCOPE_REPORT,
	.run = flamegraph,
};
