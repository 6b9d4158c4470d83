/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_tree.h.  Model stage, ordinary program.
 */
#include "tools/model/memory_tree.h"

#include <errno.h>
#include <stdlib.h>

static void take_cell(void *ctx, const struct fp_memory_cell *c, const struct fp_memory_sum *sum)
{
	struct fp_memory_tree *t = ctx;

	fp_memory_sum_add(&t->own[c->stack], sum);
}

struct sorting {
	const struct fp_profile *p;
	const struct fp_memory_tree *t;
};

static int by_parent(const void *a, const void *b, void *ctx)
{
	const struct sorting *s = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct fp_memory_sum *of_x = &s->t->total[x], *of_y = &s->t->total[y];

	if (s->p->nodes[x].parent != s->p->nodes[y].parent)
		return s->p->nodes[x].parent > s->p->nodes[y].parent ? 1 : -1;
	if (of_x->bytes != of_y->bytes)
		return of_x->bytes < of_y->bytes ? 1 : -1;
	return (x > y) - (x < y);
}

static void fill(const struct fp_profile *p, struct fp_memory_tree *t)
{
	struct sorting s = {p, t};
	uint32_t n = 0, at = 0;

	/* a parent comes before its children */
	for (uint32_t i = p->n_nodes; i-- > 0;) {
		fp_memory_sum_add(&t->total[i], &t->own[i]);
		if (i)
			fp_memory_sum_add(&t->total[p->nodes[i].parent], &t->total[i]);
	}
	for (uint32_t i = 1; i < p->n_nodes; i++)
		if (t->total[i].n || t->total[i].bytes)
			t->children[n++] = i;
	if (n)
		qsort_r(t->children, n, sizeof(*t->children), by_parent, &s);
	for (uint32_t i = 0; i <= p->n_nodes; i++) {
		t->first_child[i] = at;
		while (at < n && p->nodes[t->children[at]].parent == i)
			at++;
	}
}

int fp_memory_tree_make(const struct fp_profile *p, const struct fp_memory_choice *choice,
			struct fp_memory_tree **ret_tree)
{
	struct fp_memory_tree *t = calloc(1, sizeof(*t));
	size_t n = (size_t)p->n_nodes + 1;

	if (!t)
		return -ENOMEM;
	t->own = calloc(n, sizeof(*t->own));
	t->total = calloc(n, sizeof(*t->total));
	t->children = calloc(n, sizeof(*t->children));
	t->first_child = calloc(n, sizeof(*t->first_child));
	if (!t->own || !t->total || !t->children || !t->first_child) {
		fp_memory_tree_destroy(t);
		return -ENOMEM;
	}
	fp_memory_each(p, choice, take_cell, t);
	fill(p, t);
	*ret_tree = t;
	return 0;
}

void fp_memory_tree_destroy(struct fp_memory_tree *t)
{
	if (!t)
		return;
	free(t->own);
	free(t->total);
	free(t->children);
	free(t->first_child);
	free(t);
}
