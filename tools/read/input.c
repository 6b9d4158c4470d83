/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What IN is: a directory of captures, one capture, or a report that can be
 * read back; told by content, not by name.  Reader stage, ordinary program.
 */
#include "tools/read/readers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_BYTES_MAX (512u << 20)

static bool is_capture_name(const char *name)
{
	size_t n = strlen(name), suffix = strlen(FP_CAPTURE_SUFFIX);
	return n > suffix && strcmp(name + n - suffix, FP_CAPTURE_SUFFIX) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void free_names(char **names, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Paths of the captures in a directory, sorted. */
static int list_captures(const char *dir, char ***ret_names, uint32_t *ret_n)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char **names = NULL;
	uint32_t n = 0, room = 0;
	int err = 0;

	if (!d)
		return -errno;
	while (!err && (entry = readdir(d))) {
		char *path;

		if (!is_capture_name(entry->d_name))
			continue;
		if (n >= room) {
			room = room ? room * 2 : 16;
			char **moved = reallocarray(names, room, sizeof(*names));
			if (!moved) {
				err = -ENOMEM;
				break;
			}
			names = moved;
		}
		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
			err = -ENOMEM;
		else
			names[n++] = path;
	}
	closedir(d);
	if (err) {
		free_names(names, n);
		return err;
	}
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

static int read_directory(const struct fp_read_job *job, const char *dir)
{
	char **names = NULL;
	uint32_t n = 0;
	int err = list_captures(dir, &names, &n);

	if (err)
		return fp_read_refuse(job, err, "cannot list %s: %s", dir, strerror(-err));
	if (!n)
		err = fp_read_refuse(job, -ENOENT, "%s holds no capture (*" FP_CAPTURE_SUFFIX
				     "): give the <label>.filperf directory of a run", dir);
	else
		err = fp_read_captures(job, (const char *const *)names, n);
	free_names(names, n);
	return err;
}

/* The whole file in memory, NUL-ended. */
static int load(const struct fp_read_job *job, const char *path, int fd, char **ret_text,
		size_t *ret_bytes)
{
	size_t room = 1 << 16, n = 0;
	char *text = malloc(room);

	while (text) {
		ssize_t got = read(fd, text + n, room - n - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = -errno;
			free(text);
			return fp_read_refuse(job, err, "cannot read %s: %s", path, strerror(-err));
		}
		n += (size_t)got;
		if (!got) {
			text[n] = 0;
			*ret_text = text;
			*ret_bytes = n;
			return 0;
		}
		if (n + 1 < room)
			continue;
		room *= 2;
		if (n > REPORT_BYTES_MAX) {
			free(text);
			return fp_read_refuse(job, -EFBIG, "%s is larger than %u MB, too large for "
					      "a report to be read back: use the captures in the "
					      ".filperf directory", path, REPORT_BYTES_MAX >> 20);
		}
		char *moved = realloc(text, room);
		if (!moved)
			free(text);
		text = moved;
	}
	return fp_read_refuse(job, -ENOMEM, "not enough memory to read %s", path);
}

static int read_report(const struct fp_read_job *job, const char *path, const char *text,
		       size_t n)
{
	size_t space = strspn(text, " \t\r\n");
	unsigned char first = (unsigned char)text[space];
	unsigned char second = first && space + 1 < n ? (unsigned char)text[space + 1] : 0;

	if (first == 0xfb || (first == '{' && (second == ')' || second == 0xa9 || second == '0' ||
					       second == '(')))
		return fp_read_prof(job, path, text, n);
	if (first == '{')
		return fp_read_json(job, path, text, n);
	if (first == 0x1f && second == 0x8b)
		return fp_read_refuse(job, -EBADMSG, "%s is compressed (a pprof or Firefox profile), "
				      "which filperf only writes: give the .filperf directory", path);
	/* collapsed text may begin with <module> */
	if (strncmp(text + space, "<?xml", 5) == 0 || strncmp(text + space, "<svg", 4) == 0)
		return fp_read_refuse(job, -EBADMSG, "%s is a flame graph, which filperf only writes: "
				      "give the .filperf directory or the .raw beside it", path);
	return fp_read_collapsed(job, path, text, n);
}

static int read_file(const struct fp_read_job *job, const char *path)
{
	char magic[8] = "", *text = NULL;
	size_t n_bytes = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return fp_read_refuse(job, -errno, "cannot open %s: %s", path, strerror(errno));
	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	    memcmp(magic, FP_CAPTURE_MAGIC, sizeof(magic)) == 0) {
		close(fd);
		return fp_read_captures(job, &path, 1);
	}
	err = load(job, path, fd, &text, &n_bytes);
	if (!err && is_capture_name(path))
		err = fp_read_captures(job, &path, 1); /* says what is wrong with it */
	else if (!err && !n_bytes)
		err = fp_read_refuse(job, -ENODATA, "%s is empty: give a .filperf directory, a "
				     FP_CAPTURE_SUFFIX " file or a report", path);
	else if (!err)
		err = read_report(job, path, text, n_bytes);
	free(text);
	close(fd);
	return err;
}

/* What the options left of the profile, in words; NULL: out of memory. */
static const char *describe_filter(struct fp_builder *b, const struct fp_read_options *o)
{
	const char *text = fp_arena_format(fp_builder_arena(b), "%s%s%s%s%s%s%s%s%s",
					   o->gil_only ? "only samples that hold the GIL" : "",
					   o->only_process ? ", process " : "",
					   o->only_process ? o->only_process : "",
					   o->only_thread ? ", thread " : "",
					   o->only_thread ? o->only_thread : "",
					   o->threads_include ? ", threads " : "",
					   o->threads_include ? o->threads_include : "",
					   o->threads_exclude ? ", without threads " : "",
					   o->threads_exclude ? o->threads_exclude : "");

	if (text && text[0] == ',')
		text += 2;
	return text ? fp_builder_string(b, text, strlen(text)) : NULL;
}

int fp_profile_read(const char *in, const struct fp_read_options *options,
		    struct fp_profile **ret_profile, char *error, size_t error_bytes)
{
	struct fp_read_job job = { .b = fp_builder_create(), .options = options, .error = error,
				   .error_bytes = error_bytes };
	struct stat st;
	int err;

	if (!job.b)
		return fp_read_refuse(&job, -ENOMEM, "not enough memory to read %s", in);
	if (options->progress)
		options->progress(options->progress_ctx, "reading", 0, 0);
	if (stat(in, &st) < 0)
		err = fp_read_refuse(&job, -errno, "cannot find %s: %s", in, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		err = read_directory(&job, in);
	else
		err = read_file(&job, in);
	const char *source = err ? NULL : fp_builder_string(job.b, in, strlen(in));
	const char *filter = err ? NULL : describe_filter(job.b, options);
	if (!err && (!source || !filter))
		err = fp_read_refuse(&job, -ENOMEM, "not enough memory to read %s", in);
	if (err) {
		fp_builder_destroy(job.b);
		return err;
	}
	struct fp_profile *p = fp_builder_finish(job.b);
	p->source = source;
	p->filter = filter;
	*ret_profile = p;
	return 0;
}
