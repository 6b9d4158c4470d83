/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memray_paths.h.  Render stage, pure text.
 */
#include "tools/render/memray_paths.h"

#include "tools/model/names.h"

#include <stdlib.h>
#include <string.h>

#define FOLDERS_MAX 32u
#define FOLDER_BYTES 4096u

struct folders {
	char *texts[FOLDERS_MAX + 1]; /* NULL-ended */
	size_t n_bytes[FOLDERS_MAX];
	uint64_t n_seen[FOLDERS_MAX];
	size_t n;
};

struct fp_memray_path_list {
	struct folders stdlib, site, own;
	bool no_memory;
};

static void see(struct fp_memray_path_list *l, struct folders *f, const char *folder, size_t n_bytes)
{
	while (n_bytes > 1 && folder[n_bytes - 1] == '/')
		n_bytes--;
	if (!n_bytes || folder[0] != '/' || n_bytes > FOLDER_BYTES)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (f->n_bytes[i] == n_bytes && memcmp(f->texts[i], folder, n_bytes) == 0) {
			f->n_seen[i]++;
			return;
		}
	if (f->n == FOLDERS_MAX)
		return;
	f->texts[f->n] = strndup(folder, n_bytes);
	l->no_memory = l->no_memory || !f->texts[f->n];
	if (f->texts[f->n]) {
		f->n_bytes[f->n] = n_bytes;
		f->n_seen[f->n++] = 1;
	}
}

/* The folder above the part that names a module. */
static void see_library(struct fp_memray_path_list *l, const struct fp_frame *f)
{
	enum fp_origin origin = fp_name_origin(f);
	const char *module = fp_name_short_file(f->file, NULL);

	if (origin == FP_ORIGIN_SITE)
		see(l, &l->site, f->file, (size_t)(module - f->file));
	else if (origin == FP_ORIGIN_STDLIB)
		see(l, &l->stdlib, f->file, (size_t)(module - f->file));
}

/* Python looks for modules first where the script lies. */
static void see_script(struct fp_memray_path_list *l, const struct fp_frame *f)
{
	const char *slash = strrchr(f->file, '/');

	if (slash && f->kind == FP_FRAME_PYTHON && fp_name_origin(f) == FP_ORIGIN_USER &&
	    strcmp(f->name, "<module>") == 0)
		see(l, &l->own, f->file, (size_t)(slash - f->file));
}

struct fp_memray_path_list *fp_memray_paths_find(const struct fp_memray_stacks *s, const char *cwd,
						 struct fp_memray_paths *ret_paths)
{
	struct fp_memray_path_list *l = calloc(1, sizeof(*l));
	size_t most = 0;

	if (!l)
		return NULL;
	for (size_t i = 0; i < s->n_codes; i++)
		see_library(l, s->codes[i]);
	for (size_t i = 1; i < s->n_traces; i++)
		if (!s->traces[i].parent)
			see_script(l, s->codes[s->traces[i].code - 1]);
	see(l, &l->own, cwd, strlen(cwd));
	if (l->no_memory) {
		fp_memray_paths_free(l);
		return NULL;
	}
	for (size_t i = 1; i < l->stdlib.n; i++)
		if (l->stdlib.n_seen[i] > l->stdlib.n_seen[most])
			most = i;
	ret_paths->libdest = l->stdlib.n ? l->stdlib.texts[most] : "";
	ret_paths->site_packages = (const char *const *)l->site.texts;
	ret_paths->sys_path = (const char *const *)l->own.texts;
	return l;
}

void fp_memray_paths_free(struct fp_memray_path_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < FOLDERS_MAX; i++) {
		free(l->stdlib.texts[i]);
		free(l->site.texts[i]);
		free(l->own.texts[i]);
	}
	free(l);
}
