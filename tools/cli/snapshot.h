/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lives in a run that goes on, read from its captures without a word to
 * the program.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_CLI_SNAPSHOT_H
#define FP_TOOLS_CLI_SNAPSHOT_H

#include "tools/cli/report.h"
#include "tools/cli/runs.h"

/* The run of a process that is recorded; freed by fp_run_free().  0 or -ESRCH. */
int fp_snapshot_find(pid_t pid, struct fp_run **ret_run);

/* Writes the text, of one process (by pid as text) or of all (NULL), and says
 * where: <label>-memory-snapshot-N.txt in the output directory when that exists;
 * a program may mind that somebody makes it, so else snapshot-N.txt in the run
 * directory, where the report finds it.  0, or an exit status after a line. */
int fp_snapshot_write(const struct fp_run *run, const char *process, char *path, size_t n_bytes);

/* Copies snapshots of the run directory to their names.  0 or -errno with the
 * path that failed. */
int fp_snapshot_collect(const struct fp_run *run, struct fp_report_files *files, char *ret_failed, size_t n_bytes);

#endif
