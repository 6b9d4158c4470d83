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

/* Text of each frame, made once. */
struct names {
	char **texts;     /* per frame of the profile */
	uint32_t *n_bytes;
	uint32_t n;
};

/* ';' ends a frame, so names must not hold one. */
static char *clean(const char *text)
{
	char *copy = strdup(text);

	for (char *c = copy; c && *c; c++)
		if (*c == ';')
			*c = ',';
	return copy;
}

static void free_names(struct names *names)
{
	for (uint32_t i = 0; names->texts && i < names->n; i++)
		free(names->texts[i]);
	free(names->texts);
	free(names->n_bytes);
}

static int make_names(const struct fp_profile *p, bool lines, struct names *names)
{
	char text[8192];

	names->n = p->n_frames;
	names->texts = calloc((size_t)p->n_frames + 1, sizeof(*names->texts));
	names->n_bytes = calloc((size_t)p->n_frames + 1, sizeof(*names->n_bytes));
	if (!names->texts || !names->n_bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_frames; i++) {
		fp_name_frame(p, &p->frames[i], lines, text, sizeof(text));
		names->texts[i] = clean(text);
		if (!names->texts[i])
			return -ENOMEM;
		names->n_bytes[i] = (uint32_t)strlen(names->texts[i]);
	}
	return 0;
}

static void put_node(const struct names *names, const struct fp_call_node *n, FILE *out)
{
	if (n->label) {
		for (const char *text = n->label; *text; text++)
			putc_unlocked(*text == ';' ? ',' : *text, out);
		return;
	}
	fwrite_unlocked(names->texts[n->frame], 1, names->n_bytes[n->frame], out);
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
	struct names names = { 0 };
	struct fp_call_tree *t;
	int err = fp_call_tree_make(p, &tree_options, &t);

	if (err)
		return err;
	uint32_t *path = malloc(((size_t)t->max_depth + 1) * sizeof(*path));
	err = path ? make_names(p, o->lines, &names) : -ENOMEM;
	for (uint32_t node = next_node(t, 0); node && !err; node = next_node(t, node)) {
		if (!t->nodes[node].self_count)
			continue;
		for (uint32_t n = path_of(t, node, path); n-- > 0;) {
			put_node(&names, &t->nodes[path[n]], out);
			putc_unlocked(n ? ';' : ' ', out);
		}
		fprintf(out, "%" PRIu64 "\n", t->nodes[node].self_count);
	}
	free_names(&names);
	free(path);
	fp_call_tree_destroy(t);
	return err ? err : ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_raw = {
	.name = "raw", .suffix = ".raw", .what = "collapsed stacks, one line each",
	.viewer = "any flame graph tool; speedscope.app", .render = render,
};
