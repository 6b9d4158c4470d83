/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run becomes reports: read and copy the captures, render, summarise, clean
 * up.  Ordinary program; only what is independent has threads.
 */
#include "tools/cli/report.h"

#include "tools/cli/message.h"
#include "tools/cli/report_files.h"
#include "tools/cli/run_label.h"
#include "tools/cli/snapshot.h"
#include "tools/cli/store.h"
#include "tools/model/memory_leaks.h"
#include "tools/model/source_lines.h"
#include "tools/read/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct job {
	struct fp_run *run;
	const struct fp_report_request *request;
	struct fp_settings settings;
	struct fp_run_capture *captures;
	size_t n_captures;
	struct fp_profile *profile;
	int read_err, copy_err;
	struct fp_report_files files;
	struct fp_render_shared shared;
	char *summary;
	char captures_dir[PATH_MAX];  /* <output_dir>/<label>.filperf */
	char making_dir[PATH_MAX];    /* the same, being made */
	bool is_again;                /* IN is a .filperf directory: nothing to copy */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What went wrong while writing, and where the captures still are. */
static int say_unwritable(const struct job *job, const char *path, int err)
{
	const char *remedy = err == -ENOSPC || err == -EDQUOT ? "free some space" :
			     err == -EFBIG		      ? "raise ulimit -f" :
								"give a writable --output-dir DIR";

	if (job->is_again)
		fp_say("%s: cannot be written: %s; %s and try again", path, strerror(-err), remedy);
	else
		fp_say("%s: cannot be written: %s; the captures stay in %s: %s, then filperf report %s", path,
		       strerror(-err), job->run->path, remedy, job->run->path);
	return FP_STATUS_FAILED;
}

void fp_report_shown_path(const char *path, char *shown, size_t n_bytes)
{
	char cwd[PATH_MAX];
	size_t n;

	if (getcwd(cwd, sizeof(cwd)) && (n = strlen(cwd)) > 1 && strncmp(path, cwd, n) == 0 && path[n] == '/')
		path += n + 1;
	snprintf(shown, n_bytes, "%s", path);
}

/* Another run that began before this one, still runs, and will take the same
 * name in the same place. */
static unsigned int earlier_claims(const struct job *job, const char *label, const char *output_dir)
{
	struct fp_run **runs;
	unsigned int n_claims = 0;
	size_t n;

	if (fp_runs_list(&runs, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct fp_run_capture *captures = NULL;
		char other[FP_LABEL_BYTES];
		size_t n_captures = 0;

		if (!runs[i]->alive || strcmp(runs[i]->output_dir, output_dir) != 0 ||
		    strcmp(runs[i]->path, job->run->path) == 0 ||
		    runs[i]->name.start_ticks > job->run->name.start_ticks)
			continue;
		if (fp_run_captures(runs[i]->path, &captures, &n_captures) == 0) {
			fp_run_label(runs[i], captures, n_captures, other, sizeof(other));
			n_claims += strcmp(other, label) == 0;
		}
		free(captures);
	}
	fp_runs_free(runs, n);
	return n_claims;
}

/* Whether that directory holds the reports of a run that went on at the same
 * time as this one. */
static bool is_of_concurrent_run(const struct job *job, const char *dir)
{
	struct fp_run *other;
	bool is;

	if (fp_run_load(dir, &other) < 0)
		return false;
	is = other->report_of[0] && strcmp(other->report_of, strrchr(job->run->path, '/') + 1) != 0 &&
	     other->ended_s > job->run->started_s && other->started_s < time(NULL);
	fp_run_free(other);
	return is;
}

static void choose_label(struct job *job)
{
	char base[FP_LABEL_BYTES];
	struct fp_report_files *f = &job->files;
	unsigned int suffix;

	fp_run_label(job->run, job->captures, job->n_captures, base, sizeof(base) - 8);
	suffix = earlier_claims(job, base, f->output_dir) + 1;
	for (;; suffix++) {
		if (suffix > 1)
			snprintf(f->label, sizeof(f->label), "%.80s-%u", base, suffix);
		else
			snprintf(f->label, sizeof(f->label), "%s", base);
		snprintf(job->captures_dir, sizeof(job->captures_dir), "%.3000s/%s.filperf", f->output_dir, f->label);
		if (suffix > 1000 || !is_of_concurrent_run(job, job->captures_dir))
			return;
	}
}

/* Where to write, and under which name. */
static void choose_place(struct job *job)
{
	struct fp_report_files *f = &job->files;
	const struct fp_setting *dir = &job->settings.of[FP_OPTION_output_dir];
	char cwd[PATH_MAX] = "";

	if (job->is_again) {
		const char *slash = strrchr(job->run->path, '/');

		snprintf(f->output_dir, sizeof(f->output_dir), "%.*s", (int)(slash - job->run->path), job->run->path);
		snprintf(f->label, sizeof(f->label), "%.*s", (int)(strlen(slash + 1) - strlen(".filperf")), slash + 1);
		snprintf(job->captures_dir, sizeof(job->captures_dir), "%s", job->run->path);
		if (job->settings.of[FP_OPTION_run_label].origin == FP_FROM_OPTION)
			fp_run_file_name(job->settings.of[FP_OPTION_run_label].text, f->label, sizeof(f->label));
	}
	if (!job->is_again || dir->origin == FP_FROM_OPTION) {
		/* an option means here; what the run was told means where it ran */
		if (dir->text[0] != '/' && dir->origin == FP_FROM_OPTION)
			(void)!getcwd(cwd, sizeof(cwd));
		else if (dir->text[0] != '/')
			snprintf(cwd, sizeof(cwd), "%s", job->run->cwd);
		snprintf(f->output_dir, sizeof(f->output_dir), "%.3000s%s%s", cwd, cwd[0] ? "/" : "", dir->text);
	}
	if (!job->is_again)
		choose_label(job);
	fp_report_shown_path(f->output_dir, f->shown_dir, sizeof(f->shown_dir));
}

static int read_profile(struct job *job)
{
	const struct fp_renderer *wanted[FP_REPORT_WANTED_MAX];
	struct fp_read_options o;
	char error[1024];
	int r;

	fp_report_read_options(&job->settings, &o);
	o.only_process = job->request->process;
	o.only_thread = job->request->thread;
	for (size_t i = fp_report_wanted(&job->settings, wanted); i--;) {
		o.want_samples = o.want_samples || wanted[i]->needs_samples;
		o.want_memory = o.want_memory || wanted[i]->family != FP_FAMILY_PYSPY;
	}
	r = fp_profile_read(job->run->path, &o, &job->profile, error, sizeof(error));
	if (r)
		fp_say("%s", error);
	return r;
}

static int copy_settings(const struct job *job)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];
	FILE *out;
	int r;

	snprintf(from, sizeof(from), "%s/" FP_RUN_SETTINGS_FILE, job->run->path);
	snprintf(to, sizeof(to), "%s/" FP_RUN_SETTINGS_FILE, job->making_dir);
	r = fp_store_copy_file(from, to);
	if (r < 0 && r != -ENOENT)
		return r;
	out = fopen(to, "ae");
	if (!out)
		return -errno;
	fprintf(out, "RUN=%s\nLABEL=%s\nENDED=%lld\n", strrchr(job->run->path, '/') + 1, job->files.label,
		(long long)time(NULL));
	return fclose(out) ? -errno : 0;
}

static int copy_captures(struct job *job)
{
	int r = fp_store_make_dir(job->files.output_dir);

	if (r)
		return r;
	snprintf(job->making_dir, sizeof(job->making_dir), "%.3000s/.%s.filperf.%d", job->files.output_dir,
		 job->files.label, getpid());
	(void)fp_store_remove_dir(job->making_dir);
	if (mkdir(job->making_dir, 0777) < 0)
		return -errno;
	for (size_t i = 0; i < job->n_captures; i++) {
		char from[PATH_MAX + NAME_MAX + 2], to[PATH_MAX + NAME_MAX + 2];

		snprintf(from, sizeof(from), "%s/%s", job->run->path, job->captures[i].file);
		snprintf(to, sizeof(to), "%s/%s", job->making_dir, job->captures[i].file);
		r = fp_store_copy_capture(from, to);
		if (r && r != -ENOENT)
			return r;
	}
	return copy_settings(job);
}

static void read_or_copy(void *ctx, size_t i)
{
	struct job *job = ctx;

	if (i == 0)
		job->read_err = read_profile(job);
	else
		job->copy_err = copy_captures(job);
}

/* Reads the profile, and copies the captures meanwhile.  What cannot be read
 * leaves nothing behind in the output directory. */
static int read_and_copy(struct job *job)
{
	const char *dir = job->files.output_dir;
	size_t n_there = fp_store_there(dir);

	fp_parallel(read_or_copy, job, job->is_again ? 1 : 2);
	if (!job->read_err)
		return 0;
	if (job->making_dir[0])
		(void)fp_store_remove_dir(job->making_dir);
	fp_store_unmake_dir(dir, n_there);
	return FP_STATUS_FAILED;
}

static int write_summary(struct job *job)
{
	char path[PATH_MAX + 16];
	struct fp_store_file file;
	int r;

	job->summary = fp_summary_make(job->profile, &job->files, job->shared.leaks);
	if (!job->summary)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/summary.txt", job->is_again ? job->captures_dir : job->making_dir);
	r = fp_store_begin(path, &file);
	if (r)
		return r;
	r = fp_summary_write(job->summary, false, file.stream);
	if (r) {
		fp_store_abandon(&file);
		return r;
	}
	return fp_store_commit(&file);
}

/* The reports, the summary; then everything shows at once. */
static int write_everything(struct job *job)
{
	struct fp_report_files *f = &job->files;
	uint64_t began_ns = now_ns();
	char failed[PATH_MAX] = "";
	int r = job->is_again ? fp_store_make_dir(f->output_dir) : job->copy_err;

	if (r)
		return say_unwritable(job, f->output_dir, r);
	f->rendered = job->settings.of[FP_OPTION_render].on;
	if (f->rendered) {
		struct fp_report_render render = {.profile = job->profile,
						  .settings = &job->settings,
						  .files = f,
						  .output_file = job->run->output_file,
						  .run_cwd = job->run->cwd,
						  .diff = job->request->diff,
						  .shared = &job->shared};

		r = fp_report_render_all(&render, failed, sizeof(failed));
		if (!r && !job->is_again)
			r = fp_snapshot_collect(job->run, f, failed, sizeof(failed));
		if (r)
			return r > 0 ? r : say_unwritable(job, failed, r);
	}
	f->render_ns = now_ns() - began_ns;
	r = write_summary(job);
	if (r == 0 && !job->is_again)
		r = fp_store_replace_dir(job->making_dir, job->captures_dir);
	return r ? say_unwritable(job, job->captures_dir, r) : 0;
}

static int do_report(struct job *job)
{
	int r;

	r = fp_run_captures(job->run->path, &job->captures, &job->n_captures);
	if (r) {
		fp_say("%s: cannot be read: %s", job->run->path, strerror(-r));
		return FP_STATUS_FAILED;
	}
	if (job->n_captures == 0 && !job->is_again) {
		fp_say("nothing was recorded: no program of the run loaded the agent (static, musl, 32-bit or "
		       "set-user-ID programs cannot); filperf doctor PROGRAM says why");
		if (!job->run->alive)
			(void)fp_store_remove_dir(job->run->path);
		return FP_STATUS_FAILED;
	}
	for (size_t i = 0; i < job->n_captures; i++)
		job->files.n_outlived += job->captures[i].alive;
	choose_place(job);
	r = read_and_copy(job);
	if (r)
		return r;
	job->profile->label = job->files.label;
	r = write_everything(job);
	fp_progress_clear();
	if (r == 0 && job->request->summary)
		(void)fp_summary_write(job->summary, fp_may_colour(job->request->summary), job->request->summary);
	if (r == 0 && !job->is_again && job->files.n_outlived == 0 && !job->run->alive)
		(void)fp_store_remove_dir(job->run->path);
	else if (r && job->making_dir[0])
		(void)fp_store_remove_dir(job->making_dir);
	return r;
}

int fp_report_run(struct fp_run *run, const struct fp_report_request *request)
{
	struct job job = {.run = run, .request = request};
	int status, fd = open(run->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	/* two reports of one run would write the same files */
	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	if (fd < 0 || access(run->path, F_OK) < 0) {
		fp_say("%s: is gone: it has been reported already", run->path);
		if (fd >= 0)
			close(fd);
		return FP_STATUS_FAILED;
	}
	job.is_again = run->name.pid == 0;
	job.settings = run->settings;
	fp_cli_overlay(request->cli, request->environment, &job.settings);
	status = do_report(&job);
	fp_source_lines_destroy(job.shared.source);
	fp_leaks_destroy(job.shared.leaks);
	if (job.profile)
		fp_profile_destroy(job.profile);
	free(job.captures);
	free(job.summary);
	close(fd);
	return status;
}
