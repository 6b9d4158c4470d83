/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the command of `filperf run` as if filperf were not there: its
 * streams, process group, signals and exit status are its own.  Ordinary
 * program, one thread; once per process.
 */
#ifndef FP_TOOLS_CLI_LAUNCH_H
#define FP_TOOLS_CLI_LAUNCH_H

#include "agent/settings/options.h"

#include <limits.h>
#include <stddef.h>

struct fp_launch {
	const char *path;          /* program to run */
	char **argv;
	const char *agent;         /* to preload */
	const char *base;          /* of run directories, made */
	const struct fp_settings *settings;
	const char *output_file;   /* of -o, absolute; NULL */
	unsigned int every_s;      /* 0, or how often to call tick() while the command runs */
	void (*tick)(const char *run_dir);
	char run_dir[PATH_MAX];    /* out */
};

/* Forks, makes the run directory for the child, executes.  Waits for its end
 * and passes signals on meanwhile.  0 and the wait status, or -errno after
 * having said why. */
int fp_launch_run(struct fp_launch *launch, int *ret_wait_status);

/* Ends this process as the wait status says; never returns. */
_Noreturn void fp_launch_end_like(int wait_status);

#endif
