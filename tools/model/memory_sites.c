/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_sites.h.  Model stage, ordinary program.
 */
#include "tools/model/memory_sites.h"

#include "tools/model/memory_tree.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct making {
	const struct fp_profile *p;
	struct fp_memory_sites *t;
	const uint32_t *class_of;  /* by frame: the first frame of its class */
	uint32_t *row_of_class;    /* + 1; where rows are not apart */
	struct fp_key_map map;     /* where they are */
	uint32_t room;
	bool apart;
	int err;
};

struct site_key {
	uint32_t frame, thread;
	uint64_t allocator;
};

struct query {
	const struct making *m;
	struct site_key key;
};

static bool same(const void *ctx, uint32_t i)
{
	const struct query *q = ctx;
	const struct fp_memory_site *s = &q->m->t->rows[i];

	return s->frame == q->key.frame && s->thread == q->key.thread && s->allocator == q->key.allocator;
}

static struct fp_memory_site *add_site(struct making *m, const struct site_key *key)
{
	uint32_t i = m->t->n_rows;

	if (i == m->room) {
		uint32_t room = m->room ? m->room * 2 : 256;
		struct fp_memory_site *rows = realloc(m->t->rows, room * sizeof(*rows));

		if (!rows)
			return NULL;
		m->t->rows = rows;
		m->room = room;
	}
	m->t->rows[i] = (struct fp_memory_site){
		.frame = key->frame, .thread = key->thread, .allocator = (uint8_t)key->allocator};
	m->t->n_rows++;
	return &m->t->rows[i];
}

static struct fp_memory_site *site_apart(struct making *m, const struct site_key *key)
{
	struct query q = {m, *key};
	uint64_t hash = fp_key_hash(0, key, sizeof(*key));
	uint32_t i = fp_key_map_find(&m->map, hash, same, &q);

	if (i != FP_KEY_MISSING)
		return &m->t->rows[i];
	return fp_key_map_add(&m->map, hash, m->t->n_rows) ? NULL : add_site(m, key);
}

/* NULL: out of memory. */
static struct fp_memory_site *site_of_class(struct making *m, uint32_t class)
{
	struct site_key key = {class, UINT32_MAX, 0};
	struct fp_memory_site *s;

	if (m->row_of_class[class])
		return &m->t->rows[m->row_of_class[class] - 1];
	s = add_site(m, &key);
	if (s)
		m->row_of_class[class] = m->t->n_rows;
	return s;
}

static void take_cell(void *ctx, const struct fp_memory_cell *c, const struct fp_memory_sum *sum)
{
	struct making *m = ctx;
	uint32_t frame = m->p->nodes[c->stack].frame;
	struct site_key key = {.thread = c->thread, .allocator = c->allocator};
	struct fp_memory_site *s;

	fp_memory_sum_add(&m->t->all, sum);
	if (frame == UINT32_MAX || m->err)
		return;
	key.frame = m->class_of[frame];
	s = m->apart ? site_apart(m, &key) : site_of_class(m, key.frame);
	if (s)
		fp_memory_sum_add(&s->own, sum);
	else
		m->err = -ENOMEM;
}

/* What each stack has goes to all classes in it, once. */
static int add_totals(struct making *m, const struct fp_memory_tree *tree)
{
	const struct fp_profile *p = m->p;
	uint32_t *seen = calloc((size_t)p->n_frames + 1, sizeof(*seen)); /* by class: the last stack, + 1 */
	int err = seen ? 0 : -ENOMEM;

	for (uint32_t node = 1; node < p->n_nodes && !err; node++) {
		if (!tree->own[node].n && !tree->own[node].bytes)
			continue;
		for (uint32_t at = node; at && !err; at = p->nodes[at].parent) {
			uint32_t class = m->class_of[p->nodes[at].frame];
			struct fp_memory_site *s;

			if (seen[class] == node)
				continue;
			seen[class] = node;
			s = site_of_class(m, class);
			if (s)
				fp_memory_sum_add(&s->total, &tree->own[node]);
			else
				err = -ENOMEM;
		}
	}
	free(seen);
	return err;
}

static int by_own(const void *a, const void *b)
{
	const struct fp_memory_site *x = a, *y = b;

	if (x->own.bytes != y->own.bytes)
		return x->own.bytes < y->own.bytes ? 1 : -1;
	if (x->frame != y->frame)
		return x->frame > y->frame ? 1 : -1;
	if (x->thread != y->thread)
		return x->thread > y->thread ? 1 : -1;
	return (x->allocator > y->allocator) - (x->allocator < y->allocator);
}

static int by_total(const void *a, const void *b)
{
	const struct fp_memory_site *x = a, *y = b;

	if (x->total.bytes != y->total.bytes)
		return x->total.bytes < y->total.bytes ? 1 : -1;
	return by_own(a, b);
}

static int by_count(const void *a, const void *b)
{
	const struct fp_memory_site *x = a, *y = b;

	if (x->own.n != y->own.n)
		return x->own.n < y->own.n ? 1 : -1;
	return by_own(a, b);
}

void fp_memory_sites_sort(struct fp_memory_sites *t, enum fp_memory_order order)
{
	if (t->n_rows)
		qsort(t->rows, t->n_rows, sizeof(*t->rows),
		      order == FP_MEMORY_BY_OWN ? by_own : order == FP_MEMORY_BY_TOTAL ? by_total : by_count);
}

static int make(const struct fp_profile *p, const struct fp_memory_choice *choice, enum fp_ids_by by, bool apart,
		bool totals, struct fp_memory_sites **ret_sites)
{
	struct making m = {.p = p, .apart = apart, .t = calloc(1, sizeof(*m.t))};
	uint32_t *class_of = fp_function_ids(p, by, true, NULL);
	struct fp_memory_tree *tree = NULL;

	m.class_of = class_of;
	m.row_of_class = calloc((size_t)p->n_frames + 1, sizeof(*m.row_of_class));
	if (!m.t || !class_of || !m.row_of_class)
		m.err = -ENOMEM;
	else
		fp_memory_each(p, choice, take_cell, &m);
	if (!m.err && totals)
		m.err = fp_memory_tree_make(p, choice, &tree);
	if (tree) {
		m.err = add_totals(&m, tree);
		fp_memory_tree_destroy(tree);
	}
	fp_key_map_free(&m.map);
	free(m.row_of_class);
	free(class_of);
	if (m.err) {
		fp_memory_sites_destroy(m.t);
		return m.err;
	}
	fp_memory_sites_sort(m.t, FP_MEMORY_BY_OWN);
	*ret_sites = m.t;
	return 0;
}

int fp_memory_sites_make(const struct fp_profile *p, const struct fp_memory_choice *choice, enum fp_ids_by by,
			 bool apart, struct fp_memory_sites **ret_sites)
{
	return make(p, choice, by, apart, !apart, ret_sites);
}

int fp_memory_sites_own(const struct fp_profile *p, const struct fp_memory_choice *choice, enum fp_ids_by by,
			struct fp_memory_sites **ret_sites)
{
	return make(p, choice, by, false, false, ret_sites);
}

void fp_memory_sites_destroy(struct fp_memory_sites *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t);
}
