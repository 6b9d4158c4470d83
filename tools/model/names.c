/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How frames are written for people.  Model stage, pure text.
 */
#include "tools/model/names.h"

#include <stdio.h>
#include <string.h>

/* Where "lib/python3.N/" ends in file, or NULL. */
static const char *after_stdlib(const char *file)
{
	const char *at = file, *found = NULL;

	while ((at = strstr(at, "/python3"))) {
		const char *end = at + strlen("/python3");

		if (*end == '.')
			end++;
		while ((*end >= '0' && *end <= '9') || *end == 't')
			end++;
		bool in_lib = (at - file >= 4 && memcmp(at - 4, "/lib", 4) == 0) ||
			      (at - file >= 6 && memcmp(at - 6, "/lib64", 6) == 0);
		if (*end == '/' && in_lib)
			found = end + 1;
		at = end;
	}
	return found;
}

static const char *after_last(const char *file, const char *part)
{
	const char *found = NULL;

	for (const char *at = file; (at = strstr(at, part)); at++)
		found = at + strlen(part);
	return found;
}

static const char *after_site(const char *file)
{
	const char *site = after_last(file, "/site-packages/");
	const char *dist = after_last(file, "/dist-packages/");

	return site > dist ? site : dist;
}

enum fp_origin fp_name_origin(const struct fp_frame *f)
{
	if (f->kind == FP_FRAME_MARK)
		return FP_ORIGIN_MARK;
	if (f->kind == FP_FRAME_NATIVE)
		return FP_ORIGIN_NATIVE;
	if (after_site(f->file))
		return FP_ORIGIN_SITE;
	if (after_stdlib(f->file) || strncmp(f->file, "<frozen", 7) == 0 ||
	    strncmp(f->file, "<built-in", 9) == 0)
		return FP_ORIGIN_STDLIB;
	return FP_ORIGIN_USER;
}

const char *fp_name_short_file(const char *file, const char *cwd)
{
	const char *rest = after_site(file);
	size_t n = cwd ? strlen(cwd) : 0;

	if (!rest)
		rest = after_stdlib(file);
	if (rest && *rest)
		return rest;
	while (n && cwd[n - 1] == '/')
		n--;
	if (n && strncmp(file, cwd, n) == 0 && file[n] == '/' && file[n + 1])
		return file + n + 1;
	return file;
}

/* A cut text must not end within a character. */
static int end_whole(int n, char *out, size_t out_bytes)
{
	if (n >= 0 && (size_t)n >= out_bytes && out_bytes) {
		size_t at = out_bytes - 1;

		while (at && ((unsigned char)out[at - 1] & 0xc0) == 0x80)
			at--;
		if (at && (unsigned char)out[at - 1] >= 0xc0)
			out[at - 1] = 0;
	}
	return n;
}

int fp_name_frame(const struct fp_profile *p, const struct fp_frame *f, bool lines,
		  char *out, size_t out_bytes)
{
	const char *file = fp_name_short_file(f->file, p->cwd);
	int n;

	if (f->kind == FP_FRAME_NATIVE && strrchr(file, '/'))
		file = strrchr(file, '/') + 1;
	if (!*file)
		n = snprintf(out, out_bytes, "%s", f->qualname);
	else if (!lines || !f->line)
		n = snprintf(out, out_bytes, "%s (%s)", f->qualname, file);
	else
		n = snprintf(out, out_bytes, "%s (%s:%u)", f->qualname, file, f->line);
	return end_whole(n, out, out_bytes);
}

int fp_name_process(const struct fp_profile_process *process, char *out, size_t out_bytes)
{
	return snprintf(out, out_bytes, "process %d:\"%s\"", process->pid, process->cmdline);
}

int fp_name_thread(const struct fp_profile_thread *thread, char *out, size_t out_bytes)
{
	if (!thread->name[0])
		return snprintf(out, out_bytes, "thread (0x%X)", (unsigned)thread->tid);
	return snprintf(out, out_bytes, "thread (0x%X): %s", (unsigned)thread->tid, thread->name);
}

void fp_name_package(const char *file, char *out, size_t out_bytes)
{
	const char *rest = after_site(file);

	if (rest) {
		size_t n = strcspn(rest, "/");

		/* a module file of its own: six.py is package six */
		if (!rest[n] && n > 3 && strcmp(rest + n - 3, ".py") == 0)
			n -= 3;
		snprintf(out, out_bytes, "%.*s", (int)(n < 1024 ? n : 1024), rest);
	} else if (after_stdlib(file) || strncmp(file, "<frozen", 7) == 0) {
		snprintf(out, out_bytes, "stdlib");
	} else {
		out[0] = 0;
	}
}
