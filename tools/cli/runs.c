/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories: finding and reading them.  Ordinary program. */
#include "tools/cli/runs.h"

#include "tools/cli/message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fp_runs_base(char *path, size_t n_bytes)
{
	return fp_run_base(environ, getuid(), path, n_bytes);
}

bool fp_run_process_alive(pid_t pid, uint64_t start_ticks)
{
	uint64_t ticks;
	char state;

	return fp_run_start_ticks(pid, &ticks, &state) == 0 && ticks == start_ticks && state != 'Z' && state != 'X';
}

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void take_line(void *ctx, const char *name, const char *value)
{
	struct fp_run *run = ctx;

	if (strcmp(name, "OUTPUT_DIR") == 0)
		snprintf(run->output_dir, sizeof(run->output_dir), "%s", value);
	else if (strcmp(name, "OUTPUT_FILE") == 0)
		snprintf(run->output_file, sizeof(run->output_file), "%s", value);
	else if (strcmp(name, "CWD") == 0)
		snprintf(run->cwd, sizeof(run->cwd), "%s", value);
	else if (strcmp(name, "RUN") == 0)
		snprintf(run->report_of, sizeof(run->report_of), "%s", value);
	else if (strcmp(name, "ENDED") == 0)
		run->ended_s = strtoll(value, NULL, 10);
	else if (strcmp(name, "STARTED") == 0)
		run->started_s = strtoll(value, NULL, 10);
	else if (strcmp(name, "LAUNCHER") == 0)
		run->launcher = (pid_t)strtol(value, NULL, 10);
	if (strcmp(name, "ARG") == 0) {
		size_t n = strlen(value) + 1;
		char *more = realloc(run->cmdline, run->cmdline_bytes + n);

		if (!more)
			return;
		memcpy(more + run->cmdline_bytes, value, n);
		run->cmdline = more;
		run->cmdline_bytes += n;
	}
}

static int read_settings(struct fp_run *run)
{
	char path[PATH_MAX + sizeof(FP_RUN_SETTINGS_FILE) + 1];
	char *text, *again;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/" FP_RUN_SETTINGS_FILE, run->path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	text = malloc(2 * (FP_RUN_SETTINGS_BYTES + 1));
	if (!text) {
		close(fd);
		return -ENOMEM;
	}
	again = text + FP_RUN_SETTINGS_BYTES + 1;
	n = read(fd, text, FP_RUN_SETTINGS_BYTES);
	text[n > 0 ? n : 0] = 0;
	strcpy(again, text);
	close(fd);
	fp_run_settings_take(&run->settings, again);
	fp_run_settings_lines(text, take_line, run);
	run->has_settings = n > 0;
	free(text);
	return 0;
}

int fp_run_load(const char *path, struct fp_run **ret_run)
{
	struct fp_run *run = calloc(1, sizeof(*run));
	struct stat st;

	if (!run)
		return -ENOMEM;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || !realpath(path, run->path)) {
		free(run);
		return errno ? -errno : -ENOTDIR;
	}
	run->changed_ns = mtime_ns(&st);
	fp_settings_default(&run->settings);
	if (fp_run_name_parse(run->path, &run->name) == 0)
		run->alive = fp_run_process_alive(run->name.pid, run->name.start_ticks);
	(void)read_settings(run);
	*ret_run = run;
	return 0;
}

void fp_run_free(struct fp_run *run)
{
	if (run)
		free(run->cmdline);
	free(run);
}

void fp_runs_free(struct fp_run **runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fp_run_free(runs[i]);
	free(runs);
}

static int64_t run_started_s(const struct fp_run *run)
{
	return run->started_s ? run->started_s : run->changed_ns / 1000000000;
}

static int by_start(const void *a, const void *b)
{
	const struct fp_run *const *x = a, *const *y = b;
	int64_t d = run_started_s(*y) - run_started_s(*x);

	if (d == 0)
		d = (*y)->name.start_ticks > (*x)->name.start_ticks ? 1 : -1;
	return d > 0 ? 1 : -1;
}

int fp_runs_list(struct fp_run ***ret_runs, size_t *ret_n)
{
	char base[FP_RUN_PATH_BYTES], path[PATH_MAX];
	struct fp_run **runs = NULL;
	struct dirent *e;
	struct stat st;
	size_t n = 0;
	DIR *d;
	int r = fp_runs_base(base, sizeof(base));

	*ret_runs = NULL;
	*ret_n = 0;
	if (r)
		return r;
	if (lstat(base, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid())
		return -EPERM;
	d = opendir(base);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct fp_run_name name;
		struct fp_run **more;

		if (fp_run_name_parse(e->d_name, &name) < 0)
			continue;
		more = reallocarray(runs, n + 1, sizeof(*runs));
		if (!more)
			break;
		runs = more;
		snprintf(path, sizeof(path), "%s/%s", base, e->d_name);
		if (fp_run_load(path, &runs[n]) == 0)
			n++;
	}
	closedir(d);
	if (n)
		qsort(runs, n, sizeof(*runs), by_start);
	*ret_runs = runs;
	*ret_n = n;
	return 0;
}

static bool is_capture_name(const char *name)
{
	size_t n = strlen(name), suffix = strlen(FP_CAPTURE_SUFFIX);

	return n > suffix && name[0] != '.' && strcmp(name + n - suffix, FP_CAPTURE_SUFFIX) == 0;
}

static void read_header(const char *dir, struct fp_run_capture *c)
{
	struct fp_capture_header *h = &c->header;
	char path[PATH_MAX + NAME_MAX + 2];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, c->file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	c->readable = pread(fd, h, sizeof(*h), 0) == sizeof(*h) &&
		      memcmp(h->magic, FP_CAPTURE_MAGIC, sizeof(h->magic)) == 0 && h->version == FP_CAPTURE_VERSION;
	close(fd);
	if (!c->readable) {
		memset(h, 0, sizeof(*h));
		return;
	}
	h->exe[sizeof(h->exe) - 1] = 0;
	h->label[sizeof(h->label) - 1] = 0;
	h->cwd[sizeof(h->cwd) - 1] = 0;
	if (h->cmdline_bytes > sizeof(h->cmdline))
		h->cmdline_bytes = sizeof(h->cmdline);
	c->alive = h->end_reason == FP_END_NONE && fp_run_process_alive(h->pid, h->start_ticks);
}

static int by_file(const void *a, const void *b)
{
	return strcmp(((const struct fp_run_capture *)a)->file, ((const struct fp_run_capture *)b)->file);
}

int fp_run_captures(const char *dir, struct fp_run_capture **ret_captures, size_t *ret_n)
{
	struct fp_run_capture *captures = NULL;
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(dir);

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct fp_run_capture *more;

		if (!is_capture_name(e->d_name))
			continue;
		more = reallocarray(captures, n + 1, sizeof(*captures));
		if (!more)
			break;
		captures = more;
		memset(&captures[n], 0, sizeof(captures[n]));
		snprintf(captures[n].file, sizeof(captures[n].file), "%s", e->d_name);
		read_header(dir, &captures[n]);
		n++;
	}
	closedir(d);
	if (n)
		qsort(captures, n, sizeof(*captures), by_file);
	*ret_captures = captures;
	*ret_n = n;
	return 0;
}

int fp_runs_newest_report(const char *dir, char *path, size_t n_bytes, int64_t *ret_changed_ns)
{
	static const char suffix[] = ".filperf";
	int64_t newest = INT64_MIN;
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);
		char candidate[PATH_MAX];
		struct stat st;

		if (n < sizeof(suffix) || strcmp(e->d_name + n - sizeof(suffix) + 1, suffix) != 0)
			continue;
		snprintf(candidate, sizeof(candidate), "%s/%s", dir, e->d_name);
		if (stat(candidate, &st) < 0 || !S_ISDIR(st.st_mode) || mtime_ns(&st) < newest)
			continue;
		newest = mtime_ns(&st);
		snprintf(path, n_bytes, "%s", candidate);
	}
	closedir(d);
	if (newest == INT64_MIN)
		return -ENOENT;
	*ret_changed_ns = newest;
	return 0;
}

/* When the run last did something; INT64_MAX while it goes on. */
static int64_t last_activity_ns(const struct fp_run *run)
{
	struct fp_run_capture *captures = NULL;
	int64_t last_ns = run->changed_ns;
	size_t n = 0;

	if (run->alive)
		return INT64_MAX;
	(void)fp_run_captures(run->path, &captures, &n);
	for (size_t i = 0; i < n; i++) {
		const struct fp_capture_header *h = &captures[i].header;
		int64_t end_ns = h->end_monotonic_ns ? h->end_monotonic_ns : h->heartbeat_monotonic_ns;

		end_ns += h->start_realtime_ns - h->start_monotonic_ns;
		if (captures[i].alive)
			last_ns = INT64_MAX;
		else if (captures[i].readable && end_ns > last_ns)
			last_ns = end_ns;
	}
	free(captures);
	return last_ns;
}

int fp_runs_default_input(const char *output_dir, char *path, size_t n_bytes)
{
	struct fp_run **runs;
	int64_t changed_ns = INT64_MIN;
	size_t n = 0;
	int r = fp_runs_newest_report(output_dir, path, n_bytes, &changed_ns);

	if (fp_runs_list(&runs, &n) == 0)
		for (size_t i = 0; i < n; i++) {
			int64_t last_ns = last_activity_ns(runs[i]);

			if (last_ns <= changed_ns)
				continue;
			changed_ns = last_ns;
			snprintf(path, n_bytes, "%s", runs[i]->path);
			r = 0;
		}
	fp_runs_free(runs, n);
	if (r < 0)
		fp_say("no run found: %s holds no <label>.filperf and no program runs under filperf; "
		       "record one with filperf run -- CMD, or name the input",
		       output_dir);
	return r;
}
