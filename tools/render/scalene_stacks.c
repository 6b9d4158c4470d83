/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of Scalene's JSON.  Render stage.  Only the heaviest
 * stacks: the page draws each one, and the small ones are in the lines' sums.
 */
#include "tools/render/scalene_json.h"

#include <errno.h>
#include <stdlib.h>

#define MOST_STACKS 2000u
#define MOST_DEPTH 1024u

struct weight {
	uint32_t stack;
	uint64_t samples, ns, python_ns, native_ns, peak_bytes;
};

struct stacks {
	const struct fp_scalene_job *job;
	struct weight *of;        /* of each node, then sorted */
	uint32_t *index_of;       /* node -> number in combined_stacks */
};

/* Root first; the number of nodes. */
static uint32_t path_of(const struct fp_profile *p, uint32_t stack, uint32_t *path)
{
	uint32_t n = 0;

	for (uint32_t at = stack; at && n < MOST_DEPTH; at = p->nodes[at].parent)
		path[n++] = at;
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t other = path[i];

		path[i] = path[n - 1 - i];
		path[n - 1 - i] = other;
	}
	return n;
}

static void put_frames(const struct fp_scalene_job *job, uint32_t stack, bool python_only)
{
	struct fp_json_out *j = job->j;
	uint32_t path[MOST_DEPTH], n = path_of(job->p, stack, path);

	fp_json_open(j, '[');
	for (uint32_t i = 0; i < n; i++) {
		const struct fp_frame *f = &job->p->frames[job->p->nodes[path[i]].frame];
		bool python = f->kind == FP_FRAME_PYTHON;

		if (python_only && !python)
			continue;
		fp_json_open(j, '{');
		fp_scalene_string(j, "kind", python ? "py" : "native");
		fp_scalene_string(j, "display_name", f->qualname);
		fp_scalene_file(j, "filename_or_module", f->file);
		fp_json_key(j, "line");
		if (python && f->line)
			fp_json_uint(j, f->line);
		else
			fp_json_null(j);
		fp_json_key(j, "ip");
		fp_json_null(j);
		fp_json_key(j, "offset");
		fp_json_null(j);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
}

static int by_samples(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;

	return x->samples != y->samples ? (x->samples < y->samples ? 1 : -1) : x->ns != y->ns ? (x->ns < y->ns ? 1 : -1) :
	       x->stack < y->stack ? -1 : x->stack > y->stack;
}

static int by_peak(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;

	return x->peak_bytes != y->peak_bytes ? (x->peak_bytes < y->peak_bytes ? 1 : -1) : x->stack < y->stack ? -1 :
	       x->stack > y->stack;
}

static void put_combined(struct stacks *t)
{
	struct fp_json_out *j = t->job->j;

	fp_json_key(j, "combined_stacks");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < t->job->p->n_nodes && i < MOST_STACKS && t->of[i].samples; i++) {
		t->index_of[t->of[i].stack] = i;
		fp_json_open(j, '[');
		put_frames(t->job, t->of[i].stack, false);
		fp_json_uint(j, t->of[i].samples);
		fp_json_close(j, ']');
	}
	fp_json_close(j, ']');
	fp_json_newline(j);
}

/* Python's frames only, as Scalene's "file function:line;". */
static void put_python(const struct stacks *t)
{
	const struct fp_profile *p = t->job->p;
	const struct fp_source_sums *all = &t->job->s->all;
	struct fp_json_out *j = t->job->j;
	double whole = (double)(all->python_ns + all->native_ns + all->system_ns);
	uint32_t path[MOST_DEPTH];
	char text[2048];

	fp_json_key(j, "stacks");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < p->n_nodes && i < MOST_STACKS && t->of[i].samples && whole > 0; i++) {
		uint32_t n = path_of(p, t->of[i].stack, path);

		fp_json_open(j, '[');
		fp_json_open(j, '[');
		for (uint32_t k = 0; k < n; k++) {
			const struct fp_frame *f = &p->frames[p->nodes[path[k]].frame];

			if (f->kind != FP_FRAME_PYTHON)
				continue;
			snprintf(text, sizeof(text), "%.1000s %.900s:%u;", f->file, f->qualname, f->line);
			fp_scalene_string(j, NULL, text);
		}
		fp_json_close(j, ']');
		fp_json_open(j, '{');
		fp_json_key(j, "count");
		fp_json_uint(j, t->of[i].samples);
		fp_scalene_number(j, "python_time", (double)t->of[i].python_ns / whole);
		fp_scalene_number(j, "c_time", (double)t->of[i].native_ns / whole);
		fp_scalene_number(j, "cpu_samples", (double)t->of[i].ns / whole);
		fp_json_close(j, '}');
		fp_json_close(j, ']');
	}
	fp_json_close(j, ']');
	fp_json_newline(j);
}

static void put_memory(const struct stacks *t)
{
	struct fp_json_out *j = t->job->j;
	char text[32];

	fp_json_key(j, "memory_stacks");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < t->job->p->n_nodes && i < MOST_STACKS && t->of[i].peak_bytes; i++) {
		int n = snprintf(text, sizeof(text), "%.6f", (double)t->of[i].peak_bytes / FP_SCALENE_MIB);

		fp_json_open(j, '[');
		put_frames(t->job, t->of[i].stack, true);
		fp_json_verbatim(j, text, (size_t)n);
		fp_json_close(j, ']');
	}
	fp_json_close(j, ']');
	fp_json_newline(j);
}

static void put_main_thread(const struct fp_scalene_job *job)
{
	fp_json_key(job->j, "main_thread_id");
	for (uint32_t i = 0; i < job->p->n_threads; i++) {
		const struct fp_profile_thread *t = &job->p->threads[i];

		if (t->is_main && job->p->processes[t->process].is_first) {
			fp_json_int(job->j, t->tid);
			return;
		}
	}
	fp_json_null(job->j);
}

static void sum_stacks(struct stacks *t, bool memory)
{
	const struct fp_profile *p = t->job->p;

	for (uint32_t i = 0; i < p->n_nodes; i++) {
		t->of[i].stack = i;
		t->index_of[i] = UINT32_MAX;
	}
	for (size_t i = 0; i < p->n_cells; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		struct weight *w = &t->of[c->stack];

		if (!c->stack)
			continue;
		w->samples += c->samples;
		w->ns += fp_profile_cell_ns(c);
		w->python_ns += c->ns[FP_CPU_PYTHON] + c->ns[FP_CPU_LIBRARY];
		w->native_ns += c->ns[FP_CPU_NATIVE];
	}
	for (size_t i = 0; memory && i < p->memory->n_cells; i++)
		if (p->memory->cells[i].stack && fp_memory_is_heap(p->memory->cells[i].allocator))
			t->of[p->memory->cells[i].stack].peak_bytes += p->memory->cells[i].peak_bytes;
}

int fp_scalene_stacks(const struct fp_scalene_job *job)
{
	uint32_t n = job->p->n_nodes;
	bool memory = !job->o->no_memory && job->p->memory;
	struct stacks t = { .job = job, .of = calloc((size_t)n + 1, sizeof(*t.of)),
			    .index_of = malloc(((size_t)n + 1) * sizeof(*t.index_of)) };
	int err = t.of && t.index_of ? 0 : -ENOMEM;

	if (!err) {
		sum_stacks(&t, memory);
		qsort(t.of, n, sizeof(*t.of), by_samples);
		put_combined(&t);
		put_python(&t);
		err = fp_scalene_timeline(job, t.index_of);
		qsort(t.of, n, sizeof(*t.of), by_peak);
		put_memory(&t);
		put_main_thread(job);
	}
	free(t.of);
	free(t.index_of);
	return err;
}
