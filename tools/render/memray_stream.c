/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every event of a process as Memray would have written it.  Memray has no
 * stack ids: a thread pushes and pops frames, and an allocation takes what
 * stands there.  Render stage; memory does not grow with the stream.
 */
#include "tools/render/memray_bin.h"

#include <errno.h>
#include <stdlib.h>

struct writing {
	const struct fp_memray_bin *b;
	uint32_t *standing;    /* trace of each thread */
	bool *is_named;
	uint32_t *pushes;      /* traces on their way, innermost first */
	uint32_t thread;       /* of the last record, UINT32_MAX none */
	uint32_t map;
};

/* What ends a block from before the hooks says nothing. */
static bool is_record(const struct fp_memray_bin *b, const struct fp_memory_event *e)
{
	return e->kind != FP_MEMORY_TIME && e->cell - b->process->first_cell < b->process->n_cells &&
	       fp_memory_is_heap(b->p->memory->cells[e->cell].allocator);
}

struct counting {
	const struct fp_memray_bin *b;
	uint64_t n;
};

static int count_event(void *ctx, const struct fp_memory_event *e)
{
	struct counting *c = ctx;

	c->n += is_record(c->b, e);
	return 0;
}

int fp_memray_stream_count(const struct fp_memray_bin *b, uint64_t *ret_n_records)
{
	struct counting c = { .b = b };
	int err = fp_memory_events(b->p, b->process, count_event, &c);

	if (!err)
		*ret_n_records = c.n;
	return err;
}

/* Of an event: who did it, or, where that is not known, who had allocated. */
static void put_thread(struct writing *w, const struct fp_memory_event *e)
{
	uint32_t thread = e->thread < w->b->p->n_threads ? e->thread : w->b->p->memory->cells[e->cell].thread;

	if (w->thread == thread)
		return;
	w->thread = thread;
	fp_memray_put_thread(w->b->out, w->b->tids[thread]);
	if (!w->is_named[thread])
		fp_memray_put_thread_name(w->b->out, w->b->p->threads[thread].name);
	w->is_named[thread] = true;
}

/* From the stack where the thread stands to another. */
static void put_stack(struct writing *w, uint32_t trace)
{
	const struct fp_memray_trace *traces = w->b->stacks->traces;
	uint32_t from = w->standing[w->thread], to = trace, n_pops = 0, n_pushes = 0;

	while (from != to) {
		if (traces[from].depth >= traces[to].depth) {
			from = traces[from].parent;
			n_pops++;
		} else {
			w->pushes[n_pushes++] = to;
			to = traces[to].parent;
		}
	}
	fp_memray_put_pop(w->b->out, n_pops);
	while (n_pushes--)
		fp_memray_put_push(w->b->out, traces[w->pushes[n_pushes]].code,
				   traces[w->pushes[n_pushes]].is_entry);
	w->standing[w->thread] = trace;
}

static void put_alloc(struct writing *w, const struct fp_memory_event *e)
{
	const struct fp_memray_bin *b = w->b;
	const struct fp_memray_stack *stack = &b->stacks->of_cell[e->cell - b->process->first_cell];
	uint8_t allocator = b->p->memory->cells[e->cell].allocator;

	/* A stack may have been made before its objects' map began, never after. */
	while (b->stacks->has_native && w->map < stack->map)
		fp_memray_put_map(b, ++w->map);
	put_thread(w, e);
	put_stack(w, stack->trace);
	fp_memray_put_alloc(b->out, fp_memray_allocator(allocator), e->address, e->size,
			    stack->native);
}

static int put_event(void *ctx, const struct fp_memory_event *e)
{
	struct writing *w = ctx;
	const struct fp_memray_bin *b = w->b;

	if (e->kind == FP_MEMORY_TIME)
		fp_memray_put_rss(b->out, e->when_ms, e->rss_bytes);
	if (!is_record(b, e))
		return 0;
	switch (e->kind) {
	case FP_MEMORY_ALLOC:
		put_alloc(w, e);
		break;
	case FP_MEMORY_FREE:
		put_thread(w, e);
		fp_memray_put_free(b->out,
				   fp_memray_is_python(b->p->memory->cells[e->cell].allocator),
				   e->address);
		break;
	case FP_MEMORY_UNMAP:
		put_thread(w, e);
		fp_memray_put_unmap(b->out, e->address, e->size);
		break;
	case FP_MEMORY_TIME:
		break;
	}
	return 0;
}

int fp_memray_stream_put(const struct fp_memray_bin *b)
{
	const struct fp_memray_stacks *s = b->stacks;
	struct writing w = { .b = b, .thread = UINT32_MAX };
	uint32_t deepest = 0;
	int err = -ENOMEM;

	for (size_t i = 0; i < s->n_traces; i++)
		if (s->traces[i].depth > deepest)
			deepest = s->traces[i].depth;
	w.standing = calloc((size_t)b->p->n_threads + 1, sizeof(*w.standing));
	w.is_named = calloc((size_t)b->p->n_threads + 1, sizeof(*w.is_named));
	w.pushes = calloc((size_t)deepest + 1, sizeof(*w.pushes));
	if (w.standing && w.is_named && w.pushes) {
		for (size_t i = 0; i < s->n_codes; i++)
			fp_memray_put_code(b->out, i + 1, s->codes[i]);
		for (size_t i = 1; i < s->n_natives; i++)
			fp_memray_put_native(b->out, s->natives[i].ip, s->natives[i].parent);
		if (s->has_native)
			fp_memray_put_map(b, 0);
		err = fp_memory_events(b->p, b->process, put_event, &w);
	}
	free(w.standing);
	free(w.is_named);
	free(w.pushes);
	return err;
}
