/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of Scalene's JSON.  Render stage.  The page draws each one, so what
 * has little counts on its caller's stack, and sums stay whole.
 */
#include "tools/render/scalene_json.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST_SHARE 0.005
#define MOST_STACKS 2000u /* below the root nothing has a caller */
#define MOST_DEPTH 1024u

struct weight {
	uint32_t stack;
	uint64_t amount;          /* samples, or bytes at the peak */
	uint64_t ns, python_ns, native_ns;
};

struct stacks {
	const struct fp_scalene_job *job;
	struct weight *of;        /* of each node; then those that are shown, largest first */
	uint32_t n;               /* shown */
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
		fp_json_key_null(j, "ip");
		fp_json_key_null(j, "offset");
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
}

static int by_amount(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;

	return x->amount != y->amount ? (x->amount < y->amount ? 1 : -1) : x->ns != y->ns ? (x->ns < y->ns ? 1 : -1) :
	       x->stack < y->stack ? -1 : x->stack > y->stack;
}

/* Stacks with less than the share, from the leaves on, into their callers; then
 * sorts.  Parents come before their children. */
static void fold_and_sort(struct stacks *t)
{
	const struct fp_profile *p = t->job->p;
	uint64_t all = 0, least;

	for (uint32_t i = 1; i < p->n_nodes; i++)
		all += t->of[i].amount;
	least = (uint64_t)(LEAST_SHARE * (double)all);
	for (uint32_t i = p->n_nodes; i-- > 1;) {
		struct weight *w = &t->of[i], *caller = &t->of[p->nodes[i].parent];

		if (!p->nodes[i].parent || w->amount >= least)
			continue;
		caller->amount += w->amount;
		caller->ns += w->ns;
		caller->python_ns += w->python_ns;
		caller->native_ns += w->native_ns;
		w->amount = 0;
	}
	t->n = 0;
	for (uint32_t i = 1; i < p->n_nodes; i++) {
		t->of[i].stack = i;
		if (t->of[i].amount)
			t->of[t->n++] = t->of[i];
	}
	qsort(t->of, t->n, sizeof(*t->of), by_amount);
	if (t->n > MOST_STACKS)
		t->n = MOST_STACKS;
}

static void sum_cpu(struct stacks *t)
{
	const struct fp_profile *p = t->job->p;

	for (size_t i = 0; i < p->n_cells; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		struct weight *w = &t->of[c->stack];

		w->amount += c->samples;
		w->ns += fp_profile_cell_ns(c);
		w->python_ns += c->ns[FP_CPU_PYTHON] + c->ns[FP_CPU_LIBRARY];
		w->native_ns += c->ns[FP_CPU_NATIVE];
	}
	fold_and_sort(t);
}

static void sum_memory(struct stacks *t)
{
	const struct fp_memory *m = t->job->p->memory;

	for (uint32_t i = 0; i < t->job->p->n_nodes; i++)
		t->of[i] = (struct weight){ 0 };
	for (size_t i = 0; m && !t->job->o->no_memory && i < m->n_cells; i++)
		if (fp_memory_is_heap(m->cells[i].allocator))
			t->of[m->cells[i].stack].amount += m->cells[i].peak_bytes;
	fold_and_sort(t);
}

static void put_combined(const struct stacks *t)
{
	struct fp_json_out *j = t->job->j;

	fp_json_key_open(j, "combined_stacks", '[');
	for (uint32_t i = 0; i < t->n; i++) {
		fp_json_open(j, '[');
		put_frames(t->job, t->of[i].stack, false);
		fp_json_uint(j, t->of[i].amount);
		fp_json_close(j, ']');
	}
	fp_json_close(j, ']');
	fp_json_newline(j);
}

static void put_python_frame(struct fp_json_out *j, const struct fp_frame *f)
{
	char line[16];
	int n = snprintf(line, sizeof(line), ":%u;", f->line);

	fp_json_string_begin(j);
	fp_scalene_text_add(j, f->file);
	fp_json_string_add(j, " ", 1);
	fp_scalene_text_add(j, f->qualname);
	fp_json_string_add(j, line, (size_t)n);
	fp_json_string_end(j);
}

/* Python's frames only, as Scalene's "file function:line;". */
static void put_python(const struct stacks *t)
{
	const struct fp_profile *p = t->job->p;
	const struct fp_source_sums *all = &t->job->s->all;
	struct fp_json_out *j = t->job->j;
	double whole = (double)(all->python_ns + all->native_ns + all->system_ns);
	uint32_t path[MOST_DEPTH];

	fp_json_key_open(j, "stacks", '[');
	for (uint32_t i = 0; i < t->n && whole > 0; i++) {
		uint32_t n = path_of(p, t->of[i].stack, path);

		fp_json_open(j, '[');
		fp_json_open(j, '[');
		for (uint32_t k = 0; k < n; k++) {
			const struct fp_frame *f = &p->frames[p->nodes[path[k]].frame];

			if (f->kind == FP_FRAME_PYTHON)
				put_python_frame(j, f);
		}
		fp_json_close(j, ']');
		fp_json_open(j, '{');
		fp_json_key_uint(j, "count", t->of[i].amount);
		fp_scalene_number(j, "python_time", (double)t->of[i].python_ns / whole);
		fp_scalene_number(j, "c_time", (double)t->of[i].native_ns / whole);
		fp_scalene_number(j, "cpu_samples", (double)t->of[i].ns / whole);
		fp_json_close(j, '}');
		fp_json_close(j, ']');
	}
	fp_json_close(j, ']');
	fp_json_newline(j);
}

/* Samples of a stack that was folded are its caller's. */
static int put_timeline(const struct stacks *t)
{
	const struct fp_profile *p = t->job->p;
	uint32_t *index_of = malloc(((size_t)p->n_nodes + 1) * sizeof(*index_of));
	int err;

	if (!index_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_nodes; i++)
		index_of[i] = UINT32_MAX;
	for (uint32_t i = 0; i < t->n; i++)
		index_of[t->of[i].stack] = i;
	for (uint32_t i = 1; i < p->n_nodes; i++)
		if (index_of[i] == UINT32_MAX)
			index_of[i] = index_of[p->nodes[i].parent];
	err = fp_scalene_timeline(t->job, index_of);
	free(index_of);
	return err;
}

static void put_memory(const struct stacks *t)
{
	struct fp_json_out *j = t->job->j;

	fp_json_key_open(j, "memory_stacks", '[');
	for (uint32_t i = 0; i < t->n; i++) {
		fp_json_open(j, '[');
		put_frames(t->job, t->of[i].stack, true);
		fp_json_fixed(j, (uint64_t)((double)t->of[i].amount / FP_SCALENE_MIB * 1e6), 6);
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

int fp_scalene_stacks(const struct fp_scalene_job *job)
{
	struct stacks t = { .job = job, .of = calloc((size_t)job->p->n_nodes + 1, sizeof(*t.of)) };
	int err;

	if (!t.of)
		return -ENOMEM;
	sum_cpu(&t);
	put_combined(&t);
	put_python(&t);
	err = put_timeline(&t);
	sum_memory(&t);
	put_memory(&t);
	put_main_thread(job);
	free(t.of);
	return err;
}
