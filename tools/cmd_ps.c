/* SPDX-License-Identifier: Apache-2.0 */
/* filperf ps: runs still going, and runs that wait for their report. */
#include "tools/cli/commands.h"
#include "tools/cli/message.h"
#include "tools/cli/run_label.h"
#include "tools/cli/runs.h"
#include "tools/read/title.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct fp_flag *const flags[] = {NULL};

static void print_run(const struct fp_run *run)
{
	struct fp_run_capture *captures = NULL;
	char label[FP_LABEL_BYTES], command[120], elapsed[32];
	int64_t s = time(NULL) - run->started_s;
	size_t n = 0, n_alive = 0;

	(void)fp_run_captures(run->path, &captures, &n);
	for (size_t i = 0; i < n; i++)
		n_alive += captures[i].alive;
	fp_run_label(run, captures, n, label, sizeof(label));
	fp_title_quote(run->cmdline ? run->cmdline : "", run->cmdline_bytes, command, sizeof(command));
	snprintf(elapsed, sizeof(elapsed), "%lld:%02d:%02d", (long long)s / 3600, (int)(s / 60 % 60), (int)(s % 60));
	printf("%7d  %-9s %9s %6zu %6zu  %-20s  %s  %s\n", run->name.pid,
	       run->alive ? "running" :
	       n_alive	  ? "outlived" :
			    "to report",
	       run->started_s ? elapsed : "?", n, n_alive, label, run->path, command);
	free(captures);
}

static int ps(struct fp_cli *cli)
{
	char base[FP_RUN_PATH_BYTES];
	struct fp_run **runs;
	size_t n;
	int r;

	if (cli->n_operands) {
		fp_say("ps: takes no arguments; see filperf ps --help");
		return FP_STATUS_USAGE;
	}
	r = fp_runs_list(&runs, &n);
	if (r < 0) {
		(void)fp_runs_base(base, sizeof(base));
		fp_say("%s: cannot be read: %s", base, strerror(-r));
		return FP_STATUS_FAILED;
	}
	printf("%7s  %-9s %9s %6s %6s  %-20s  %s\n", "PID", "STATE", "SINCE", "IMAGES", "ALIVE", "LABEL", "DIRECTORY, COMMAND");
	for (size_t i = 0; i < n; i++)
		print_run(runs[i]);
	fp_runs_free(runs, n);
	return 0;
}

const struct fp_command fp_command_ps = {
	.name = "ps",
	.operands = "",
	.summary = "list runs that go on, and those that wait for their report",
	.text = "Lists the runs of this user: running, outlived (the first process ended, others go on), and to report (a "
		"kill ended it; filperf report DIRECTORY renders what was there). IMAGES counts the programs recorded, "
		"ALIVE those that still run.",
	.flags = flags,
	.run = ps,
};
