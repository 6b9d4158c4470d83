/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self and total per function or line, callers and callees.  Model stage,
 * ordinary program.  One walk over the prefix tree with a counter of how
 * often each row is on the current path: only the outermost one adds to a
 * total.
 */
#include "tools/model/function_table.h"

#include "tools/model/function_ids.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct node_sum {
	uint32_t first_child, next_sibling;
	uint64_t self_ns, self_gil_ns, self_samples;
	uint64_t total_ns, total_gil_ns, total_samples;
};

struct walk {
	const struct fp_profile *p;
	struct fp_function_table *t;
	struct node_sum *nodes;
	uint32_t *on_path;        /* per row */
	uint32_t *edge_on_path;   /* per edge */
	uint32_t *edge_of_node;
	struct fp_key_map by_edge;
	size_t room_edges, room_edge_paths;
	bool edges;
};

static void sum_nodes(struct walk *w, uint32_t thread)
{
	const struct fp_profile *p = w->p;

	for (size_t i = 0; i < p->n_cells; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		struct node_sum *n = &w->nodes[c->stack];
		uint64_t ns = fp_profile_cell_ns(c);

		if (thread != UINT32_MAX && c->thread != thread)
			continue;
		n->self_ns += ns;
		n->self_gil_ns += c->gil_ns;
		n->self_samples += c->samples;
		w->t->all_ns += ns;
		w->t->all_gil_ns += c->gil_ns;
		w->t->all_samples += c->samples;
		for (int k = 0; c->stack && k < FP_CPU_KINDS; k++)
			w->t->rows[w->t->row_of_frame[p->nodes[c->stack].frame]].self_kind_ns[k] +=
				c->ns[k];
	}
	for (uint32_t i = p->n_nodes; i-- > 0;) {
		struct node_sum *n = &w->nodes[i];

		n->total_ns += n->self_ns;
		n->total_gil_ns += n->self_gil_ns;
		n->total_samples += n->self_samples;
		if (!i)
			break;
		struct node_sum *parent = &w->nodes[p->nodes[i].parent];
		parent->total_ns += n->total_ns;
		parent->total_gil_ns += n->total_gil_ns;
		parent->total_samples += n->total_samples;
		n->next_sibling = parent->first_child;
		parent->first_child = i; /* 0 is the root: no child */
	}
}

static uint32_t find_edge(struct walk *w, uint32_t caller, uint32_t callee)
{
	uint64_t key = (uint64_t)caller << 32 | callee;
	uint32_t at = fp_key_map_find(&w->by_edge, key, NULL, NULL);

	if (at != FP_KEY_MISSING)
		return at;
	if (fp_grow(&w->t->edges, &w->room_edges, w->t->n_edges, sizeof(*w->t->edges)) ||
	    fp_grow(&w->edge_on_path, &w->room_edge_paths, w->t->n_edges,
		    sizeof(*w->edge_on_path)) ||
	    fp_key_map_add(&w->by_edge, key, w->t->n_edges))
		return FP_KEY_MISSING;
	w->t->edges[w->t->n_edges] = (struct fp_row_edge){ .caller = caller, .callee = callee };
	w->edge_on_path[w->t->n_edges] = 0;
	return w->t->n_edges++;
}

static int enter_edge(struct walk *w, uint32_t node, uint32_t row)
{
	const struct node_sum *n = &w->nodes[node];
	uint32_t parent = w->p->nodes[node].parent;

	w->edge_of_node[node] = FP_KEY_MISSING;
	if (!w->edges || !parent)
		return 0;
	uint32_t edge = find_edge(w, w->t->row_of_frame[w->p->nodes[parent].frame], row);
	if (edge == FP_KEY_MISSING)
		return -ENOMEM;
	w->edge_of_node[node] = edge;
	w->t->edges[edge].self_ns += n->self_ns;
	if (!w->edge_on_path[edge]++) {
		w->t->edges[edge].total_ns += n->total_ns;
		w->t->edges[edge].total_samples += n->total_samples;
	}
	return 0;
}

static int enter_node(struct walk *w, uint32_t node)
{
	const struct node_sum *n = &w->nodes[node];
	uint32_t row = w->t->row_of_frame[w->p->nodes[node].frame];
	struct fp_row *r = &w->t->rows[row];

	r->self_ns += n->self_ns;
	r->self_gil_ns += n->self_gil_ns;
	r->self_samples += n->self_samples;
	if (!w->on_path[row]++) {
		r->total_ns += n->total_ns;
		r->total_gil_ns += n->total_gil_ns;
		r->total_samples += n->total_samples;
	}
	return enter_edge(w, node, row);
}

static void leave_node(struct walk *w, uint32_t node)
{
	w->on_path[w->t->row_of_frame[w->p->nodes[node].frame]]--;
	if (w->edge_of_node[node] != FP_KEY_MISSING)
		w->edge_on_path[w->edge_of_node[node]]--;
}

static int walk_tree(struct walk *w)
{
	uint32_t node = w->nodes[0].first_child;

	while (node) {
		if (enter_node(w, node))
			return -ENOMEM;
		if (w->nodes[node].first_child) {
			node = w->nodes[node].first_child;
			continue;
		}
		while (node && !w->nodes[node].next_sibling) {
			leave_node(w, node);
			node = w->p->nodes[node].parent;
		}
		if (node) {
			leave_node(w, node);
			node = w->nodes[node].next_sibling;
		}
	}
	return 0;
}

static int make_rows(struct walk *w, enum fp_table_by by)
{
	const struct fp_profile *p = w->p;
	enum fp_ids_by ids = by == FP_TABLE_LINE ? FP_IDS_LINE :
			     by == FP_TABLE_CODE_NAME ? FP_IDS_CODE_NAME : FP_IDS_FUNCTION;

	w->t->row_of_frame = fp_function_ids(p, ids, false, &w->t->n_rows);
	w->t->rows = calloc((size_t)w->t->n_rows + 1, sizeof(*w->t->rows));
	w->on_path = calloc((size_t)w->t->n_rows + 1, sizeof(*w->on_path));
	w->nodes = calloc(p->n_nodes, sizeof(*w->nodes));
	w->edge_of_node = calloc(p->n_nodes, sizeof(*w->edge_of_node));
	if (!w->t->row_of_frame || !w->t->rows || !w->on_path || !w->nodes || !w->edge_of_node)
		return -ENOMEM;
	for (uint32_t i = p->n_frames; i-- > 0;)
		w->t->rows[w->t->row_of_frame[i]].frame = i;
	return 0;
}

int fp_function_table_make(const struct fp_profile *p, enum fp_table_by by, bool edges,
			   uint32_t thread, struct fp_function_table **ret_table)
{
	struct walk w = { .p = p, .edges = edges, .t = calloc(1, sizeof(*w.t)) };
	int err = w.t ? make_rows(&w, by) : -ENOMEM;

	if (!err) {
		sum_nodes(&w, thread);
		err = walk_tree(&w);
	}
	free(w.on_path);
	free(w.nodes);
	free(w.edge_on_path);
	free(w.edge_of_node);
	fp_key_map_free(&w.by_edge);
	if (err)
		fp_function_table_destroy(w.t);
	else
		*ret_table = w.t;
	return err;
}

void fp_function_table_destroy(struct fp_function_table *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->row_of_frame);
	free(t->edges);
	free(t);
}

struct sort_context {
	const struct fp_profile *p;
	const struct fp_function_table *t;
	enum fp_table_order order;
};

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct sort_context *s = ctx;
	const struct fp_row *x = &s->t->rows[*(const uint32_t *)a];
	const struct fp_row *y = &s->t->rows[*(const uint32_t *)b];
	uint64_t first[2] = { x->self_ns, x->total_ns }, second[2] = { y->self_ns, y->total_ns };
	int major = s->order == FP_ORDER_TOTAL;

	if (s->order != FP_ORDER_NAME)
		for (int i = 0; i < 2; i++, major = !major)
			if (first[major] != second[major])
				return first[major] > second[major] ? -1 : 1;
	const struct fp_frame *f = &s->p->frames[x->frame], *g = &s->p->frames[y->frame];
	int by_name = strcmp(f->qualname, g->qualname);
	if (!by_name)
		by_name = strcmp(f->file, g->file);
	if (!by_name && f->line != g->line)
		by_name = f->line < g->line ? -1 : 1;
	return by_name ? by_name : x->frame < y->frame ? -1 : x->frame > y->frame;
}

uint32_t *fp_function_table_order(const struct fp_profile *p, const struct fp_function_table *t,
				  enum fp_table_order order)
{
	uint32_t *rows = malloc(((size_t)t->n_rows + 1) * sizeof(*rows));
	struct sort_context s = { p, t, order };

	if (!rows)
		return NULL;
	for (uint32_t i = 0; i < t->n_rows; i++)
		rows[i] = i;
	qsort_r(rows, t->n_rows, sizeof(*rows), compare_rows, &s);
	return rows;
}

struct fp_thread_sum *fp_thread_sums(const struct fp_profile *p)
{
	struct fp_thread_sum *sums = calloc((size_t)p->n_threads + 1, sizeof(*sums));

	for (size_t i = 0; sums && i < p->n_cells; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		struct fp_thread_sum *s = &sums[c->thread];

		s->ns += fp_profile_cell_ns(c);
		s->gil_ns += c->gil_ns;
		s->samples += c->samples;
		s->gil_samples += c->gil_samples;
		for (int k = 0; k < FP_CPU_KINDS; k++)
			s->kind_ns[k] += c->ns[k];
	}
	return sums;
}
