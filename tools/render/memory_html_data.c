/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of the interactive memory page as columns.  Render stage, ordinary
 * program.
 */
#include "tools/render/memory_html_data.h"

#include "tools/model/names.h"
#include "tools/read/key_map.h"
#include "tools/render/palette.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct function {
	const struct fp_frame *frame; /* any of its lines */
};

/* Numbers for strings, functions and frames, by first use. */
struct tables {
	const struct fp_profile *p;
	struct fp_key_map string_map, function_map;
	const char **strings;
	size_t n_strings, room_strings;
	struct function *functions;
	size_t n_functions, room_functions;
	uint32_t *frames;         /* in order of first use */
	uint32_t *number_of_frame; /* NONE: not used */
	uint32_t n_frames;
};

static int number_string(struct tables *t, const char *text, uint32_t *ret_number)
{
	/* readers intern: the address is the text */
	uint64_t key = (uint64_t)(uintptr_t)text;
	uint32_t found = fp_key_map_find(&t->string_map, key, NULL, NULL);

	if (found == FP_KEY_MISSING) {
		if (fp_grow(&t->strings, &t->room_strings, t->n_strings, sizeof(*t->strings)) ||
		    fp_key_map_add(&t->string_map, key, (uint32_t)t->n_strings))
			return -ENOMEM;
		found = (uint32_t)t->n_strings;
		t->strings[t->n_strings++] = text;
	}
	*ret_number = found;
	return 0;
}

struct function_question {
	const struct tables *t;
	const struct fp_frame *frame;
};

static bool is_same_function(const void *ctx, uint32_t index)
{
	const struct function_question *q = ctx;
	const struct fp_frame *a = q->frame, *b = q->t->functions[index].frame;

	return a->qualname == b->qualname && a->file == b->file && a->first_line == b->first_line &&
	       a->kind == b->kind;
}

static int number_function(struct tables *t, const struct fp_frame *f, uint32_t *ret_number)
{
	uint64_t parts[4] = {(uint64_t)(uintptr_t)f->qualname, (uint64_t)(uintptr_t)f->file, f->first_line, f->kind};
	uint64_t key = fp_key_hash(0, parts, sizeof(parts));
	struct function_question q = {t, f};
	uint32_t found = fp_key_map_find(&t->function_map, key, is_same_function, &q);

	if (found == FP_KEY_MISSING) {
		if (fp_grow(&t->functions, &t->room_functions, t->n_functions, sizeof(*t->functions)) ||
		    fp_key_map_add(&t->function_map, key, (uint32_t)t->n_functions))
			return -ENOMEM;
		found = (uint32_t)t->n_functions;
		t->functions[t->n_functions++].frame = f;
	}
	*ret_number = found;
	return 0;
}

/* 0 for one that was not seen yet, else how far back its number lies. */
static void put_by_first_use(struct fp_pack *out, uint32_t number, uint32_t *n_seen)
{
	fp_pack_number(out, number == *n_seen ? 0 : *n_seen - number);
	*n_seen += number == *n_seen;
}

static bool is_libpython(const struct fp_profile *p, const char *file)
{
	const char *name = strrchr(file, '/');

	name = name ? name + 1 : file;
	for (uint32_t i = 0; i < p->n_headers; i++)
		if (p->headers[i].python_library[0] && strcmp(p->headers[i].python_library, file) == 0)
			return true;
	return strncmp(name, "libpython", 9) == 0 || strncmp(name, "python3", 7) == 0;
}

static unsigned flags_of(const struct fp_profile *p, const struct fp_frame *f)
{
	enum fp_origin origin = fp_name_origin(f);
	const char *name = strrchr(f->file, '/');
	unsigned flags = origin;

	name = name ? name + 1 : f->file;
	if (origin == FP_ORIGIN_STDLIB &&
	    (strncmp(f->file, "<frozen importlib", 17) == 0 || strncmp(f->file, "<frozen zipimport", 17) == 0 ||
	     strstr(f->file, "/importlib/") || strcmp(name, "zipimport.py") == 0))
		flags |= FP_FUNCTION_IMPORT;
	if (origin == FP_ORIGIN_STDLIB && (strcmp(name, "runpy.py") == 0 || strcmp(name, "<frozen runpy>") == 0))
		flags |= FP_FUNCTION_INTERPRETER;
	if (origin == FP_ORIGIN_NATIVE && is_libpython(p, f->file))
		flags |= FP_FUNCTION_INTERPRETER;
	return flags;
}

static int number_frames(struct tables *t, const struct fp_page_tree *tree)
{
	t->frames = malloc(((size_t)t->p->n_frames + 1) * sizeof(*t->frames));
	t->number_of_frame = malloc(((size_t)t->p->n_frames + 1) * sizeof(*t->number_of_frame));
	if (!t->frames || !t->number_of_frame)
		return -ENOMEM;
	memset(t->number_of_frame, 0xff, (size_t)t->p->n_frames * sizeof(*t->number_of_frame));
	for (uint32_t i = 1; i < tree->n_nodes; i++) {
		uint32_t f = tree->frames[i];

		if (t->number_of_frame[f] == NONE) {
			t->number_of_frame[f] = t->n_frames;
			t->frames[t->n_frames++] = f;
		}
	}
	return 0;
}

static int put_functions(struct tables *t, struct fp_pack *columns)
{
	static const int n_columns = 8;
	uint32_t *values = malloc((t->n_functions + 1) * n_columns * sizeof(*values)), *v = values;
	int err = values ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < t->n_functions; i++, v += n_columns) {
		const struct fp_frame *f = t->functions[i].frame;
		struct fp_colour c = fp_colour_of_frame(f);
		const char *shown = fp_name_short_file(f->file, t->p->cwd);

		if (f->kind == FP_FRAME_NATIVE && strrchr(shown, '/'))
			shown = strrchr(shown, '/') + 1;
		err = number_string(t, f->qualname, &v[0]);
		if (!err)
			err = number_string(t, f->file, &v[1]);
		if (!err)
			err = number_string(t, shown, &v[2]);
		v[3] = f->first_line;
		v[4] = flags_of(t->p, f);
		v[5] = c.r;
		v[6] = c.g;
		v[7] = c.b;
	}
	fp_pack_number(columns, t->n_functions);
	for (int c = 0; !err && c < n_columns; c++)
		for (size_t i = 0; i < t->n_functions; i++)
			fp_pack_number(columns, values[i * n_columns + (size_t)c]);
	free(values);
	return err;
}

static int put_frames(struct tables *t, const struct fp_page_tree *tree, struct fp_pack *out)
{
	struct fp_pack columns = {0}, lines = {0};
	uint32_t n_seen = 0, number = 0;
	int err = number_frames(t, tree);

	for (uint32_t i = 0; !err && i < t->n_frames; i++) {
		const struct fp_frame *f = &t->p->frames[t->frames[i]];

		err = number_function(t, f, &number);
		put_by_first_use(&lines, number, &n_seen);
	}
	for (uint32_t i = 0; !err && i < t->n_frames; i++)
		fp_pack_number(&lines, t->p->frames[t->frames[i]].line);
	if (!err)
		err = put_functions(t, &columns);
	if (!err) {
		size_t n_bytes = 0;

		for (size_t i = 0; i < t->n_strings; i++)
			n_bytes += strlen(t->strings[i]) + 1;
		fp_pack_number(out, n_bytes);
		for (size_t i = 0; i < t->n_strings; i++)
			fp_pack_bytes(out, t->strings[i], strlen(t->strings[i]) + 1);
		fp_pack_bytes(out, columns.bytes, columns.n);
		fp_pack_number(out, t->n_frames);
		fp_pack_bytes(out, lines.bytes, lines.n);
		err = columns.err ? columns.err : lines.err;
	}
	fp_pack_free(&columns);
	fp_pack_free(&lines);
	return err;
}

static int put_nodes(const struct tables *t, const struct fp_page_tree *tree, struct fp_pack *out)
{
	uint32_t *depths = calloc(tree->n_nodes, sizeof(*depths));
	uint32_t n_seen = 0;

	if (!depths)
		return -ENOMEM;
	fp_pack_number(out, tree->n_nodes);
	for (uint32_t i = 1; i < tree->n_nodes; i++) {
		depths[i] = depths[tree->parents[i]] + 1;
		fp_pack_number(out, depths[i - 1] + 1 - depths[i]);
	}
	for (uint32_t i = 1; i < tree->n_nodes; i++)
		put_by_first_use(out, t->number_of_frame[tree->frames[i]], &n_seen);
	free(depths);
	return 0;
}

static unsigned how(const struct fp_page_row *r, int view)
{
	if (!r->n[view] && !r->bytes[view])
		return 0;
	return r->n[view] == r->n[FP_VIEW_ALL] && r->bytes[view] == r->bytes[FP_VIEW_ALL] ? 1 : 2;
}

static void put_rows(const struct fp_page_tree *tree, struct fp_pack *out)
{
	static const int views[] = {FP_VIEW_PEAK, FP_VIEW_LEAKS, FP_VIEW_TEMPORARY};
	const struct fp_page_row *rows = tree->rows;
	size_t n = tree->n_rows;

	fp_pack_number(out, n);
	for (size_t i = 0; i < n; i++)
		fp_pack_number(out, rows[i].node - (i ? rows[i - 1].node : 0));
	for (size_t i = 0; i < n; i++)
		fp_pack_number(out, rows[i].thread);
	for (size_t i = 0; i < n; i++)
		fp_pack_number(out, rows[i].allocator);
	for (size_t i = 0; i < n; i++)
		fp_pack_number(out, how(&rows[i], views[0]) | how(&rows[i], views[1]) << 2 |
					    how(&rows[i], views[2]) << 4 | (rows[i].sampled ? 64 : 0));
	for (size_t i = 0; i < n; i++)
		fp_pack_number(out, rows[i].n[FP_VIEW_ALL]);
	for (size_t i = 0; i < n; i++)
		fp_pack_number(out, rows[i].bytes[FP_VIEW_ALL]);
	for (int v = 0; v < 3; v++) {
		for (size_t i = 0; i < n; i++)
			if (how(&rows[i], views[v]) == 2)
				fp_pack_number(out, rows[i].n[views[v]]);
		for (size_t i = 0; i < n; i++)
			if (how(&rows[i], views[v]) == 2)
				fp_pack_number(out, rows[i].bytes[views[v]]);
	}
	for (int v = 0; v < FP_MEMORY_VARIANCES; v++)
		for (size_t i = 0; i < n; i++)
			if (rows[i].sampled)
				fp_pack_number(out, (uint64_t)lround(16 * log2(1 + sqrt(fmax(rows[i].variance[v],
											    0)))));
}

void fp_memory_data_tree(const struct fp_profile *p, const struct fp_page_tree *tree, struct fp_pack *out)
{
	struct tables t = {.p = p};
	int err = put_frames(&t, tree, out);

	if (!err)
		err = put_nodes(&t, tree, out);
	if (!err)
		put_rows(tree, out);
	if (err && !out->err)
		out->err = err;
	fp_key_map_free(&t.string_map);
	fp_key_map_free(&t.function_map);
	free(t.strings);
	free(t.functions);
	free(t.frames);
	free(t.number_of_frame);
}
