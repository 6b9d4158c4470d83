/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Held memory by line.  A line whose stacks together are no leak may have one
 * among them (a function that many call, one of whom keeps what it gets): such
 * stacks make a row of their own.  Model stage, ordinary program.
 */
#include "tools/model/memory_leaks.h"

#include "tools/model/function_ids.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>

/* Facts being summed: the means are still products. */
struct group {
	struct fp_leak_facts facts;
	uint32_t line, stack, process; /* with apart the key; stack is 0 in groups of lines */
	uint32_t n_stacks, largest;    /* of a line: stacks with live blocks, the one with the most */
	uint64_t largest_bytes;
	bool apart;             /* of stacks that leak within a line that does not */
	enum fp_leak_verdict verdict; /* of a whole line */
};

struct groups {
	struct group *items;
	size_t n, room;
	struct fp_key_map map;
};

struct group_query {
	const struct groups *groups;
	const struct group *like;
};

static bool same(const void *ctx, uint32_t i)
{
	const struct group_query *q = ctx;
	const struct group *a = &q->groups->items[i], *b = q->like;

	return a->line == b->line && a->stack == b->stack && a->process == b->process && a->apart == b->apart;
}

/* The group with like's line, stack, process and apart; NULL: out of memory. */
static struct group *group_of(struct groups *g, const struct group *like)
{
	uint32_t key[4] = {like->line, like->stack, like->process, like->apart};
	struct group_query q = {g, like};
	uint64_t hash = fp_key_hash(0, key, sizeof(key));
	uint32_t i = fp_key_map_find(&g->map, hash, same, &q);

	if (i != FP_KEY_MISSING)
		return &g->items[i];
	if (fp_grow(&g->items, &g->room, g->n, sizeof(*g->items)) || fp_key_map_add(&g->map, hash, (uint32_t)g->n))
		return NULL;
	g->items[g->n] = *like;
	return &g->items[g->n++];
}

static void groups_free(struct groups *g)
{
	free(g->items);
	fp_key_map_free(&g->map);
}

static void add_facts(struct fp_leak_facts *to, const struct fp_leak_facts *f)
{
	if (f->live.bytes && (!to->live.bytes || f->first_ms < to->first_ms))
		to->first_ms = f->first_ms;
	fp_memory_sum_add(&to->live, &f->live);
	to->n_allocs += f->n_allocs;
	to->alloc_bytes += f->alloc_bytes;
	to->ups += f->ups;
	to->downs += f->downs;
	to->last_up += f->last_up;
	to->age_ms += f->age_ms;
}

static struct fp_leak_facts facts_of(const struct fp_memory_cell *c)
{
	double w = (double)c->live_bytes;

	return (struct fp_leak_facts){.live = fp_memory_cell_sum(c, FP_VIEW_LEAKS),
				      .n_allocs = c->n_allocs,
				      .alloc_bytes = c->alloc_bytes,
				      .ups = w * c->ups,
				      .downs = w * c->downs,
				      .last_up = w * c->last_up,
				      .age_ms = w * (double)c->age_mean_ms,
				      .first_ms = c->first_ms};
}

static struct fp_leak_clock clock_of(const struct fp_profile *p, uint32_t i)
{
	const struct fp_memory_process *process = &p->memory->processes[i];

	return (struct fp_leak_clock){.n_checkpoints = p->headers[process->header].mem.n_checkpoints,
				      .end_ms = (double)fp_memory_end_ns(p, process) / 1e6};
}

/* CPU of the process at a time, between its points. */
static double cpu_at(const struct fp_profile *p, const struct fp_memory_process *process, double when_ms)
{
	const struct fp_mem_point *points = p->memory->points + process->first_point;
	size_t low = 0, high = process->n_points - 1;
	double from, to, part;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if ((double)points[middle].when_ns / 1e6 <= when_ms)
			low = middle;
		else
			high = middle;
	}
	from = (double)points[low].when_ns / 1e6;
	to = (double)points[high].when_ns / 1e6;
	part = to > from ? (when_ms - from) / (to - from) : 0;
	part = part < 0 ? 0 : part > 1 ? 1 : part;
	return (double)points[low].cpu_ns + part * ((double)points[high].cpu_ns - (double)points[low].cpu_ns);
}

static double cpu_age(const struct fp_profile *p, uint32_t i, const struct fp_leak_facts *f, double end_ms)
{
	const struct fp_memory_process *process = &p->memory->processes[i];
	double end, all;

	if (process->n_points < 2)
		return -1;
	end = cpu_at(p, process, end_ms);
	all = end - cpu_at(p, process, f->first_ms);
	return all > 0 ? (end - cpu_at(p, process, end_ms - f->age_ms)) / all : -1;
}

static struct fp_leak_facts finished(const struct fp_profile *p, const struct group *g)
{
	struct fp_leak_facts f = g->facts;
	double w = f.live.bytes ? (double)f.live.bytes : 1;

	f.ups /= w;
	f.downs /= w;
	f.last_up /= w;
	f.age_ms /= w;
	/* of most lines nothing ever grew, and then it decides nothing */
	f.cpu_age = f.ups > 0 ? cpu_age(p, g->process, &f, clock_of(p, g->process).end_ms) : -1;
	return f;
}

/* The innermost Python frame of a stack, else its leaf. */
static uint32_t owner_of(const struct fp_profile *p, uint32_t stack)
{
	for (uint32_t at = stack; at; at = p->nodes[at].parent)
		if (p->frames[p->nodes[at].frame].kind == FP_FRAME_PYTHON)
			return p->nodes[at].frame;
	return p->nodes[stack].frame;
}

/* As group_of(), by the stack alone, whose line is always the same: group_at
 * says where its group is, + 1, in the last process that had it. */
static struct group *group_of_stack(const struct fp_profile *p, struct groups *g, const uint32_t *line_of,
				    uint32_t *group_at, uint32_t stack, uint32_t process)
{
	struct group *group = group_at[stack] ? &g->items[group_at[stack] - 1] : NULL;
	uint32_t owner;

	if (group && group->process == process)
		return group;
	if (fp_grow(&g->items, &g->room, g->n, sizeof(*g->items)))
		return NULL;
	owner = owner_of(p, stack);
	group = &g->items[g->n++];
	*group = (struct group){
		.stack = stack, .process = process, .line = owner == UINT32_MAX ? UINT32_MAX : line_of[owner]};
	group_at[stack] = (uint32_t)g->n;
	return group;
}

static int gather_stacks(const struct fp_profile *p, uint32_t only, const uint32_t *line_of, struct groups *stacks)
{
	const struct fp_memory *m = p->memory;
	uint32_t *group_at = calloc((size_t)p->n_nodes + 1, sizeof(*group_at));
	int err = group_at ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < m->n_processes && !err; i++) {
		const struct fp_memory_cell *c = m->cells + m->processes[i].first_cell;

		for (size_t k = 0; k < m->processes[i].n_cells && !err && (only == UINT32_MAX || only == i);
		     k++, c++) {
			struct fp_leak_facts f = facts_of(c);
			struct group *g;

			if (!fp_memory_is_heap(c->allocator) || !c->n_allocs)
				continue;
			g = group_of_stack(p, stacks, line_of, group_at, c->stack, i);
			if (g)
				add_facts(&g->facts, &f);
			else
				err = -ENOMEM;
		}
	}
	free(group_at);
	return err;
}

/* Adds the stack to the row of its line. */
static int add_to_line(struct groups *lines, const struct group *stack, bool apart)
{
	struct group like = {.line = stack->line, .process = stack->process, .apart = apart};
	struct group *g = group_of(lines, &like);

	if (!g)
		return -ENOMEM;
	add_facts(&g->facts, &stack->facts);
	g->n_stacks += stack->facts.live.bytes != 0;
	if (stack->facts.live.bytes >= g->largest_bytes) {
		g->largest_bytes = stack->facts.live.bytes;
		g->largest = stack->stack;
	}
	return 0;
}

static enum fp_leak_verdict judge(const struct fp_profile *p, const struct group *g)
{
	struct fp_leak_facts f = finished(p, g);
	struct fp_leak_clock clock = clock_of(p, g->process);

	return fp_leak_judge(&f, &clock);
}

/* Rows of lines out of groups of stacks. */
static int gather_lines(const struct fp_profile *p, struct groups *stacks, struct groups *lines)
{
	struct groups whole = {0};
	int err = 0;

	for (size_t i = 0; i < stacks->n && !err; i++)
		err = add_to_line(&whole, &stacks->items[i], false);
	for (size_t i = 0; i < whole.n && !err; i++)
		whole.items[i].verdict = judge(p, &whole.items[i]);
	for (size_t i = 0; i < stacks->n && !err; i++) {
		struct group like = {.line = stacks->items[i].line, .process = stacks->items[i].process};
		const struct group *line = group_of(&whole, &like);
		bool apart = line && line->verdict != FP_LEAK_YES && judge(p, &stacks->items[i]) == FP_LEAK_YES;

		err = line ? add_to_line(lines, &stacks->items[i], apart) : -ENOMEM;
	}
	groups_free(&whole);
	return err;
}

static int by_verdict(const void *a, const void *b)
{
	const struct fp_leak *x = a, *y = b;

	if (x->verdict != y->verdict)
		return x->verdict > y->verdict ? 1 : -1;
	if (x->facts.live.bytes != y->facts.live.bytes)
		return x->facts.live.bytes < y->facts.live.bytes ? 1 : -1;
	if (x->process != y->process)
		return x->process > y->process ? 1 : -1;
	return (x->frame > y->frame) - (x->frame < y->frame);
}

static void fill(const struct fp_profile *p, const struct groups *lines, struct fp_leaks *l)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct group *g = &lines->items[i];
		struct fp_leak *row = &l->rows[l->n_rows];

		if (!g->facts.live.bytes && !g->facts.live.n)
			continue;
		*row = (struct fp_leak){.frame = g->line,
					.stack = g->largest,
					.n_stacks = g->n_stacks,
					.process = g->process,
					.facts = finished(p, g),
					.verdict = judge(p, g)};
		row->score = fp_leak_score(&row->facts);
		row->span_ms = clock_of(p, g->process).end_ms - row->facts.first_ms;
		fp_memory_sum_add(&l->all, &row->facts.live);
		if (row->verdict == FP_LEAK_YES) {
			l->n_leaks++;
			fp_memory_sum_add(&l->leaked, &row->facts.live);
		}
		l->n_rows++;
	}
	if (l->n_rows)
		qsort(l->rows, l->n_rows, sizeof(*l->rows), by_verdict);
}

int fp_leaks_make(const struct fp_profile *p, uint32_t process, struct fp_leaks **ret_leaks)
{
	uint32_t *line_of = fp_function_ids(p, FP_IDS_LINE, true, NULL);
	struct groups stacks = {0}, lines = {0};
	struct fp_leaks *l = calloc(1, sizeof(*l));
	int err = line_of && l ? 0 : -ENOMEM;

	if (!err)
		err = gather_stacks(p, process, line_of, &stacks);
	if (!err)
		err = gather_lines(p, &stacks, &lines);
	if (!err) {
		l->rows = calloc(lines.n + 1, sizeof(*l->rows));
		err = l->rows ? 0 : -ENOMEM;
	}
	if (!err) {
		fill(p, &lines, l);
		*ret_leaks = l;
	} else {
		fp_leaks_destroy(l);
	}
	groups_free(&stacks);
	groups_free(&lines);
	free(line_of);
	return err;
}

void fp_leaks_destroy(struct fp_leaks *l)
{
	if (!l)
		return;
	free(l->rows);
	free(l);
}
