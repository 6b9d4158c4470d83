/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collapsed stacks: root;...;leaf COUNT, as filperf, py-spy and
 * stackcollapse-* write them.  Reader stage, ordinary program.
 */
#include "tools/read/key_map.h"
#include "tools/read/readers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOMINAL_HZ 100u
#define COUNT_MAX (1ull << 40) /* times 10 ms stays far from 64 bits */

/* The thread that the roots of a line name. */
struct roots {
	struct fp_key_map by_text; /* hash of the roots' text -> thread */
	struct fp_key_map processes; /* hash of the process root -> process */
};

/* Length of "(file:line)" at the end; *ret_line 0 when none. */
static size_t split_place(const char *text, size_t n, const char **ret_file,
			  size_t *ret_file_bytes, uint32_t *ret_line)
{
	size_t open = n;

	*ret_line = 0;
	*ret_file_bytes = 0;
	*ret_file = "";
	if (n < 4 || text[n - 1] != ')')
		return 0;
	while (open > 1 && !(text[open - 1] == '(' && text[open - 2] == ' '))
		open--;
	if (open <= 2)
		return 0;
	size_t end = n - 1, digits = end;
	while (digits > open && text[digits - 1] >= '0' && text[digits - 1] <= '9')
		digits--;
	if (digits < end && digits > open && text[digits - 1] == ':' && end - digits < 10) {
		*ret_line = (uint32_t)strtoul(text + digits, NULL, 10);
		end = digits - 1;
	}
	*ret_file = text + open;
	*ret_file_bytes = end - open;
	return n - (open - 2);
}

static enum fp_frame_kind kind_of(const char *text, size_t n, const char *file, size_t file_bytes)
{
	if (!file_bytes && n > 2 && text[0] == '[' && text[n - 1] == ']')
		return FP_FRAME_MARK;
	if (file_bytes && memmem(file, file_bytes, ".so", 3) &&
	    !memmem(file, file_bytes, ".py", 3))
		return FP_FRAME_NATIVE;
	return FP_FRAME_PYTHON;
}

uint32_t fp_read_frame_text(struct fp_builder *b, const char *text, size_t n_bytes, bool lines)
{
	struct fp_frame f = { 0 };
	const char *file, *dot;
	size_t file_bytes, place = split_place(text, n_bytes, &file, &file_bytes, &f.line);
	size_t name_bytes = n_bytes - place;

	f.kind = kind_of(text, name_bytes, file, file_bytes);
	f.qualname = fp_builder_string(b, text, name_bytes);
	f.file = fp_builder_string(b, file, file_bytes);
	f.name = f.qualname;
	dot = f.kind == FP_FRAME_PYTHON ? memrchr(text, '.', name_bytes) : NULL;
	if (dot && dot + 1 < text + name_bytes)
		f.name = fp_builder_string(b, dot + 1, (size_t)(text + name_bytes - dot - 1));
	if (!f.name || !f.qualname || !f.file)
		return UINT32_MAX;
	if (!lines)
		f.line = 0;
	return fp_builder_frame(b, &f);
}

static bool starts_with(const char *text, size_t n, const char *prefix)
{
	return n >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

/* The process a root names, started by ppid; without a root, the only one there is. */
static uint32_t process_of(struct fp_builder *b, struct roots *r, const char *root, size_t n,
			   int32_t ppid, const char *path)
{
	uint64_t h = fp_key_hash(3, root, n);
	uint32_t at = fp_key_map_find(&r->processes, h, NULL, NULL);
	struct fp_profile_process process = { .exe = "", .is_python = true, .ppid = ppid,
					      .capture = UINT32_MAX };
	if (at != FP_KEY_MISSING)
		return at;
	const char *quote = n ? memchr(root, '"', n) : NULL;
	if (quote) {
		size_t len = (size_t)(root + n - quote - 1);

		process.pid = (int32_t)strtol(root + strlen("process "), NULL, 10);
		process.cmdline = fp_builder_string(b, quote + 1, len ? len - 1 : 0);
		process.title = process.cmdline;
	} else {
		const char *slash = strrchr(path, '/');
		const char *base = slash ? slash + 1 : path;
		process.cmdline = process.title = fp_builder_string(b, base, strlen(base));
	}
	process.is_first = fp_builder_profile(b)->n_processes == 0;
	if (!process.title)
		return UINT32_MAX;
	at = fp_builder_process(b, &process);
	return at == UINT32_MAX || fp_key_map_add(&r->processes, h, at) ? UINT32_MAX : at;
}

/* Takes root frames off the line.  The thread, or UINT32_MAX for memory. */
static uint32_t take_roots(struct fp_builder *b, struct roots *r, const char **line, size_t *n,
			   const char *path)
{
	const char *s = *line;
	size_t left = *n, len;
	struct fp_profile_thread t = { .process = UINT32_MAX };
	bool has_thread = false;
	int32_t ppid = 0;

	while ((len = strcspn(s, ";") < left ? strcspn(s, ";") : left) < left) {
		const char *close = memchr(s, ')', len);

		if (starts_with(s, len, "process ") && memchr(s, '"', len)) {
			/* the innermost is the process itself, those before it its parents */
			t.process = process_of(b, r, s, len, ppid, path);
			if (t.process == UINT32_MAX)
				return UINT32_MAX;
			ppid = fp_builder_profile(b)->processes[t.process].pid;
		} else if (starts_with(s, len, "thread (") && close) {
			t.tid = (int32_t)strtol(s + strlen("thread ("), NULL, 16);
			if (len > (size_t)(close - s) + 3 && starts_with(close, 3, "): "))
				snprintf(t.name, sizeof(t.name), "%.*s",
					 (int)(s + len - close - 3), close + 3);
			has_thread = true;
		} else {
			break;
		}
		s += len + 1;
		left -= len + 1;
	}
	uint64_t h = fp_key_hash(4, *line, (size_t)(s - *line));
	uint32_t at = fp_key_map_find(&r->by_text, h, NULL, NULL);
	*line = s;
	*n = left;
	if (at != FP_KEY_MISSING)
		return at;
	if (t.process == UINT32_MAX)
		t.process = process_of(b, r, "", 0, 0, path);
	t.is_main = !has_thread;
	if (!has_thread)
		snprintf(t.name, sizeof(t.name), "MainThread");
	const char *clean = fp_builder_string(b, t.name, strlen(t.name));
	if (!clean || t.process == UINT32_MAX)
		return UINT32_MAX;
	snprintf(t.name, sizeof(t.name), "%s", clean);
	at = fp_builder_thread(b, &t);
	return at == UINT32_MAX || fp_key_map_add(&r->by_text, h, at) ? UINT32_MAX : at;
}

static uint32_t push_line(struct fp_builder *b, const char *s, size_t n, bool lines)
{
	uint32_t node = 0;

	while (n && node != UINT32_MAX) {
		const char *end = memchr(s, ';', n);
		size_t len = end ? (size_t)(end - s) : n;

		if (len) {
			uint32_t frame = fp_read_frame_text(b, s, len, lines);
			node = frame == UINT32_MAX ? frame : fp_builder_node(b, node, frame);
		}
		n -= len + (end != NULL);
		s += len + (end != NULL);
	}
	return node;
}

static bool keeps(const struct fp_read_job *job, uint32_t thread)
{
	const struct fp_profile *p = fp_builder_profile(job->b);
	const struct fp_profile_process *process = &p->processes[p->threads[thread].process];

	return fp_read_wants_thread(job->options, p->threads[thread].name,
				    p->threads[thread].tid) &&
	       fp_read_wants_process(job->options, process->title, "", process->pid);
}

/* One NUL-ended line; counts what it could use. */
static int take_line(const struct fp_read_job *job, struct roots *r, const char *line, size_t n,
		     const char *path, size_t *n_taken)
{
	const char *space = memrchr(line, ' ', n);
	char *end;
	unsigned long long count;

	if (!n || starts_with(line, n, "# ") || !space || space == line ||
	    space[1] < '0' || space[1] > '9')
		return 0;
	count = strtoull(space + 1, &end, 10);
	if (*end && *end != '.')
		return 0;
	n = (size_t)(space - line);
	uint32_t thread = take_roots(job->b, r, &line, &n, path);
	if (thread == UINT32_MAX)
		return -ENOMEM;
	++*n_taken;
	if (!keeps(job, thread))
		return 0;
	uint32_t node = push_line(job->b, line, n, job->options->lines);
	if (node == UINT32_MAX)
		return -ENOMEM;
	if (count > COUNT_MAX)
		count = COUNT_MAX;
	struct fp_profile_cell cell = { .thread = thread, .stack = node, .samples = count };
	cell.ns[FP_CPU_PYTHON] = count * (1000000000ull / NOMINAL_HZ);
	return fp_builder_cell(job->b, &cell);
}

int fp_read_collapsed(const struct fp_read_job *job, const char *path, const char *text,
		      size_t n_bytes)
{
	struct fp_profile *p = fp_builder_profile(job->b);
	struct roots r = { 0 };
	size_t n_taken = 0, room = 0, n_lines = 0;
	char *line = NULL;
	int err = 0;

	p->rate_hz = NOMINAL_HZ;
	p->has_time = false;
	for (size_t i = 0; i < n_bytes && !err;) {
		const char *end = memchr(text + i, '\n', n_bytes - i);
		size_t len = end ? (size_t)(end - text) - i : n_bytes - i;

		if (len + 1 > room) {
			free(line);
			room = len + 256;
			line = malloc(room);
			if (!line) {
				err = -ENOMEM;
				break;
			}
		}
		memcpy(line, text + i, len);
		while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
			len--;
		line[len] = 0;
		err = take_line(job, &r, line, strlen(line), path, &n_taken);
		if (++n_lines % 16384 == 0 && job->options->progress)
			job->options->progress(job->options->progress_ctx, "reading", i, n_bytes);
		i = end ? (size_t)(end - text) + 1 : n_bytes;
	}
	free(line);
	fp_key_map_free(&r.by_text);
	fp_key_map_free(&r.processes);
	if (!err && !n_taken && n_bytes)
		return fp_read_refuse(job, -EBADMSG, "%s is neither a capture nor collapsed stacks "
				      "(no line ends in a count): give a .filperf directory, a "
				      FP_CAPTURE_SUFFIX " file, .raw, .json or .prof", path);
	if (!err && !p->n_threads && fp_read_single_thread(job->b, "") == UINT32_MAX)
		err = -ENOMEM;
	return err == -ENOMEM ? fp_read_refuse(job, err, "not enough memory to read %s", path) : err;
}
