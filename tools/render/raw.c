/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collapsed stacks as py-spy's raw: root;...;leaf COUNT.  Render stage;
 * streams, one line per stack that has samples of its own.
 */
#include "tools/model/call_tree.h"
#include "tools/model/names.h"
#include "tools/render/render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ';' ends a frame, so names must not hold one. */
static void put_frame(FILE *out, const char *text)
{
	for (; *text; text++)
		putc_unlocked(*text == ';' ? ',' : *text, out);
}

static void put_node(const struct fp_profile *p, const struct fp_call_node *n, bool lines,
		     FILE *out)
{
	char text[8192];

	if (n->label) {
		put_frame(out, n->label);
		return;
	}
	fp_name_frame(p, &p->frames[n->frame], lines, text, sizeof(text));
	put_frame(out, text);
}

/* Node ids from the leaf to below "all". */
static uint32_t path_of(const struct fp_call_tree *t, uint32_t node, uint32_t *path)
{
	uint32_t n = 0;

	for (; node; node = t->nodes[node].parent)
		path[n++] = node;
	return n;
}

/* Preorder, so that equal prefixes stand together and the order is by name. */
static uint32_t next_node(const struct fp_call_tree *t, uint32_t node)
{
	if (t->nodes[node].first_child != FP_CALL_NONE)
		return t->nodes[node].first_child;
	while (node && t->nodes[node].next_sibling == FP_CALL_NONE)
		node = t->nodes[node].parent;
	return node ? t->nodes[node].next_sibling : 0;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_call_tree_options tree_options = { .threads = o->threads, .lines = o->lines,
						     .process_roots = o->process_roots };
	struct fp_call_tree *t;
	int err = fp_call_tree_make(p, &tree_options, &t);

	if (err)
		return err;
	uint32_t *path = malloc(((size_t)t->max_depth + 1) * sizeof(*path));
	if (!path) {
		fp_call_tree_destroy(t);
		return -ENOMEM;
	}
	for (uint32_t node = next_node(t, 0); node; node = next_node(t, node)) {
		if (!t->nodes[node].self_count)
			continue;
		for (uint32_t n = path_of(t, node, path); n-- > 0;) {
			put_node(p, &t->nodes[path[n]], o->lines, out);
			putc_unlocked(n ? ';' : ' ', out);
		}
		fprintf(out, "%" PRIu64 "\n", t->nodes[node].self_count);
	}
	free(path);
	fp_call_tree_destroy(t);
	return ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_raw = {
	.name = "raw", .suffix = ".raw", .what = "collapsed stacks, one line each",
	.viewer = "any flame graph tool; speedscope.app", .render = render,
};
