/* SPDX-License-Identifier: Apache-2.0 */
/* See json_samples.h. */
#include "tools/render/json_samples.h"

#include "tools/model/function_table.h"
#include "tools/model/names.h"
#include "tools/model/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_TEXT_MAX (64ull << 20)
#define LEFT_OUT UINT32_MAX /* instead of a stack */

struct samples {
	struct fp_json_out *j;
	const struct fp_profile *p;
	const struct fp_render_options *o;
	char **frame_text;      /* quoted */
	uint32_t *frame_bytes;
	uint32_t *path;
	uint32_t room_path;
	bool merged;            /* one entry per thread and stack */
	uint64_t *sum_us, *first_us, *gil_us; /* per node, when merged */
	uint32_t *touched;
	uint64_t *text_bytes;   /* of the stack, per node */
	uint64_t put_us, put_gil_us; /* of the thread so far */
};

static void put_sample(struct samples *w, uint32_t thread, uint32_t stack, uint64_t when_us,
		       uint64_t weight_us, uint64_t gil_us)
{
	const struct fp_profile_thread *t = &w->p->threads[thread];
	uint32_t n = 0;

	fp_json_newline(w->j);
	fp_json_open(w->j, '{');
	fp_json_key_int(w->j, "thread_id", t->tid);
	if (w->p->n_processes > 1) {
		fp_json_key_int(w->j, "process_id", w->p->processes[t->process].pid);
	}
	fp_json_key_fixed(w->j, "timestamp", when_us, 6);
	fp_json_key_fixed(w->j, "time", weight_us, 6);
	fp_json_key_fixed(w->j, "gil_time", gil_us, 6);
	fp_json_key_open(w->j, "stack", '[');
	if (stack == LEFT_OUT)
		fp_json_string(w->j, "[left out]");
	for (; stack && stack != LEFT_OUT; stack = w->p->nodes[stack].parent)
		w->path[n++] = w->p->nodes[stack].frame;
	while (n-- > 0)
		fp_json_verbatim(w->j, w->frame_text[w->path[n]], w->frame_bytes[w->path[n]]);
	fp_json_close(w->j, ']');
	fp_json_close(w->j, '}');
}

static uint64_t gil_part(const struct fp_slice *s)
{
	return s->weight_us * s->n_gil_samples / s->n_samples;
}

static int heaviest_first(const void *a, const void *b, void *ctx)
{
	const struct samples *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (w->sum_us[x] != w->sum_us[y])
		return w->sum_us[x] > w->sum_us[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int earliest_first(const void *a, const void *b, void *ctx)
{
	const struct samples *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (w->first_us[x] != w->first_us[y])
		return w->first_us[x] < w->first_us[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The heaviest stacks that fit the budget. */
static void put_merged(struct samples *w, uint32_t thread, uint32_t n_touched)
{
	uint64_t budget = SAMPLE_TEXT_MAX / w->p->n_threads;
	uint32_t kept = 0;

	qsort_r(w->touched, n_touched, sizeof(*w->touched), heaviest_first, w);
	while (kept < n_touched && w->text_bytes[w->touched[kept]] + 80 <= budget)
		budget -= w->text_bytes[w->touched[kept++]] + 80;
	for (uint32_t i = kept; i < n_touched; i++) {
		w->put_us -= w->sum_us[w->touched[i]];
		w->put_gil_us -= w->gil_us[w->touched[i]];
	}
	qsort_r(w->touched, kept, sizeof(*w->touched), earliest_first, w);
	for (uint32_t i = 0; i < kept; i++) {
		uint32_t stack = w->touched[i];

		put_sample(w, thread, stack, w->first_us[stack], w->sum_us[stack],
			   w->gil_us[stack]);
	}
	for (uint32_t i = 0; i < n_touched; i++)
		w->sum_us[w->touched[i]] = w->gil_us[w->touched[i]] = 0;
}

static int put_thread_samples(struct samples *w, uint32_t thread,
			      const struct fp_thread_sum *sum)
{
	struct fp_timeline line;
	struct fp_slice s;
	uint32_t n_touched = 0;

	if (fp_timeline_start(&line, w->p, thread))
		return -ENOMEM;
	w->put_us = w->put_gil_us = 0;
	while (fp_timeline_next(&line, &s)) {
		w->put_us += s.weight_us;
		w->put_gil_us += gil_part(&s);
		if (!w->merged) {
			put_sample(w, thread, s.stack, s.start_us, s.weight_us, gil_part(&s));
			continue;
		}
		if (!s.weight_us)
			continue;
		if (!w->sum_us[s.stack]) {
			w->touched[n_touched++] = s.stack;
			w->first_us[s.stack] = s.start_us;
		}
		w->sum_us[s.stack] += s.weight_us;
		w->gil_us[s.stack] += gil_part(&s);
	}
	fp_timeline_end(&line);
	if (w->merged)
		put_merged(w, thread, n_touched);
	/* what the timeline did not hold: the samples' sum is the thread's CPU */
	if (sum->ns / 1000 > w->put_us + 1000)
		put_sample(w, thread, LEFT_OUT, 0, sum->ns / 1000 - w->put_us,
			   sum->gil_ns / 1000 > w->put_gil_us ?
			   sum->gil_ns / 1000 - w->put_gil_us : 0);
	return 0;
}

/* Quoted text of each frame, and whether the samples' text would be too long. */
static int prepare(struct samples *w)
{
	const struct fp_profile *p = w->p;
	uint64_t *bytes = calloc(p->n_nodes, sizeof(*bytes)), all = 0;
	uint32_t *depth = calloc(p->n_nodes, sizeof(*depth));
	bool ok = bytes && depth;
	char text[8192];

	w->text_bytes = bytes;
	w->frame_text = calloc((size_t)p->n_frames + 1, sizeof(*w->frame_text));
	w->frame_bytes = calloc((size_t)p->n_frames + 1, sizeof(*w->frame_bytes));
	ok = ok && w->frame_text && w->frame_bytes;
	for (uint32_t i = 0; ok && i < p->n_frames; i++) {
		fp_name_frame(p, &p->frames[i], w->o->lines, text, sizeof(text));
		w->frame_text[i] = fp_json_quote(text);
		ok = w->frame_text[i] != NULL;
		w->frame_bytes[i] = ok ? (uint32_t)strlen(w->frame_text[i]) : 0;
	}
	for (uint32_t i = 1; ok && i < p->n_nodes; i++) {
		uint32_t parent = p->nodes[i].parent;

		bytes[i] = bytes[parent] + w->frame_bytes[p->nodes[i].frame] + 1;
		depth[i] = depth[parent] + 1;
		w->room_path = depth[i] > w->room_path ? depth[i] : w->room_path;
	}
	for (size_t i = 0; ok && i < p->n_samples; i++)
		all += bytes[p->samples[i].stack] + 80;
	w->merged = all > SAMPLE_TEXT_MAX;
	free(depth);
	w->path = malloc(((size_t)w->room_path + 1) * sizeof(*w->path));
	if (w->merged) {
		w->sum_us = calloc(p->n_nodes, sizeof(*w->sum_us));
		w->first_us = calloc(p->n_nodes, sizeof(*w->first_us));
		w->gil_us = calloc(p->n_nodes, sizeof(*w->gil_us));
		w->touched = calloc(p->n_nodes, sizeof(*w->touched));
		ok = ok && w->sum_us && w->first_us && w->gil_us && w->touched;
	}
	return ok && w->path ? 0 : -ENOMEM;
}

static void release(struct samples *w)
{
	for (uint32_t i = 0; w->frame_text && i < w->p->n_frames; i++)
		free(w->frame_text[i]);
	free(w->frame_text);
	free(w->frame_bytes);
	free(w->path);
	free(w->sum_us);
	free(w->first_us);
	free(w->gil_us);
	free(w->touched);
	free(w->text_bytes);
}

int fp_json_samples_put(struct fp_json_out *j, const struct fp_profile *p, const struct fp_render_options *o)
{
	struct samples w = { .j = j, .p = p, .o = o };
	struct fp_thread_sum *sums = fp_thread_sums(p);
	int err = sums ? prepare(&w) : -ENOMEM;

	fp_json_newline(j);
	fp_json_key_bool(j, "samples_merged", w.merged || !p->n_samples);
	fp_json_key_open(j, "samples", '[');
	for (uint32_t i = 0; i < p->n_threads && !err; i++)
		err = put_thread_samples(&w, i, &sums[i]);
	fp_json_close(j, ']');
	free(sums);
	release(&w);
	return err;
}
