/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sums per frame to files, lines and functions, in the order of reports.
 * Model stage, ordinary program.  Strings of a profile are interned, so files
 * are told apart by pointer.
 */
#include "tools/model/source_parts.h"

#include "tools/model/function_ids.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A frame with sums; one entry of the sort. */
struct entry {
	const char *file;
	uint32_t frame, key;      /* key: line or function */
	uint32_t file_index;
};

struct group {
	const struct fp_profile *p;
	const struct fp_source_sums *sums;
	struct fp_source_lines *s;
	struct entry *entries;
	uint32_t n;
	uint32_t *line_of_frame;
};

static bool is_empty(const struct fp_source_sums *a)
{
	static const struct fp_source_sums nothing;

	return memcmp(a, &nothing, sizeof(nothing)) == 0;
}

static int by_file(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	return order ? order : x->key < y->key ? -1 : x->key > y->key;
}

static int by_index(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->file_index != y->file_index ? (x->file_index < y->file_index ? -1 : 1) :
	       x->key < y->key ? -1 : x->key > y->key;
}

static uint64_t cpu_of(const struct fp_source_sums *a)
{
	return a->python_ns + a->native_ns + a->system_ns;
}

static int by_size(const struct fp_source_sums *a, const struct fp_source_sums *b)
{
	if (cpu_of(a) != cpu_of(b))
		return cpu_of(a) < cpu_of(b) ? 1 : -1;
	if (a->peak_bytes != b->peak_bytes)
		return a->peak_bytes < b->peak_bytes ? 1 : -1;
	return a->alloc_bytes < b->alloc_bytes ? 1 : a->alloc_bytes > b->alloc_bytes ? -1 : 0;
}

static int files_by_size(const void *a, const void *b)
{
	const struct fp_source_file *x = a, *y = b;
	int order = by_size(&x->sums, &y->sums);

	return order ? order : strcmp(x->name, y->name);
}

static int functions_by_size(const void *a, const void *b)
{
	const struct fp_source_function *x = a, *y = b;
	int order = by_size(&x->sums, &y->sums);

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return order ? order : x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Files of entries, which are sorted by file; those below 1 % go. */
static int make_files(struct group *g)
{
	struct fp_source_lines *s = g->s;
	uint32_t n = 0, kept = 0;

	s->files = calloc((size_t)g->n + 1, sizeof(*s->files));
	if (!s->files)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n; i++) {
		if (!i || strcmp(g->entries[i].file, g->entries[i - 1].file) != 0)
			s->files[n++].name = g->entries[i].file;
		fp_source_sums_add(&s->files[n - 1].sums, &g->sums[g->entries[i].frame]);
	}
	qsort(s->files, n, sizeof(*s->files), files_by_size);
	for (uint32_t i = 0; i < n; i++)
		if (!i || fp_source_is_shown(s, &s->files[i].sums))
			s->files[kept++] = s->files[i];
	s->n_files = kept;
	s->n_left_out = n - kept;
	return 0;
}

/* Gives entries the number of their file and drops those of files that went. */
static void number_entries(struct group *g)
{
	struct fp_source_lines *s = g->s;
	uint32_t kept = 0, file = FP_SOURCE_NONE;

	for (uint32_t i = 0; i < g->n; i++) {
		struct entry e = g->entries[i];

		if (!i || strcmp(e.file, g->entries[i - 1].file) != 0) {
			for (file = 0; file < s->n_files && strcmp(s->files[file].name, e.file) != 0; file++)
				;
		}
		if (file >= s->n_files) {
			/* the comparison above needs the name of the entry before */
			g->entries[i].file_index = FP_SOURCE_NONE;
			continue;
		}
		g->entries[i].file_index = file;
	}
	for (uint32_t i = 0; i < g->n; i++)
		if (g->entries[i].file_index != FP_SOURCE_NONE)
			g->entries[kept++] = g->entries[i];
	g->n = kept;
}

static int make_lines(struct group *g)
{
	struct fp_source_lines *s = g->s;

	s->lines = calloc((size_t)g->n + 1, sizeof(*s->lines));
	g->line_of_frame = malloc(((size_t)g->p->n_frames + 1) * sizeof(*g->line_of_frame));
	if (!s->lines || !g->line_of_frame)
		return -ENOMEM;
	memset(g->line_of_frame, 0xff, ((size_t)g->p->n_frames + 1) * sizeof(*g->line_of_frame));
	qsort(g->entries, g->n, sizeof(*g->entries), by_index);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct entry *e = &g->entries[i];
		struct fp_source_file *f = &s->files[e->file_index];

		if (!i || by_index(e, e - 1) != 0) {
			if (!f->n_lines)
				f->first_line = s->n_lines;
			f->n_lines++;
			s->lines[s->n_lines].file = e->file_index;
			s->lines[s->n_lines++].line = e->key;
		}
		fp_source_sums_add(&s->lines[s->n_lines - 1].sums, &g->sums[e->frame]);
		g->line_of_frame[e->frame] = s->n_lines - 1;
	}
	return 0;
}

static int make_functions(struct group *g, const uint32_t *function_of_frame)
{
	struct fp_source_lines *s = g->s;

	s->functions = calloc((size_t)g->n + 1, sizeof(*s->functions));
	if (!s->functions)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n; i++)
		g->entries[i].key = function_of_frame[g->entries[i].frame];
	qsort(g->entries, g->n, sizeof(*g->entries), by_index);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct entry *e = &g->entries[i];

		if (!i || by_index(e, e - 1) != 0) {
			s->functions[s->n_functions].file = e->file_index;
			s->functions[s->n_functions++].frame = e->frame;
		}
		fp_source_sums_add(&s->functions[s->n_functions - 1].sums, &g->sums[e->frame]);
	}
	qsort(s->functions, s->n_functions, sizeof(*s->functions), functions_by_size);
	for (uint32_t i = 0; i < s->n_functions; i++) {
		struct fp_source_file *f = &s->files[s->functions[i].file];

		if (!f->n_functions++)
			f->first_function = i;
	}
	return 0;
}

static int name_nodes(struct group *g, const uint32_t *frame_of_node)
{
	const struct fp_profile *p = g->p;

	g->s->line_of_node = malloc(((size_t)p->n_nodes + 1) * sizeof(*g->s->line_of_node));
	if (!g->s->line_of_node)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_nodes; i++)
		g->s->line_of_node[i] = frame_of_node[i] == FP_SOURCE_NONE ? FP_SOURCE_NONE :
									       g->line_of_frame[frame_of_node[i]];
	return 0;
}

int fp_source_group(const struct fp_profile *p, const struct fp_source_sums *sums, const uint32_t *frame_of_node,
		    struct fp_source_lines *s)
{
	struct group g = { .p = p, .sums = sums, .s = s };
	uint32_t *function_of_frame = fp_function_ids(p, FP_IDS_FUNCTION, true, NULL);
	int err;

	g.entries = calloc((size_t)p->n_frames + 1, sizeof(*g.entries));
	err = g.entries && function_of_frame ? 0 : -ENOMEM;
	for (uint32_t i = 0; !err && i < p->n_frames; i++)
		if (!is_empty(&sums[i]))
			g.entries[g.n++] = (struct entry){ p->frames[i].file, i, p->frames[i].line, 0 };
	if (!err && g.n)
		qsort(g.entries, g.n, sizeof(*g.entries), by_file);
	if (!err)
		err = make_files(&g);
	if (!err) {
		number_entries(&g);
		err = make_lines(&g);
	}
	if (!err)
		err = make_functions(&g, function_of_frame);
	if (!err)
		err = name_nodes(&g, frame_of_node);
	for (uint32_t i = 0; !err && i < s->n_files; i++) {
		fp_source_text_read(s->arena, s->files[i].name, p->cwd ? p->cwd : "", &s->files[i].text);
		s->files[i].changed = p->start_realtime_ns && s->files[i].text.changed_ns > p->start_realtime_ns;
	}
	free(g.line_of_frame);
	free(g.entries);
	free(function_of_frame);
	return err;
}
