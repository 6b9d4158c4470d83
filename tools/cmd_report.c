/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf report: renders a run, also after the fact or after a kill.  The
 * agent starts it as a child when a run under plain LD_PRELOAD ends.
 */
#include "tools/cli/commands.h"
#include "tools/cli/input.h"
#include "tools/cli/message.h"
#include "tools/cli/report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct fp_flag flag_at_exit = {.id = FP_FLAG_AT_EXIT, .name = "at-exit"};

static const struct fp_flag *const flags[] = {
	&fp_flag_input, &fp_flag_process, &fp_flag_pid, &fp_flag_thread, &fp_flag_diff, &flag_at_exit, NULL,
};

/* Runs that were killed under plain LD_PRELOAD wait silently: say so. */
static void mention_others(void)
{
	struct fp_run **runs;
	size_t n, n_waiting = 0;

	if (fp_runs_list(&runs, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		n_waiting += !runs[i]->alive;
	fp_runs_free(runs, n);
	if (n_waiting)
		fp_say("%zu more run%s wait%s for a report; filperf ps lists them", n_waiting, n_waiting == 1 ? "" : "s",
		       n_waiting == 1 ? "s" : "");
}

static int report(struct fp_cli *cli)
{
	bool at_exit = cli->flags[FP_FLAG_AT_EXIT] != NULL;
	struct fp_report_request request = {.cli = cli,
					    .environment = !at_exit,
					    .summary = at_exit ? stderr : stdout,
					    .process = cli->flags[FP_FLAG_PROCESS],
					    .thread = cli->flags[FP_FLAG_THREAD],
					    .diff = cli->flags[FP_FLAG_DIFF]};
	char path[PATH_MAX];
	struct fp_run *run;
	int status, r;

	status = fp_input_path(cli, path, sizeof(path));
	if (status)
		return status;
	r = fp_run_load(path, &run);
	if (r < 0) {
		fp_say("%s: cannot be read: %s", path, strerror(-r));
		return FP_STATUS_FAILED;
	}
	if (run->name.pid == 0 && !strstr(run->path, ".filperf")) {
		fp_say("%s: holds no run; give a run directory, a <label>.filperf directory or an output directory",
		       path);
		fp_run_free(run);
		return FP_STATUS_FAILED;
	}
	if (at_exit && (!isatty(STDERR_FILENO) || run->settings.of[FP_OPTION_quiet].on))
		request.summary = NULL;
	if (!at_exit && cli->settings.of[FP_OPTION_quiet].on)
		request.summary = NULL;
	/* whoever asks for a report wants it rendered */
	if (!at_exit && cli->settings.of[FP_OPTION_render].origin < FP_FROM_OPTION)
		(void)fp_settings_set(&run->settings, FP_OPTION_render, FP_FROM_OPTION, "", "1", NULL);
	if (at_exit)
		run->alive = false;
	status = fp_report_run(run, &request);
	fp_run_free(run);
	if (status == 0 && request.summary == stdout && !cli->n_operands && !cli->flags[FP_FLAG_INPUT])
		mention_others();
	return status;
}

const struct fp_command fp_command_report = {
	.name = "report",
	.operands = "[options] [DIR]",
	.summary = "render the reports of a run, again or after a kill",
	.text = "Renders the reports of a run into its output directory: DIR is a run directory (filperf ps lists them), "
		"a <label>.filperf directory, or an output directory; by default the newest run. A program that was "
		"killed left its captures behind: this renders what was there and says that it was cut. Processes that "
		"outlived their run join here.",
	.examples = "filperf report\tthe newest run\n"
		    "filperf report outputs/perf/filare.filperf --spy-output svg,json\tother formats of an old run\n",
	.flags = flags,
	.scopes = FP_SCOPE_REPORT,
	.run = report,
};
