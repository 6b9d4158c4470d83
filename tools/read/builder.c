/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interning of strings, frames, stacks and cells into one profile.  Reader
 * stage, ordinary program, one thread; out of memory is an answer, not an end.
 */
#include "tools/read/builder.h"

#include "tools/read/key_map.h"
#include "tools/read/memory_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fp_builder {
	struct fp_profile *p;
	const char **strings;
	size_t n_strings, room_strings;
	size_t room_frames, room_nodes, room_processes, room_threads, room_cells, room_samples;
	struct fp_key_map by_string, by_frame, by_node, by_cell;
};

struct fp_builder *fp_builder_create(void)
{
	struct fp_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->p = calloc(1, sizeof(*b->p));
	if (b->p)
		b->p->arena = fp_arena_create();
	if (!b->p || !b->p->arena ||
	    fp_grow(&b->p->nodes, &b->room_nodes, 0, sizeof(*b->p->nodes))) {
		fp_builder_destroy(b);
		return NULL;
	}
	b->p->nodes[0] = (struct fp_stack_node){ .parent = 0, .frame = UINT32_MAX };
	b->p->n_nodes = 1;
	b->p->label = b->p->source = b->p->command = b->p->cwd = b->p->filter = "";
	b->p->damage = b->p->unnamed = "";
	return b;
}

static void free_maps(struct fp_builder *b)
{
	fp_key_map_free(&b->by_string);
	fp_key_map_free(&b->by_frame);
	fp_key_map_free(&b->by_node);
	fp_key_map_free(&b->by_cell);
	free(b->strings);
	free(b);
}

void fp_builder_destroy(struct fp_builder *b)
{
	if (!b)
		return;
	fp_profile_destroy(b->p);
	free_maps(b);
}

struct fp_profile *fp_builder_finish(struct fp_builder *b)
{
	struct fp_profile *p = b->p;

	free_maps(b);
	return p;
}

void fp_profile_destroy(struct fp_profile *p)
{
	if (!p)
		return;
	free(p->frames);
	free(p->nodes);
	free(p->processes);
	free(p->threads);
	free(p->cells);
	free(p->samples);
	free(p->headers);
	fp_memory_destroy(p->memory);
	fp_arena_destroy(p->arena);
	free(p);
}

struct fp_profile *fp_builder_profile(struct fp_builder *b)
{
	return b->p;
}

struct fp_arena *fp_builder_arena(struct fp_builder *b)
{
	return b->p->arena;
}

struct string_query {
	const struct fp_builder *b;
	const char *text;
};

static bool same_string(const void *ctx, uint32_t index)
{
	const struct string_query *q = ctx;
	return strcmp(q->b->strings[index], q->text) == 0;
}

const char *fp_builder_string(struct fp_builder *b, const char *bytes, size_t n_bytes)
{
	const char *text = fp_arena_text(b->p->arena, bytes, n_bytes);

	if (!text)
		return NULL;
	struct string_query q = { b, text };
	uint64_t h = fp_key_hash(1, text, strlen(text));
	uint32_t at = fp_key_map_find(&b->by_string, h, same_string, &q);
	if (at != FP_KEY_MISSING)
		return b->strings[at];
	if (fp_grow(&b->strings, &b->room_strings, b->n_strings, sizeof(*b->strings)) ||
	    fp_key_map_add(&b->by_string, h, (uint32_t)b->n_strings))
		return NULL;
	b->strings[b->n_strings++] = text;
	return text;
}

struct frame_query {
	const struct fp_builder *b;
	const struct fp_frame *f;
};

static bool same_frame(const void *ctx, uint32_t index)
{
	const struct frame_query *q = ctx;
	const struct fp_frame *a = &q->b->p->frames[index], *f = q->f;

	return a->kind == f->kind && a->name == f->name && a->qualname == f->qualname &&
	       a->file == f->file && a->line == f->line && a->column == f->column &&
	       a->first_line == f->first_line && a->inlined == f->inlined;
}

uint32_t fp_builder_frame(struct fp_builder *b, const struct fp_frame *f)
{
	struct fp_profile *p = b->p;
	const void *names[3] = { f->name, f->qualname, f->file };
	uint32_t numbers[5] = { f->kind, f->line, f->column, f->first_line, f->inlined };
	uint64_t h = fp_key_hash(fp_key_hash(2, names, sizeof(names)), numbers, sizeof(numbers));
	struct frame_query q = { b, f };
	uint32_t at = fp_key_map_find(&b->by_frame, h, same_frame, &q);

	if (at != FP_KEY_MISSING)
		return at;
	if (p->n_frames >= UINT32_MAX - 1 ||
	    fp_grow(&p->frames, &b->room_frames, p->n_frames, sizeof(*p->frames)) ||
	    fp_key_map_add(&b->by_frame, h, p->n_frames))
		return UINT32_MAX;
	p->frames[p->n_frames] = *f;
	return p->n_frames++;
}

uint32_t fp_builder_node(struct fp_builder *b, uint32_t parent, uint32_t frame)
{
	struct fp_profile *p = b->p;
	uint64_t key = (uint64_t)parent << 32 | frame;
	uint32_t at = fp_key_map_find(&b->by_node, key, NULL, NULL);

	if (at != FP_KEY_MISSING)
		return at;
	if (p->n_nodes >= UINT32_MAX - 1 ||
	    fp_grow(&p->nodes, &b->room_nodes, p->n_nodes, sizeof(*p->nodes)) ||
	    fp_key_map_add(&b->by_node, key, p->n_nodes))
		return UINT32_MAX;
	p->nodes[p->n_nodes] = (struct fp_stack_node){ .parent = parent, .frame = frame };
	return p->n_nodes++;
}

uint32_t fp_builder_process(struct fp_builder *b, const struct fp_profile_process *process)
{
	struct fp_profile *p = b->p;

	if (fp_grow(&p->processes, &b->room_processes, p->n_processes, sizeof(*p->processes)))
		return UINT32_MAX;
	p->processes[p->n_processes] = *process;
	return p->n_processes++;
}

uint32_t fp_builder_thread(struct fp_builder *b, const struct fp_profile_thread *thread)
{
	struct fp_profile *p = b->p;

	if (fp_grow(&p->threads, &b->room_threads, p->n_threads, sizeof(*p->threads)))
		return UINT32_MAX;
	p->threads[p->n_threads] = *thread;
	return p->n_threads++;
}

/* Sums of a hostile file must not wrap into small numbers. */
static void add(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

int fp_builder_cell_append(struct fp_builder *b, const struct fp_profile_cell *c)
{
	struct fp_profile *p = b->p;

	if (p->n_cells >= UINT32_MAX - 1 ||
	    fp_grow(&p->cells, &b->room_cells, p->n_cells, sizeof(*p->cells)))
		return -ENOMEM;
	p->cells[p->n_cells++] = *c;
	return 0;
}

int fp_builder_cell(struct fp_builder *b, const struct fp_profile_cell *c)
{
	struct fp_profile *p = b->p;
	uint64_t key = (uint64_t)c->thread << 32 | c->stack;
	uint32_t at = fp_key_map_find(&b->by_cell, key, NULL, NULL);

	if (at == FP_KEY_MISSING) {
		if (fp_key_map_add(&b->by_cell, key, (uint32_t)p->n_cells))
			return -ENOMEM;
		return fp_builder_cell_append(b, c);
	}
	struct fp_profile_cell *sum = &p->cells[at];
	add(&sum->samples, c->samples);
	add(&sum->gil_samples, c->gil_samples);
	for (int k = 0; k < FP_CPU_KINDS; k++)
		add(&sum->ns[k], c->ns[k]);
	add(&sum->gil_ns, c->gil_ns);
	return 0;
}

int fp_builder_sample(struct fp_builder *b, uint32_t thread, const struct fp_profile_sample *s)
{
	struct fp_profile *p = b->p;
	struct fp_profile_thread *t = &p->threads[thread];

	if (fp_grow(&p->samples, &b->room_samples, p->n_samples, sizeof(*p->samples)))
		return -ENOMEM;
	if (!t->n_samples)
		t->first_sample = p->n_samples;
	p->samples[p->n_samples++] = *s;
	t->n_samples++;
	return 0;
}
