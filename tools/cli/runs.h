/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs on this machine: run directories (agent/settings/run_dir.h) and the
 * <label>.filperf directories made of them.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_CLI_RUNS_H
#define FP_TOOLS_CLI_RUNS_H

#include "agent/capture/format.h"
#include "agent/settings/run_dir.h"

#include <limits.h>

/* What RUN/settings says, and what /proc adds. */
struct fp_run {
	char path[PATH_MAX];
	struct fp_run_name name;    /* pid 0: a directory of reports */
	bool alive;                 /* the first process lives */
	bool has_settings;
	struct fp_settings settings;
	char output_dir[PATH_MAX];  /* absolute; "" unknown */
	char output_file[PATH_MAX]; /* of filperf run -o; "" none */
	char cwd[PATH_MAX];
	char report_of[NAME_MAX + 1]; /* in a .filperf directory: name of its run */
	int64_t ended_s;            /* … and when that was reported */
	char *cmdline;              /* NUL-separated */
	size_t cmdline_bytes;
	pid_t launcher;
	int64_t started_s;
	int64_t changed_ns;         /* mtime of the directory */
};

/* One capture in a directory, by its header. */
struct fp_run_capture {
	char file[NAME_MAX + 1];
	struct fp_capture_header header;
	bool alive;                 /* its process image still runs */
	bool readable;              /* magic and version are ours */
};

/* BASE of this user. 0 or -ENAMETOOLONG. */
int fp_runs_base(char *path, size_t n_bytes);

/* Whether the process with that start time lives (a zombie does not). */
bool fp_run_process_alive(pid_t pid, uint64_t start_ticks);

/* Reads a run directory or a .filperf directory.  0 or -errno. */
int fp_run_load(const char *path, struct fp_run **ret_run);
void fp_run_free(struct fp_run *run);

/* All run directories, newest first; *ret_runs is freed by
 * fp_runs_free().  0 or -errno. */
int fp_runs_list(struct fp_run ***ret_runs, size_t *ret_n);
void fp_runs_free(struct fp_run **runs, size_t n);

/* The captures of a directory by file name; freed by free().  0 or -errno. */
int fp_run_captures(const char *dir, struct fp_run_capture **ret_captures, size_t *ret_n);

/* The newest <label>.filperf below dir, or -ENOENT. */
int fp_runs_newest_report(const char *dir, char *path, size_t n_bytes, int64_t *ret_changed_ns);

/* What IN means when none was given: the newest run, going or done.
 * 0, or -ENOENT after a line. */
int fp_runs_default_input(const char *output_dir, char *path, size_t n_bytes);

#endif
