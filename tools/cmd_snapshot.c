/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf snapshot: what lives in a program that runs under filperf.  It reads
 * the capture, so the program pays nothing.  Ordinary program, one thread.
 */
#include "tools/cli/commands.h"
#include "tools/cli/message.h"
#include "tools/cli/report_files.h"
#include "tools/cli/snapshot.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct fp_flag *const flags[] = {&fp_flag_output, NULL};

static int snapshot(struct fp_cli *cli)
{
	char path[PATH_MAX] = "", shown[PATH_MAX];
	const char *output = cli->flags[FP_FLAG_OUTPUT];
	struct fp_run *run;
	char *end = NULL;
	long pid = cli->n_operands == 1 ? strtol(cli->operands[0], &end, 10) : 0;
	int status;

	if (cli->n_operands != 1 || pid < 1 || pid > INT_MAX || *end) {
		fp_say("snapshot: takes the pid of a program that runs under filperf; filperf ps lists them");
		return FP_STATUS_USAGE;
	}
	if (fp_snapshot_find((pid_t)pid, &run) < 0) {
		fp_say("snapshot: pid %ld does not run under filperf; filperf ps lists what does", pid);
		return FP_STATUS_FAILED;
	}
	if (output)
		snprintf(path, sizeof(path), "%s", output);
	status = fp_snapshot_write(run, cli->operands[0], path, sizeof(path));
	fp_run_free(run);
	fp_report_shown_path(path, shown, sizeof(shown));
	if (status == 0 && strcmp(path, "-") != 0)
		printf("%s\n", shown);
	return status;
}

const struct fp_command fp_command_snapshot = {
	.name = "snapshot",
	.operands = "[options] PID",
	.summary = "write what a running program holds in memory",
	.text = "Writes the lines that hold the most memory in process PID now, in tracemalloc's style, and prints the file's "
		"name: <label>-memory-snapshot-N.txt in the output directory if that exists yet, else a file in the run "
		"directory that gets this name when the run ends. The program does not notice: filperf reads its capture.\n"
		"FIL_PERF_MEMRAY_SNAPSHOT_S=N makes filperf run write one every N seconds.",
	.examples = "filperf snapshot 4711\twrite and name the file\n"
		    "filperf snapshot 4711 -o -\tjust look\n",
	.flags = flags,
	.run = snapshot,
};
