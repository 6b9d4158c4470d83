/* SPDX-License-Identifier: Apache-2.0 */
/* See snapshot.h.  Ordinary program, one thread. */
#include "tools/cli/snapshot.h"

#include "tools/cli/message.h"
#include "tools/cli/report_files.h"
#include "tools/cli/run_label.h"
#include "tools/cli/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SNAPSHOTS 100000u
#define ROWS 25

int fp_snapshot_find(pid_t pid, struct fp_run **ret_run)
{
	struct fp_run **runs;
	size_t n;
	int r = -ESRCH;

	if (fp_runs_list(&runs, &n) < 0)
		return r;
	for (size_t i = 0; i < n && r; i++) {
		struct fp_run_capture *captures = NULL;
		size_t n_captures = 0;
		bool found = false;

		if (fp_run_captures(runs[i]->path, &captures, &n_captures) == 0)
			for (size_t k = 0; k < n_captures; k++)
				found = found || (captures[k].alive && captures[k].header.pid == pid);
		free(captures);
		if (found)
			r = fp_run_load(runs[i]->path, ret_run) ? -ESRCH : 0;
	}
	fp_runs_free(runs, n);
	return r;
}

/* The first number that neither place has. */
static unsigned free_number(const char *run_dir, const char *output_dir, const char *label)
{
	unsigned number = 1;

	for (; number < MOST_SNAPSHOTS; number++) {
		char mine[PATH_MAX + 32], there[PATH_MAX + FP_LABEL_BYTES + 48];

		snprintf(mine, sizeof(mine), "%s/snapshot-%u.txt", run_dir, number);
		snprintf(there, sizeof(there), "%s/%s-memory-snapshot-%u.txt", output_dir, label, number);
		if (access(mine, F_OK) < 0 && access(there, F_OK) < 0)
			break;
	}
	return number;
}

static void choose_path(const struct fp_run *run, char *path, size_t n_bytes)
{
	struct fp_run_capture *captures = NULL;
	char label[FP_LABEL_BYTES];
	unsigned number;
	struct stat st;
	size_t n = 0;

	(void)fp_run_captures(run->path, &captures, &n);
	fp_run_label(run, captures, n, label, sizeof(label));
	free(captures);
	number = free_number(run->path, run->output_dir, label);
	if (run->output_dir[0] && stat(run->output_dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    access(run->output_dir, W_OK) == 0)
		snprintf(path, n_bytes, "%.3800s/%s-memory-snapshot-%u.txt", run->output_dir, label, number);
	else
		snprintf(path, n_bytes, "%.3800s/snapshot-%u.txt", run->path, number);
}

int fp_snapshot_write(const struct fp_run *run, const char *process, char *path, size_t n_bytes)
{
	const struct fp_renderer *r = fp_renderer_find(FP_FAMILY_MEMORY, "final");
	struct fp_render_options o = {.lines = true, .limit = ROWS};
	struct fp_read_options read_options = {
		.lines = true, .subprocesses = true, .want_memory = true, .only_process = process};
	struct fp_profile *p;
	char error[1024];
	int err;

	if (fp_profile_read(run->path, &read_options, &p, error, sizeof(error))) {
		fp_say("snapshot: %s", error);
		return FP_STATUS_FAILED;
	}
	if (!path[0])
		choose_path(run, path, n_bytes);
	err = fp_report_render_one(r, p, &o, path);
	fp_profile_destroy(p);
	if (!err)
		return 0;
	if (err == -ENODATA)
		fp_say("snapshot: no memory is recorded there: it was switched off, or no program with CPython runs yet");
	else
		fp_say("%s: cannot be written: %s; give another -o FILE", path, strerror(-err));
	return FP_STATUS_FAILED;
}

int fp_snapshot_collect(const struct fp_run *run, struct fp_report_files *files, char *ret_failed, size_t n_bytes)
{
	unsigned n_collected = 0;
	int err = 0;

	for (unsigned number = 1; number < MOST_SNAPSHOTS && !err; number++) {
		char from[PATH_MAX + 32];

		snprintf(from, sizeof(from), "%s/snapshot-%u.txt", run->path, number);
		if (access(from, F_OK) < 0)
			break;
		snprintf(ret_failed, n_bytes, "%.3800s/%s-memory-snapshot-%u.txt", files->output_dir, files->label, number);
		err = fp_store_copy_file(from, ret_failed);
		n_collected += !err;
	}
	if (n_collected) {
		size_t used = strlen(files->files);

		snprintf(files->files + used, sizeof(files->files) - used, "%s%s-memory-snapshot-1.txt", used ? " " : "",
			 files->label);
		used = strlen(files->files);
		if (n_collected > 1)
			snprintf(files->files + used, sizeof(files->files) - used, " (+%u)", n_collected - 1);
	}
	return err;
}
