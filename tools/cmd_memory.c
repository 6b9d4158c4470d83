/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf memory: one report about memory from one input.  Ordinary program,
 * one thread.
 */
#include "tools/cli/commands.h"
#include "tools/cli/input.h"
#include "tools/cli/message.h"
#include "tools/cli/report_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORTS "flamegraph|table|tree|summary|stats|leaks|temporary"

static const struct fp_flag flag_json = {
	.id = FP_FLAG_JSON, .name = "json", .help = "the same data as JSON"};
static const struct fp_flag flag_limit = {
	.id = FP_FLAG_LIMIT, .letter = 'n', .name = "limit", .arg = "ROWS", .help = "rows to show; default: by the report"};
static const struct fp_flag flag_view = {
	.id = FP_FLAG_VIEW,
	.name = "view",
	.arg = "WHICH",
	.choices = "peak|leaks|all|temporary",
	.help = "what table, tree and summary add up: peak (default), leaks (still live), all, temporary"};

static const struct fp_flag *const flags[] = {
	&fp_flag_input, &fp_flag_output, &fp_flag_process, &fp_flag_pid, &fp_flag_thread,
	&flag_json,	&flag_limit,	 &flag_view,	   NULL,
};

/* The index of word in "a|b|c"; -1: it is not there. */
static int index_of(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (int i = 0; *words; i++) {
		size_t m = strcspn(words, "|");

		if (n == m && strncmp(words, word, n) == 0)
			return i;
		words += m + (words[m] == '|');
	}
	return -1;
}

static bool take_limit(const struct fp_cli *cli, struct fp_render_options *o)
{
	const char *text = cli->flags[FP_FLAG_LIMIT];
	char *end;
	long value;

	if (!text)
		return true;
	value = strtol(text, &end, 10);
	if (end == text || *end || value < 1 || value > 1000000000) {
		fp_say("--limit=%s: not accepted; give a number 1..1000000000", text);
		return false;
	}
	o->limit = (uint32_t)value;
	return true;
}

static bool take_view(const struct fp_cli *cli, const char *report, struct fp_render_options *o)
{
	const char *text = cli->flags[FP_FLAG_VIEW];
	int view = text ? index_of(flag_view.choices, text) : FP_VIEW_PEAK;

	if (view < 0) {
		fp_say("--view=%s: not accepted; give peak, leaks, all or temporary", text);
		return false;
	}
	o->view = strcmp(report, "temporary") == 0 ? FP_VIEW_TEMPORARY : (enum fp_memory_view)view;
	return true;
}

static const struct fp_renderer *find_renderer(const char *report)
{
	const struct fp_renderer *r;

	if (strcmp(report, "temporary") == 0)
		report = "table";
	r = fp_renderer_find(FP_FAMILY_MEMRAY, report);
	if (!r && strcmp(report, "flamegraph") == 0)
		r = fp_renderer_find(FP_FAMILY_MEMRAY, "html");
	if (!r)
		fp_say("memory %s: this filperf writes none", report);
	return r;
}

/* Why there is nothing to show. */
static int say_nothing(const char *path, const struct fp_profile *p)
{
	bool python = false;

	for (uint32_t i = 0; i < p->n_processes; i++)
		python = python || p->processes[i].is_python;
	fp_say("%s: no memory was recorded: %s", path,
	       !p->n_headers ? "it is no capture; give a <label>.filperf directory" :
	       python	     ? "it was switched off; run with FIL_PERF_MEMRAY_ENABLED=1" :
			       "only programs with CPython are, and none ran");
	return FP_STATUS_FAILED;
}

/* The label in the name of a .filperf directory; "" for others. */
static void label_of(const char *path, char *label, size_t n_bytes)
{
	const char *base = strrchr(path, '/');
	size_t n;

	base = base && base[1] ? base + 1 : path;
	n = strlen(base);
	snprintf(label, n_bytes, "%.*s", n > 8 && strcmp(base + n - 8, ".filperf") == 0 ? (int)(n - 8) : 0, base);
}

static int write_report(const struct fp_cli *cli, const struct fp_renderer *r, struct fp_render_options *o)
{
	const char *output = cli->flags[FP_FLAG_OUTPUT] ? cli->flags[FP_FLAG_OUTPUT] : "-";
	struct fp_profile *p = NULL;
	char path[PATH_MAX], label[FP_LABEL_BYTES];
	int err, status = fp_input_path(cli, path, sizeof(path));

	if (status == 0)
		status = fp_input_read_memory(cli, path, &p);
	if (status)
		return status;
	label_of(path, label, sizeof(label));
	if (label[0])
		p->label = label;
	if (!p->memory || !p->memory->n_processes) {
		fp_progress_clear();
		status = say_nothing(path, p);
	} else {
		err = fp_report_render_one(r, p, o, output);
		fp_progress_clear();
		if (err) {
			fp_say("%s: cannot be written: %s; give another -o FILE", output, strerror(-err));
			status = FP_STATUS_FAILED;
		}
	}
	fp_profile_destroy(p);
	return status;
}

static int memory(struct fp_cli *cli)
{
	const char *report = cli->n_operands ? cli->operands[0] : "";
	struct fp_render_options o = {.lines = true,
				      .json = cli->flags[FP_FLAG_JSON] != NULL,
				      .columns = fp_terminal_columns(stdout),
				      .colour = fp_may_colour(stdout)};
	const struct fp_renderer *r;
	bool page;

	if (index_of(REPORTS, report) < 0 || !report[0]) {
		fp_say("memory %s%s give one of flamegraph, table, tree, summary, stats, leaks, temporary", report,
		       report[0] ? ": no such report;" : "needs a report;");
		return FP_STATUS_USAGE;
	}
	page = strcmp(report, "flamegraph") == 0;
	if (!take_limit(cli, &o) || !take_view(cli, report, &o))
		return FP_STATUS_USAGE;
	if (page && o.json) {
		fp_say("memory flamegraph: has no JSON; memory tree --json has the same data");
		return FP_STATUS_USAGE;
	}
	if (page && (!cli->flags[FP_FLAG_OUTPUT] || strcmp(cli->flags[FP_FLAG_OUTPUT], "-") == 0) &&
	    isatty(STDOUT_FILENO)) {
		fp_say("memory flamegraph: stdout is a terminal; give -o FILE.html");
		return FP_STATUS_USAGE;
	}
	r = find_renderer(report);
	if (!r)
		return FP_STATUS_FAILED;
	/* what is left is IN */
	cli->operands++;
	cli->n_operands--;
	return write_report(cli, r, &o);
}

const struct fp_command fp_command_memory = {
	.name = "memory",
	.operands = "REPORT [options] [IN]",
	.summary = "a report about the memory of a run",
	.words = REPORTS,
	.text = "Prints one report about the memory of IN; by default the newest run, and one still going too. REPORT is "
		"table (by line, thread and allocator), tree (from the roots down), summary (by function, and what the peak "
		"was made of), stats (totals, sizes, allocators), leaks (what is held, with a verdict), temporary (what was "
		"freed at once) or flamegraph (the interactive page).\n"
		"Bytes are those that lived at the peak of each process, unless --view says otherwise. Figures of sampled "
		"runs carry the half of their 95 % interval.",
	.examples = "filperf memory leaks\twhat the newest run holds, leaks first\n"
		    "filperf memory table -i outputs/perf/filare.filperf --limit 20\tthe lines with the most at the peak\n"
		    "filperf memory stats --json\ttotals for a script\n",
	.flags = flags,
	.scopes = FP_SCOPE_REPORT,
	.run = memory,
};
