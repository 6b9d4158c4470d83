/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads pstats files, ours or cProfile's.  They hold callers and callees, not
 * stacks: stacks are made by giving each caller its share, as flameprof does,
 * so totals are right and long paths are an estimate.  Reader stage.
 */
#include "tools/read/key_map.h"
#include "tools/read/marshal.h"
#include "tools/read/readers.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOMINAL_HZ 100u
#define SMALLEST_SHARE 1e-4 /* of the whole: smaller branches stay with the caller */
#define DEPTH_MAX 200

struct call {
	uint32_t callee;
	double total;       /* seconds of callee under this caller */
};

struct function {
	uint32_t frame;
	double own, total;
	bool has_caller, on_path;
	struct call *calls;
	size_t n_calls, room_calls;
};

struct graph {
	const struct fp_read_job *job;
	const struct fp_marshal *m;
	struct function *functions;
	size_t n, room;
	struct fp_key_map by_frame;
	uint32_t thread;
	double whole;           /* the largest total */
};

static const struct fp_marshal_item *item_of(const struct graph *g, uint32_t index)
{
	return &g->m->all[index];
}

static double number_at(const struct graph *g, const struct fp_marshal_item *tuple, uint32_t i)
{
	const struct fp_marshal_item *x = item_of(g, tuple->items[i]);
	return x->kind == FP_MARSHAL_NUMBER && x->number > 0 && x->number < 7.2e7 ? x->number : 0;
}

/* The function of a key (file, line, name); UINT32_MAX: not one, or memory. */
static uint32_t function_of(struct graph *g, uint32_t key)
{
	const struct fp_marshal_item *t = item_of(g, key);
	struct fp_builder *b = g->job->b;

	if (t->kind != FP_MARSHAL_TUPLE || t->n != 3)
		return UINT32_MAX;
	const struct fp_marshal_item *file = item_of(g, t->items[0]), *name = item_of(g, t->items[2]);
	if (file->kind != FP_MARSHAL_TEXT || name->kind != FP_MARSHAL_TEXT)
		return UINT32_MAX;
	bool builtin = file->n == 1 && file->text[0] == '~';
	struct fp_frame f = { .kind = FP_FRAME_PYTHON,
			      .first_line = (uint32_t)number_at(g, t, 1) };
	f.name = f.qualname = fp_builder_string(b, name->text, name->n);
	f.file = fp_builder_string(b, builtin ? "" : file->text, builtin ? 0 : file->n);
	if (!f.name || !f.file)
		return UINT32_MAX;
	uint32_t frame = fp_builder_frame(b, &f);
	uint32_t at = fp_key_map_find(&g->by_frame, frame, NULL, NULL);
	if (frame == UINT32_MAX || at != FP_KEY_MISSING)
		return at;
	if (fp_grow(&g->functions, &g->room, g->n, sizeof(*g->functions)) ||
	    fp_key_map_add(&g->by_frame, frame, (uint32_t)g->n))
		return UINT32_MAX;
	g->functions[g->n] = (struct function){ .frame = frame };
	return (uint32_t)g->n++;
}

static int take_callers(struct graph *g, uint32_t callee, const struct fp_marshal_item *callers)
{
	for (uint32_t i = 0; i + 1 < callers->n; i += 2) {
		const struct fp_marshal_item *v = item_of(g, callers->items[i + 1]);
		uint32_t caller = function_of(g, callers->items[i]);

		if (caller == UINT32_MAX || v->kind != FP_MARSHAL_TUPLE || v->n != 4)
			return -EBADMSG;
		struct function *f = &g->functions[caller];
		if (caller == callee)
			continue; /* recursion is within its own total already */
		if (fp_grow(&f->calls, &f->room_calls, f->n_calls, sizeof(*f->calls)))
			return -ENOMEM;
		f->calls[f->n_calls++] = (struct call){ callee, number_at(g, v, 3) };
		g->functions[callee].has_caller = true;
	}
	return 0;
}

static int take_functions(struct graph *g)
{
	const struct fp_marshal_item *root = item_of(g, g->m->root);

	for (uint32_t i = 0; i + 1 < root->n; i += 2) {
		const struct fp_marshal_item *v = item_of(g, root->items[i + 1]);
		uint32_t at = function_of(g, root->items[i]);

		if (at == UINT32_MAX || v->kind != FP_MARSHAL_TUPLE || v->n != 5 ||
		    item_of(g, v->items[4])->kind != FP_MARSHAL_DICT)
			return -EBADMSG;
		g->functions[at].own = number_at(g, v, 2);
		g->functions[at].total = number_at(g, v, 3);
		if (g->functions[at].total > g->whole)
			g->whole = g->functions[at].total;
		int err = take_callers(g, at, item_of(g, v->items[4]));
		if (err)
			return err;
	}
	return 0;
}

/* Puts seconds of function at under parent; what no callee takes is its own. */
static int expand(struct graph *g, uint32_t at, uint32_t parent, double seconds, int depth)
{
	struct function *f = &g->functions[at];
	uint32_t node = fp_builder_node(g->job->b, parent, f->frame);
	double left = seconds, scale = f->total > 0 ? seconds / f->total : 0;
	int err = node == UINT32_MAX ? -ENOMEM : 0;

	f->on_path = true;
	for (size_t i = 0; i < f->n_calls && !err && depth < DEPTH_MAX; i++) {
		double part = f->calls[i].total * scale;

		part = part < left ? part : left;
		if (g->functions[f->calls[i].callee].on_path || !(part > g->whole * SMALLEST_SHARE))
			continue;
		err = expand(g, f->calls[i].callee, node, part, depth + 1);
		left -= part;
	}
	f->on_path = false;
	if (err || left <= 0)
		return err;
	struct fp_profile_cell cell = { .thread = g->thread, .stack = node,
					.samples = (uint64_t)(left * NOMINAL_HZ + 0.5) };
	cell.ns[FP_CPU_PYTHON] = (uint64_t)(left * 1e9 + 0.5);
	return fp_builder_cell(g->job->b, &cell);
}

static int make_stacks(struct graph *g, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *title = fp_builder_string(g->job->b, base, strlen(base));
	int err = 0;

	g->thread = title ? fp_read_single_thread(g->job->b, title) : UINT32_MAX;
	if (g->thread == UINT32_MAX)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n && !err; i++)
		if (!g->functions[i].has_caller && g->functions[i].total > 0)
			err = expand(g, i, 0, g->functions[i].total, 0);
	return err;
}

int fp_read_prof(const struct fp_read_job *job, const char *path, const char *bytes,
		 size_t n_bytes)
{
	struct fp_marshal m;
	struct graph g = { .job = job, .m = &m };
	int err = fp_marshal_read(&m, bytes, n_bytes);

	fp_builder_profile(job->b)->rate_hz = NOMINAL_HZ;
	if (!err)
		err = take_functions(&g);
	if (!err)
		err = make_stacks(&g, path);
	for (size_t i = 0; i < g.n; i++)
		free(g.functions[i].calls);
	free(g.functions);
	fp_key_map_free(&g.by_frame);
	fp_marshal_free(&m);
	if (err == -ENOMEM)
		return fp_read_refuse(job, err, "not enough memory to read %s", path);
	if (err)
		return fp_read_refuse(job, err, "%s is not a whole .prof file (a marshalled pstats "
				      "dictionary): give the .filperf directory", path);
	return 0;
}
