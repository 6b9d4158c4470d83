/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes and threads are wanted, and what sources without either
 * get.  Reader stage, ordinary program.
 */
#include "tools/read/readers.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fp_read_refuse(const struct fp_read_job *job, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(job->error, job->error_bytes, format, ap);
	va_end(ap);
	return err;
}

bool fp_read_glob_list(const char *list, const char *text)
{
	char glob[256];

	while (list && *list) {
		size_t n = strcspn(list, ",");
		const char *start = list + strspn(list, " ");
		size_t len = (size_t)(list + n - start) < n ? (size_t)(list + n - start) : n;

		while (len && start[len - 1] == ' ')
			len--;
		if (len && len < sizeof(glob)) {
			memcpy(glob, start, len);
			glob[len] = 0;
			if (fnmatch(glob, text, 0) == 0)
				return true;
		}
		list += n;
		list += *list == ',';
	}
	return false;
}

/* text is the whole of a decimal or 0x number, equal to id. */
static bool names_number(const char *text, int id)
{
	char *end;
	long value = strtol(text, &end, 0);

	return *text && !*end && value == id;
}

bool fp_read_wants_thread(const struct fp_read_options *o, const char *name, int tid)
{
	if (o->only_thread && *o->only_thread && !names_number(o->only_thread, tid) &&
	    fnmatch(o->only_thread, name, 0) != 0)
		return false;
	if (o->threads_include && *o->threads_include &&
	    !fp_read_glob_list(o->threads_include, name))
		return false;
	return !fp_read_glob_list(o->threads_exclude, name);
}

bool fp_read_wants_process(const struct fp_read_options *o, const char *title, const char *exe,
			   int pid)
{
	const char *slash = strrchr(exe, '/');

	if (!o->only_process || !*o->only_process)
		return true;
	return names_number(o->only_process, pid) || fnmatch(o->only_process, title, 0) == 0 ||
	       fnmatch(o->only_process, slash ? slash + 1 : exe, 0) == 0;
}

uint32_t fp_read_single_thread(struct fp_builder *b, const char *title)
{
	struct fp_profile *p = fp_builder_profile(b);
	struct fp_profile_process process = { .title = title, .cmdline = title, .exe = "",
					      .is_python = true, .is_first = true,
					      .capture = UINT32_MAX };
	struct fp_profile_thread thread = { .is_main = true, .name = "MainThread" };

	if (p->n_threads)
		return 0;
	if (fp_builder_process(b, &process) == UINT32_MAX)
		return UINT32_MAX;
	return fp_builder_thread(b, &thread);
}
