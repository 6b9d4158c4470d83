/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells become the tree that graphs draw.  Model stage, ordinary program.
 */
#include "tools/model/call_tree.h"

#include "tools/model/function_ids.h"
#include "tools/model/names.h"
#include "tools/model/process_tree.h"
#include "tools/read/arena.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct making {
	const struct fp_profile *p;
	const struct fp_call_tree_options *o;
	struct fp_call_tree *t;
	size_t room;
	uint32_t *shown_frame;   /* frame -> the frame that stands for it */
	uint32_t *node_of;       /* profile node -> tree node, valid when stamped */
	uint32_t *stamp;
	uint32_t *parent_of;     /* of processes */
	uint32_t *chain;         /* room for one process and its parents */
	struct fp_key_map by_place; /* parent and frame, or parent and label */
};

static uint32_t new_node(struct making *m, uint32_t parent, uint32_t frame, const char *label)
{
	struct fp_call_tree *t = m->t;

	if (fp_grow(&t->nodes, &m->room, t->n_nodes, sizeof(*t->nodes)))
		return FP_CALL_NONE;
	t->nodes[t->n_nodes] = (struct fp_call_node){
		.parent = parent, .frame = frame, .label = label,
		.first_child = FP_CALL_NONE, .next_sibling = FP_CALL_NONE,
	};
	return t->n_nodes++;
}

static uint32_t label_node(struct making *m, uint32_t parent, const char *text)
{
	uint64_t h = fp_key_hash(0x1abe100000000ull + parent, text, strlen(text)) | 1ull << 63;
	uint32_t at = fp_key_map_find(&m->by_place, h, NULL, NULL);

	if (at != FP_KEY_MISSING)
		return at;
	const char *label = fp_arena_copy(m->t->arena, text, strlen(text));
	at = label ? new_node(m, parent, FP_CALL_NONE, label) : FP_CALL_NONE;
	if (at == FP_CALL_NONE || fp_key_map_add(&m->by_place, h, at))
		return FP_CALL_NONE;
	return at;
}

static uint32_t frame_node(struct making *m, uint32_t parent, uint32_t frame)
{
	uint64_t key = (uint64_t)parent << 32 | frame; /* parent < 2^31: no label has this key */
	uint32_t at = fp_key_map_find(&m->by_place, key, NULL, NULL);

	if (at != FP_KEY_MISSING)
		return at;
	at = new_node(m, parent, frame, NULL);
	if (at == FP_CALL_NONE || at > INT32_MAX || fp_key_map_add(&m->by_place, key, at))
		return FP_CALL_NONE;
	return at;
}

/* The node of a process, below those of its parents. */
static uint32_t node_of_process(struct making *m, uint32_t process)
{
	char text[4400];
	uint32_t n = 0, at = 0;

	for (; process != FP_PROCESS_NONE; process = m->parent_of[process])
		m->chain[n++] = process;
	while (n-- && at != FP_CALL_NONE) {
		fp_name_process(&m->p->processes[m->chain[n]], text, sizeof(text));
		at = label_node(m, at, text);
	}
	return at;
}

/* The node that the frames of a thread hang under. */
static uint32_t root_of(struct making *m, uint32_t thread)
{
	const struct fp_profile_thread *t = &m->p->threads[thread];
	char text[4400];
	uint32_t at = m->o->process_roots ? node_of_process(m, t->process) : 0;

	if (m->o->threads && at != FP_CALL_NONE) {
		fp_name_thread(t, text, sizeof(text));
		at = label_node(m, at, text);
	}
	return at;
}

/* Depth-first up the stack until a node that is known, then down again. */
static uint32_t place_stack(struct making *m, uint32_t stack, uint32_t root, uint32_t group,
			    uint32_t **path, size_t *room)
{
	size_t n = 0;
	uint32_t at = root;

	for (; stack; stack = m->p->nodes[stack].parent) {
		if (m->stamp[stack] == group) {
			at = m->node_of[stack];
			break;
		}
		if (fp_grow(path, room, n, sizeof(**path)))
			return FP_CALL_NONE;
		(*path)[n++] = stack;
	}
	while (n-- && at != FP_CALL_NONE) {
		uint32_t node = (*path)[n];

		at = frame_node(m, at, m->shown_frame[m->p->nodes[node].frame]);
		m->stamp[node] = group;
		m->node_of[node] = at;
	}
	return at;
}

static uint32_t group_of(const struct making *m, uint32_t thread)
{
	return m->o->threads ? thread + 1 :
	       m->o->process_roots ? m->p->threads[thread].process + 1 : 1;
}

struct cell_order {
	uint32_t group, cell;
};

static int by_group(const void *a, const void *b)
{
	const struct cell_order *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static int place_cells(struct making *m)
{
	const struct fp_profile *p = m->p;
	struct cell_order *order = malloc((p->n_cells + 1) * sizeof(*order));
	uint32_t *path = NULL, root = 0, last_group = 0;
	size_t room = 0;
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->n_cells && !err; i++)
		order[i] = (struct cell_order){ group_of(m, p->cells[i].thread), (uint32_t)i };
	if (!err && (m->o->threads || m->o->process_roots))
		qsort(order, p->n_cells, sizeof(*order), by_group);
	for (size_t i = 0; i < p->n_cells && !err; i++) {
		const struct fp_profile_cell *c = &p->cells[order[i].cell];
		uint64_t ns = fp_profile_cell_ns(c);

		if (!ns)
			continue;
		if (order[i].group != last_group) {
			root = root_of(m, c->thread);
			last_group = order[i].group;
		}
		uint32_t at = root == FP_CALL_NONE ? root :
			      place_stack(m, c->stack, root, last_group, &path, &room);
		if (at == FP_CALL_NONE) {
			err = -ENOMEM;
			break;
		}
		m->t->nodes[at].self_ns += ns;
		m->t->nodes[at].self_gil_ns += c->gil_ns;
	}
	free(order);
	free(path);
	return err;
}

struct remainder {
	uint64_t part;
	uint32_t node;
};

static int by_part(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->part != y->part)
		return x->part > y->part ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Samples at the nominal rate; what rounding down left goes to the largest
 * remainders, so that the sum stays the sum. */
static int count_samples(struct fp_call_tree *t, uint32_t rate_hz, uint64_t all_ns)
{
	struct remainder *rest = malloc((size_t)t->n_nodes * sizeof(*rest));
	uint64_t given = 0;
	uint64_t want = (uint64_t)(((unsigned __int128)all_ns * rate_hz + 500000000u) / 1000000000u);

	if (!rest)
		return -ENOMEM;
	if (!want && all_ns)
		want = 1; /* less than half a sample is still something */
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		unsigned __int128 exact = (unsigned __int128)t->nodes[i].self_ns * rate_hz;

		t->nodes[i].self_count = (uint64_t)(exact / 1000000000u);
		rest[i] = (struct remainder){ (uint64_t)(exact % 1000000000u), i };
		given += t->nodes[i].self_count;
	}
	qsort(rest, t->n_nodes, sizeof(*rest), by_part);
	for (uint32_t i = 0; i < t->n_nodes && given < want; i++, given++)
		t->nodes[rest[i].node].self_count++;
	free(rest);
	return 0;
}

struct ranking {
	const struct fp_profile *p;
	uint32_t frame;
};

static int by_frame_name(const void *a, const void *b)
{
	const struct ranking *x = a, *y = b;
	const struct fp_frame *f = &x->p->frames[x->frame], *g = &y->p->frames[y->frame];
	int order = f->qualname == g->qualname ? 0 : strcmp(f->qualname, g->qualname);

	if (!order && f->file != g->file)
		order = strcmp(f->file, g->file);
	if (!order && f->line != g->line)
		order = f->line < g->line ? -1 : 1;
	if (!order && x->frame != y->frame)
		order = x->frame < y->frame ? -1 : 1;
	return order;
}

static int by_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Siblings by name; labels first, in order of appearance. */
static int link_children(const struct fp_profile *p, struct fp_call_tree *t)
{
	struct ranking *ranks = malloc(((size_t)p->n_frames + 1) * sizeof(*ranks));
	uint32_t *rank_of = malloc(((size_t)p->n_frames + 1) * sizeof(*rank_of));
	uint64_t *order = malloc((size_t)t->n_nodes * sizeof(*order));
	bool room = ranks && rank_of && order;

	for (uint32_t i = 0; room && i < p->n_frames; i++)
		ranks[i] = (struct ranking){ p, i };
	if (room && p->n_frames)
		qsort(ranks, p->n_frames, sizeof(*ranks), by_frame_name);
	for (uint32_t i = 0; room && i < p->n_frames; i++)
		rank_of[ranks[i].frame] = i + 1;
	for (uint32_t i = 0; room && i < t->n_nodes; i++) {
		uint32_t frame = t->nodes[i].frame;
		order[i] = (uint64_t)(frame == FP_CALL_NONE ? 0 : rank_of[frame]) << 32 | i;
	}
	if (room)
		qsort(order, t->n_nodes, sizeof(*order), by_u64);
	for (uint32_t i = t->n_nodes; room && i-- > 0;) {
		uint32_t node = (uint32_t)order[i];
		uint32_t parent = t->nodes[node].parent;

		if (!node)
			continue;
		t->nodes[node].next_sibling = t->nodes[parent].first_child;
		t->nodes[parent].first_child = node;
	}
	free(ranks);
	free(rank_of);
	free(order);
	return room ? 0 : -ENOMEM;
}

static int sum_up(const struct fp_profile *p, struct fp_call_tree *t)
{
	uint32_t *depth = calloc(t->n_nodes, sizeof(*depth));
	uint64_t all_ns = 0;
	int err;

	if (!depth)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		all_ns += t->nodes[i].self_ns;
		if (i)
			depth[i] = depth[t->nodes[i].parent] + 1;
		if (depth[i] > t->max_depth)
			t->max_depth = depth[i];
	}
	free(depth);
	err = count_samples(t, p->rate_hz ? p->rate_hz : 100, all_ns);
	for (uint32_t i = t->n_nodes; !err && i-- > 0;) {
		struct fp_call_node *n = &t->nodes[i], *parent = &t->nodes[n->parent];

		n->total_ns += n->self_ns;
		n->total_gil_ns += n->self_gil_ns;
		n->total_count += n->self_count;
		if (!i)
			break;
		parent->total_ns += n->total_ns;
		parent->total_gil_ns += n->total_gil_ns;
		parent->total_count += n->total_count;
	}
	return err;
}

int fp_call_tree_make(const struct fp_profile *p, const struct fp_call_tree_options *o,
		      struct fp_call_tree **ret_tree)
{
	struct making m = { .p = p, .o = o, .t = calloc(1, sizeof(*m.t)) };
	int err = -ENOMEM;

	if (m.t)
		m.t->arena = fp_arena_create();
	m.stamp = calloc(p->n_nodes, sizeof(*m.stamp));
	m.node_of = malloc((size_t)p->n_nodes * sizeof(*m.node_of));
	m.shown_frame = fp_function_ids(p, o->lines ? FP_IDS_LINE : FP_IDS_FUNCTION, true, NULL);
	m.parent_of = fp_parents_of_processes(p);
	m.chain = malloc(((size_t)p->n_processes + 1) * sizeof(*m.chain));
	if (m.t && m.t->arena && m.stamp && m.node_of && m.shown_frame && m.parent_of && m.chain &&
	    new_node(&m, 0, FP_CALL_NONE, "all") == 0)
		err = place_cells(&m);
	if (!err)
		err = sum_up(p, m.t);
	if (!err)
		err = link_children(p, m.t);
	free(m.stamp);
	free(m.node_of);
	free(m.shown_frame);
	free(m.parent_of);
	free(m.chain);
	fp_key_map_free(&m.by_place);
	if (err)
		fp_call_tree_destroy(m.t);
	else
		*ret_tree = m.t;
	return err;
}

void fp_call_tree_destroy(struct fp_call_tree *t)
{
	if (!t)
		return;
	free(t->nodes);
	fp_arena_destroy(t->arena);
	free(t);
}
