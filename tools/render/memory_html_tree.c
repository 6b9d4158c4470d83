/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks that have memory and their sums.  Render stage, ordinary program.
 */
#include "tools/render/memory_html_tree.h"

#include "tools/read/bucket_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define MEASURES (FP_MEMORY_VIEWS + 1) /* bytes of each view, and how often was allocated */

/* Where a cell goes. */
struct place {
	uint32_t node, thread, kind, cell;
};

static bool is_shown(const struct fp_profile *p, const struct fp_memory_cell *c)
{
	return c->allocator != FP_ALLOCATOR_CARRIER && c->thread < p->n_threads && c->stack < p->n_nodes;
}

/* Readers make parents first; a tree by somebody else may not. */
static uint32_t parent_of(const struct fp_profile *p, uint32_t node)
{
	return p->nodes[node].parent < node ? p->nodes[node].parent : 0;
}

static void mark_used(const struct fp_profile *p, unsigned char *used)
{
	for (size_t i = 0; p->memory && i < p->memory->n_cells; i++)
		if (is_shown(p, &p->memory->cells[i]))
			used[p->memory->cells[i].stack] = 1;
	for (uint32_t i = p->n_nodes; i-- > 1;)
		if (used[i])
			used[parent_of(p, i)] = 1;
	used[0] = 1;
}

static double measure_of(const struct fp_memory_cell *c, int measure)
{
	switch (measure) {
	case FP_VIEW_PEAK:
		return (double)c->peak_bytes;
	case FP_VIEW_LEAKS:
		return (double)c->live_bytes;
	case FP_VIEW_ALL:
		return (double)c->alloc_bytes;
	case FP_VIEW_TEMPORARY:
		return (double)c->temporary_bytes;
	default:
		return (double)c->n_allocs;
	}
}

/* The largest share that a node and what is below it have of any measure. */
static int rank_nodes(const struct fp_profile *p, float *scores)
{
	double *sums = malloc((size_t)p->n_nodes * sizeof(*sums));

	if (!sums)
		return -ENOMEM;
	for (int m = 0; m < MEASURES; m++) {
		memset(sums, 0, (size_t)p->n_nodes * sizeof(*sums));
		for (size_t i = 0; i < p->memory->n_cells; i++)
			if (is_shown(p, &p->memory->cells[i]))
				sums[p->memory->cells[i].stack] += measure_of(&p->memory->cells[i], m);
		for (uint32_t i = p->n_nodes; i-- > 1;)
			sums[parent_of(p, i)] += sums[i];
		for (uint32_t i = 0; sums[0] > 0 && i < p->n_nodes; i++)
			if (sums[i] / sums[0] > (double)scores[i])
				scores[i] = (float)(sums[i] / sums[0]);
	}
	free(sums);
	return 0;
}

static int by_score(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Unmarks all but the max_nodes with the best scores.  A caller has no less
 * than those that it calls and comes before them, so callers stay. */
static int fold(const struct fp_profile *p, uint32_t max_nodes, unsigned char *used, struct fp_page_tree *t)
{
	float *scores = calloc(p->n_nodes, sizeof(*scores));
	float *sorted = malloc((size_t)p->n_nodes * sizeof(*sorted));
	uint32_t n_used = 0, n_better = 0;
	int err = scores && sorted ? rank_nodes(p, scores) : -ENOMEM;

	for (uint32_t i = 0; !err && i < p->n_nodes; i++)
		if (used[i])
			sorted[n_used++] = scores[i];
	if (!err && n_used > max_nodes) {
		qsort(sorted, n_used, sizeof(*sorted), by_score);
		float least = sorted[max_nodes - 1];

		while (sorted[n_better] > least)
			n_better++;
		for (uint32_t i = 1, n_equal = n_better + (scores[0] <= least); i < p->n_nodes; i++) {
			if (!used[i] || scores[i] > least)
				continue;
			if (scores[i] < least || n_equal >= max_nodes) {
				used[i] = 0;
				t->n_folded++;
				t->folded_share = t->folded_share > (double)scores[i] ? t->folded_share :
											(double)scores[i];
			} else {
				n_equal++;
			}
		}
	}
	free(scores);
	free(sorted);
	return err;
}

/* Numbers the used nodes in preorder, children in the profile's order. */
static int order_nodes(const struct fp_profile *p, const unsigned char *used, struct fp_page_tree *t,
		       uint32_t *index_of)
{
	uint32_t *first = malloc((size_t)p->n_nodes * sizeof(*first));
	uint32_t *next = malloc((size_t)p->n_nodes * sizeof(*next));
	uint32_t node = 0, n_used = 0;

	if (!first || !next) {
		free(first);
		free(next);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		first[i] = next[i] = NONE;
		n_used += used[i];
	}
	for (uint32_t i = p->n_nodes; i-- > 1;)
		if (used[i]) {
			next[i] = first[parent_of(p, i)];
			first[parent_of(p, i)] = i;
		}
	t->parents = calloc(n_used, sizeof(*t->parents));
	t->frames = calloc(n_used, sizeof(*t->frames));
	while (t->parents && t->frames) {
		index_of[node] = t->n_nodes;
		t->parents[t->n_nodes] = node ? index_of[parent_of(p, node)] : 0;
		t->frames[t->n_nodes++] = p->nodes[node].frame;
		if (first[node] != NONE) {
			node = first[node];
			continue;
		}
		while (node && next[node] == NONE)
			node = parent_of(p, node);
		if (!node)
			break;
		node = next[node];
	}
	free(first);
	free(next);
	return t->parents && t->frames ? 0 : -ENOMEM;
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static uint32_t node_of(const void *place)
{
	return ((const struct place *)place)->node;
}

static void add_cell(struct fp_page_row *r, const struct fp_memory_cell *c)
{
	r->n[FP_VIEW_PEAK] += c->n_peak;
	r->n[FP_VIEW_LEAKS] += c->n_live;
	r->n[FP_VIEW_ALL] += c->n_allocs;
	r->n[FP_VIEW_TEMPORARY] += c->n_temporary;
	r->bytes[FP_VIEW_PEAK] += c->peak_bytes;
	r->bytes[FP_VIEW_LEAKS] += c->live_bytes;
	r->bytes[FP_VIEW_ALL] += c->alloc_bytes;
	r->bytes[FP_VIEW_TEMPORARY] += c->temporary_bytes;
	r->variance[FP_VIEW_PEAK] += c->peak_variance;
	r->variance[FP_VIEW_LEAKS] += c->live_variance;
	r->variance[FP_VIEW_ALL] += c->alloc_variance;
}

static int make_rows(const struct fp_profile *p, const uint32_t *index_of, struct fp_page_tree *t)
{
	const struct fp_memory *m = p->memory;
	struct place *places = malloc((m->n_cells + 1) * sizeof(*places));
	size_t n = 0;

	t->rows = calloc(m->n_cells + 1, sizeof(*t->rows));
	t->row_of_cell = malloc((m->n_cells + 1) * sizeof(*t->row_of_cell));
	if (!places || !t->rows || !t->row_of_cell) {
		free(places);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->n_cells; i++) {
		const struct fp_memory_cell *c = &m->cells[i];

		t->row_of_cell[i] = NONE;
		if (is_shown(p, c))
			places[n++] = (struct place){index_of[c->stack], c->thread, c->allocator * 2u + c->sampled,
						     (uint32_t)i};
	}
	fp_bucket_sort(places, n, sizeof(*places), t->n_nodes, node_of, by_place);
	for (size_t i = 0; i < n; i++) {
		const struct place *at = &places[i];
		struct fp_page_row *r = &t->rows[t->n_rows];

		if (i && at->node == at[-1].node && at->thread == at[-1].thread && at->kind == at[-1].kind)
			r--;
		else
			t->n_rows++;
		r->node = at->node;
		r->thread = at->thread;
		r->allocator = (uint8_t)(at->kind / 2);
		r->sampled = at->kind & 1;
		add_cell(r, &m->cells[at->cell]);
		t->row_of_cell[at->cell] = (uint32_t)(t->n_rows - 1);
	}
	free(places);
	return 0;
}

int fp_page_tree_make(const struct fp_profile *p, uint32_t max_nodes, struct fp_page_tree **ret_tree)
{
	struct fp_page_tree *t = calloc(1, sizeof(*t));
	unsigned char *used = calloc((size_t)p->n_nodes + 1, 1);
	uint32_t *index_of = calloc((size_t)p->n_nodes + 1, sizeof(*index_of));
	int err = t && used && index_of ? 0 : -ENOMEM;

	if (!err) {
		mark_used(p, used);
		if (max_nodes && p->memory)
			err = fold(p, max_nodes, used, t);
	}
	if (!err)
		err = order_nodes(p, used, t, index_of);
	for (uint32_t i = 1; !err && i < p->n_nodes; i++)
		if (!used[i])
			index_of[i] = index_of[parent_of(p, i)];
	if (!err && p->memory)
		err = make_rows(p, index_of, t);
	if (!err)
		*ret_tree = t;
	else
		fp_page_tree_destroy(t);
	free(used);
	free(index_of);
	return err;
}

void fp_page_tree_destroy(struct fp_page_tree *t)
{
	if (!t)
		return;
	free(t->parents);
	free(t->frames);
	free(t->rows);
	free(t->row_of_cell);
	free(t);
}
