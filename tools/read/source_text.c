/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See source_text.h.  Reader stage, ordinary program, one thread.
 */
#include "tools/read/source_text.h"

#include "tools/read/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BYTES (8u << 20)
#define MOST_LINES 100000u
#define MOST_LINE_BYTES 2000u

static char *read_whole(int fd, size_t n_bytes)
{
	char *bytes = malloc(n_bytes + 1);
	size_t at = 0;

	while (bytes && at < n_bytes) {
		ssize_t n = read(fd, bytes + at, n_bytes - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (bytes && (at != n_bytes || memchr(bytes, 0, n_bytes))) {
		free(bytes);
		return NULL;
	}
	if (bytes)
		bytes[n_bytes] = 0;
	return bytes;
}

/* Tabs are widened here, since a control character becomes one space. */
static const char *keep_line(struct fp_arena *a, const char *start, size_t n)
{
	char wide[MOST_LINE_BYTES + 8];
	size_t o = 0;
	const char *kept;

	if (n > MOST_LINE_BYTES)
		n = MOST_LINE_BYTES;
	if (!memchr(start, '\t', n) && !memchr(start, '\r', n)) {
		kept = fp_arena_text(a, start, n);
		return kept ? kept : "";
	}
	for (size_t i = 0; i < n && o < MOST_LINE_BYTES; i++) {
		if (start[i] == '\r')
			continue;
		if (start[i] != '\t') {
			wide[o++] = start[i];
			continue;
		}
		do
			wide[o++] = ' ';
		while (o % 4);
	}
	kept = fp_arena_text(a, wide, o);
	return kept ? kept : "";
}

static void split(struct fp_arena *a, const char *bytes, size_t n_bytes, struct fp_source_text *t)
{
	const char *end = bytes + n_bytes;
	size_t n = 1;

	for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		n++;
	if (n > MOST_LINES || !(t->lines = fp_arena_take(a, n * sizeof(*t->lines))))
		return;
	while (bytes < end) {
		const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t len = (size_t)((stop ? stop : end) - bytes);

		t->lines[t->n_lines++] = keep_line(a, bytes, len);
		bytes += len + 1;
	}
}

void fp_source_text_read(struct fp_arena *a, const char *path, const char *cwd, struct fp_source_text *ret_text)
{
	struct fp_source_text t = { 0 };
	char full[PATH_MAX];
	struct stat s;
	char *bytes;
	int fd;

	*ret_text = t;
	if (!path[0] || path[0] == '<')
		return;
	snprintf(full, sizeof(full), "%s%s%s", path[0] == '/' ? "" : cwd, path[0] == '/' ? "" : "/", path);
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 0 && s.st_size <= MOST_BYTES) {
		bytes = read_whole(fd, (size_t)s.st_size);
		if (bytes)
			split(a, bytes, (size_t)s.st_size, &t);
		free(bytes);
		t.changed_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
	}
	close(fd);
	*ret_text = t;
}
