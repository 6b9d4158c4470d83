/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life spans of blocks for the interactive memory page: per row of the tree,
 * step of birth and step of end, how many and how much.  Render stage; reads the
 * stream once, in memory that depends on rows and steps only.
 */
#include "tools/render/memory_html_data.h"

#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS 120u
#define NEVER 255u             /* as end: lives to the last step */
#define RECORDS_MAX (1u << 20) /* more are left out, and their bytes are told */

struct span {
	uint32_t row;
	uint8_t birth, end;
	uint64_t n, bytes;
};

struct spans {
	const struct fp_page_tree *tree;
	struct fp_key_map map;
	struct span *spans;
	size_t n, room;
	uint64_t span_ms, left_out_bytes;
	int err;
};

static unsigned step_of(const struct spans *s, uint64_t when_ms)
{
	uint64_t step = when_ms * STEPS / s->span_ms;

	return step < STEPS ? (unsigned)step : STEPS - 1;
}

static struct span *span_of(struct spans *s, uint32_t row, unsigned birth, unsigned end)
{
	uint64_t key = (uint64_t)row << 16 | birth << 8 | end;
	uint32_t found = fp_key_map_find(&s->map, key, NULL, NULL);

	if (found != FP_KEY_MISSING)
		return &s->spans[found];
	if (s->n >= RECORDS_MAX)
		return NULL;
	if (fp_grow(&s->spans, &s->room, s->n, sizeof(*s->spans)) || fp_key_map_add(&s->map, key, (uint32_t)s->n)) {
		s->err = -ENOMEM;
		return NULL;
	}
	s->spans[s->n] = (struct span){.row = row, .birth = (uint8_t)birth, .end = (uint8_t)end};
	return &s->spans[s->n++];
}

/* Every block is added as living for ever at its birth, and moved when it ends. */
static int take(void *ctx, const struct fp_memory_event *e)
{
	struct spans *s = ctx;
	uint32_t row = e->kind == FP_MEMORY_TIME || e->cell == UINT32_MAX ? UINT32_MAX : s->tree->row_of_cell[e->cell];
	struct span *lives, *ended;

	if (row == UINT32_MAX)
		return 0;
	if (e->kind == FP_MEMORY_ALLOC) {
		lives = span_of(s, row, step_of(s, e->when_ms), NEVER);
		if (lives) {
			lives->n++;
			lives->bytes += e->size;
		} else {
			s->left_out_bytes += e->size;
		}
		return s->err;
	}
	lives = span_of(s, row, step_of(s, e->born_ms), NEVER);
	if (!lives || lives->bytes < e->size || !lives->n)
		return s->err;
	lives->n -= e->kind == FP_MEMORY_FREE || lives->bytes == e->size;
	lives->bytes -= e->size;
	if (step_of(s, e->born_ms) == step_of(s, e->when_ms))
		return 0; /* no range shows it */
	ended = span_of(s, row, step_of(s, e->born_ms), step_of(s, e->when_ms));
	if (ended) {
		/* span_of may have moved the array */
		ended->n++;
		ended->bytes += e->size;
	}
	return s->err;
}

static int by_row(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->birth != y->birth)
		return x->birth < y->birth ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static void put(struct spans *s, uint32_t process, struct fp_pack *out)
{
	uint32_t row = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->spans[i].bytes)
			s->spans[n++] = s->spans[i];
	qsort(s->spans, n, sizeof(*s->spans), by_row);
	fp_pack_number(out, process);
	fp_pack_number(out, STEPS);
	fp_pack_number(out, s->span_ms);
	fp_pack_number(out, s->left_out_bytes);
	fp_pack_number(out, n);
	for (size_t i = 0; i < n; i++) {
		fp_pack_number(out, s->spans[i].row - row);
		row = s->spans[i].row;
		fp_pack_number(out, s->spans[i].birth);
		fp_pack_number(out, s->spans[i].end);
		fp_pack_number(out, s->spans[i].n);
		fp_pack_number(out, s->spans[i].bytes);
	}
}

static uint64_t span_of_points(const struct fp_memory *m, const struct fp_memory_process *q)
{
	return q->n_points ? m->points[q->first_point + q->n_points - 1].when_ns / 1000000 + 1 : 1;
}

void fp_memory_data_range(const struct fp_profile *p, const struct fp_page_tree *tree, struct fp_pack *out)
{
	const struct fp_memory *m = p->memory;

	for (uint32_t i = 0; m && i < m->n_processes && !out->err; i++) {
		struct spans s = {.tree = tree, .span_ms = span_of_points(m, &m->processes[i])};
		int err = fp_memory_events(p, &m->processes[i], take, &s);

		if (!err && s.n)
			put(&s, i, out);
		else if (err == -ENOMEM || s.err)
			out->err = -ENOMEM;
		fp_key_map_free(&s.map);
		free(s.spans);
	}
}
