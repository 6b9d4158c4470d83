/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory from the roots down: the branches that hold the most, as an indented
 * tree, and the whole as JSON: nodes that name their parents, since readers of
 * JSON dislike deep nesting.  Render stage; streams.
 */
#include "tools/model/memory_tree.h"
#include "tools/render/memory_text.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST_SHARE 100 /* branches below 1 % are counted, not shown */
#define LIMIT 400       /* lines */

struct put {
	const struct fp_profile *p;
	const struct fp_memory_tree *t;
	FILE *out;
	uint32_t n_shown, limit;
	struct fp_json_out *j;
};

/* A place on the way through the tree. */
struct step {
	uint32_t node, next;    /* next: index into children */
	uint32_t number;        /* among the nodes of the JSON */
};

static bool is_shown(const struct put *u, uint32_t node)
{
	return (u->j || u->t->total[node].bytes >= u->t->total[0].bytes / LEAST_SHARE) && u->n_shown < u->limit;
}

static void put_line(struct put *u, uint32_t node, uint32_t depth)
{
	const struct fp_memory_sum *total = &u->t->total[node], *own = &u->t->own[node];
	char size[FP_SUM_TEXT], self[FP_SUM_TEXT], place[512];
	double share = u->t->total[0].bytes ? 100.0 * (double)total->bytes / (double)u->t->total[0].bytes : 0;

	fprintf(u->out, "%24s %5.1f%%  %*s%s", fp_memory_sum_text(total, size), share, (int)(depth < 60 ? depth : 60), "",
		fp_memory_place_text(u->p, u->p->nodes[node].frame, true, place, sizeof(place)));
	if (own->bytes && u->t->first_child[node] != u->t->first_child[node + 1])
		fprintf(u->out, "  [itself %s]", fp_memory_sum_text(own, self));
	fputc('\n', u->out);
	u->n_shown++;
}

static void put_node(struct put *u, const struct step *parent, uint32_t node)
{
	fp_json_newline(u->j);
	fp_json_open(u->j, '{');
	fp_json_key(u->j, "parent");
	if (parent->node)
		fp_json_uint(u->j, parent->number);
	else
		fp_json_null(u->j);
	fp_memory_json_place(u->j, u->p, u->p->nodes[node].frame, true);
	fp_memory_json_sum(u->j, "", &u->t->total[node]);
	fp_memory_json_sum(u->j, "own_", &u->t->own[node]);
	fp_json_close(u->j, '}');
	u->n_shown++;
}

/* Depth first, largest first; a stack of steps, as stacks may be deep. */
static int walk(struct put *u, uint32_t max_depth)
{
	struct step *steps = malloc((max_depth + 2) * sizeof(*steps));
	uint32_t depth = 0;

	if (!steps)
		return -ENOMEM;
	steps[0] = (struct step){0, u->t->first_child[0], 0};
	for (;;) {
		struct step *at = &steps[depth];
		uint32_t child, number = u->n_shown;

		if (at->next == u->t->first_child[at->node + 1]) {
			if (!depth--)
				break;
			continue;
		}
		child = u->t->children[at->next++];
		if (!is_shown(u, child))
			continue;
		if (u->j)
			put_node(u, at, child);
		else
			put_line(u, child, depth);
		steps[++depth] = (struct step){child, u->t->first_child[child], number};
	}
	free(steps);
	return 0;
}

static uint32_t max_depth_of(const struct fp_profile *p, uint32_t *depths)
{
	uint32_t most = 0;

	for (uint32_t i = 1; i < p->n_nodes; i++) {
		depths[i] = depths[p->nodes[i].parent] + 1;
		if (depths[i] > most)
			most = depths[i];
	}
	return most;
}

static int put_text(struct put *u, enum fp_memory_view view, uint32_t max_depth)
{
	char title[96];
	int err;

	snprintf(title, sizeof(title), "memory by caller, %s", fp_memory_view_name(view));
	fp_memory_text_head(u->p, title, u->out);
	fprintf(u->out, "%24s %6s  %s\n", "bytes", "share", "who calls whom; branches below 1 % are left out");
	err = walk(u, max_depth);
	if (u->n_shown == u->limit)
		fprintf(u->out, "%24s %6s  the first %u lines\n", "", "", u->limit);
	return err;
}

static int put_json(struct put *u, enum fp_memory_view view, uint32_t max_depth)
{
	struct fp_json_out j;
	int err = fp_json_begin(&j, u->out, false), ended;

	if (err)
		return err;
	u->j = &j;
	fp_memory_json_head(&j, u->p, "tree");
	fp_json_key(&j, "view");
	fp_json_string(&j, fp_memory_view_name(view));
	fp_memory_json_sum(&j, "", &u->t->total[0]);
	fp_json_key(&j, "nodes");
	fp_json_open(&j, '[');
	err = walk(u, max_depth);
	fp_json_close(&j, ']');
	ended = fp_memory_json_end(&j);
	return err ? err : ended;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_memory_choice choice = {o->view, UINT32_MAX};
	struct put u = {.p = p, .out = out, .limit = o->limit ? o->limit : o->json ? UINT32_MAX : LIMIT};
	struct fp_memory_tree *t = NULL;
	uint32_t *depths = NULL;
	int err = fp_memory_text_check(p);

	if (err)
		return err;
	depths = calloc((size_t)p->n_nodes + 1, sizeof(*depths));
	err = depths ? fp_memory_tree_make(p, &choice, &t) : -ENOMEM;
	u.t = t;
	if (!err)
		err = o->json ? put_json(&u, o->view, max_depth_of(p, depths)) :
				put_text(&u, o->view, max_depth_of(p, depths));
	fp_memory_tree_destroy(t);
	free(depths);
	return err ? err : fp_memory_text_end(out);
}

static int render_json(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_render_options json = *o;

	json.json = true;
	return render(p, &json, out);
}

const struct fp_renderer fp_render_memory_tree = {
	.family = FP_FAMILY_MEMRAY,
	.name = "tree",
	.suffix = ".tree.txt",
	.what = "who called whom, the largest first, at the peak",
	.viewer = "any pager",
	.render = render,
};

const struct fp_renderer fp_render_memory_tree_json = {
	.family = FP_FAMILY_MEMRAY,
	.name = "tree",
	.suffix = ".tree.json",
	.what = "the same as JSON",
	.viewer = "jq, any JSON reader",
	.render = render_json,
};
