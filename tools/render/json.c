/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf's own JSON, for scripts; docs/formats.md has the keys and units.
 * Render stage; streams.  Stacks are lists of readable frames, so past
 * SAMPLE_TEXT_MAX equal stacks of a thread become one entry each, and what
 * still does not fit, or was not in the timeline, one entry [left out].
 */
#include "tools/model/function_table.h"
#include "tools/model/names.h"
#include "tools/model/process_tree.h"
#include "tools/model/timeline.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_TEXT_MAX (64ull << 20)
#define LEFT_OUT UINT32_MAX /* instead of a stack */

struct writing {
	struct fp_json_out j;
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

static uint64_t nominal(const struct fp_profile *p, uint64_t ns)
{
	return (uint64_t)(((unsigned __int128)ns * (p->rate_hz ? p->rate_hz : 100) + 500000000u) /
			  1000000000u);
}

static void put_run(struct writing *w)
{
	const struct fp_profile *p = w->p;
	const char *name = "";

	for (uint32_t i = p->n_processes; i-- > 0;)
		if (!name[0] || p->processes[i].is_first)
			name = p->processes[i].title;
	fp_json_key_string(&w->j, "process_name", name);
	fp_json_key_string(&w->j, "format", "filperf-1");
	fp_json_key_string(&w->j, "command", p->command);
	fp_json_key_string(&w->j, "label", p->label);
	fp_json_key_uint(&w->j, "rate_hz", p->rate_hz);
	fp_json_key_bool(&w->j, "has_time", p->has_time);
	fp_json_key_fixed(&w->j, "start_time", (uint64_t)p->start_realtime_ns, 9);
	fp_json_key_fixed(&w->j, "wall_time", p->wall_ns, 9);
	fp_json_key_fixed(&w->j, "cpu_time", fp_summary_sampled_ns(p), 9);
	fp_json_key_bool(&w->j, "cut", p->cut);
	fp_json_newline(&w->j);
	fp_json_key_open(&w->j, "units", '{');
	fp_json_key_string(&w->j, "timestamp", "seconds since the run's start");
	fp_json_key_string(&w->j, "time", "seconds of CPU");
	fp_json_key_string(&w->j, "samples", "CPU time x rate_hz");
	fp_json_key_string(&w->j, "gil_share", "0 to 1, of the CPU time, holding the GIL");
	fp_json_close(&w->j, '}');
}

static int put_processes(struct writing *w)
{
	uint32_t *parents = fp_parents_of_processes(w->p);

	if (!parents)
		return -ENOMEM;
	fp_json_newline(&w->j);
	fp_json_key_open(&w->j, "processes", '[');
	for (uint32_t i = 0; i < w->p->n_processes; i++) {
		const struct fp_profile_process *q = &w->p->processes[i];

		fp_json_newline(&w->j);
		fp_json_open(&w->j, '{');
		fp_json_key_int(&w->j, "process_id", q->pid);
		fp_json_key_int(&w->j, "parent_process_id", parents[i] == FP_PROCESS_NONE ? 0 : w->p->processes[parents[i]].pid);
		fp_json_key_string(&w->j, "name", q->title);
		fp_json_key_string(&w->j, "command", q->cmdline);
		fp_json_close(&w->j, '}');
	}
	fp_json_close(&w->j, ']');
	free(parents);
	return 0;
}

static int put_threads(struct writing *w)
{
	struct fp_thread_sum *sums = fp_thread_sums(w->p);

	if (!sums)
		return -ENOMEM;
	fp_json_newline(&w->j);
	fp_json_key_open(&w->j, "threads", '[');
	for (uint32_t i = 0; i < w->p->n_threads; i++) {
		const struct fp_profile_thread *t = &w->p->threads[i];

		fp_json_newline(&w->j);
		fp_json_open(&w->j, '{');
		fp_json_key_int(&w->j, "thread_id", t->tid);
		fp_json_key_int(&w->j, "process_id", w->p->processes[t->process].pid);
		fp_json_key_string(&w->j, "name", t->name);
		fp_json_key_uint(&w->j, "samples", nominal(w->p, sums[i].ns));
		fp_json_key_fixed(&w->j, "time", sums[i].ns, 9);
		fp_json_key(&w->j, "gil_share");
		fp_json_share(&w->j, sums[i].gil_ns, sums[i].ns);
		fp_json_close(&w->j, '}');
	}
	fp_json_close(&w->j, ']');
	free(sums);
	return 0;
}

/* Keys are "qualname (file)"; functions of one name and file that differ in
 * their first line get it added, so that no key comes twice. */
static void put_function_key(struct writing *w, const struct fp_function_table *t,
			     const uint32_t *order, uint32_t i)
{
	const struct fp_frame *f = &w->p->frames[t->rows[order[i]].frame];
	char text[8192], twin[8192];
	bool same = false;

	fp_name_frame(w->p, f, false, text, sizeof(text));
	for (int step = -1; step <= 1 && !same; step += 2) {
		if ((i == 0 && step < 0) || i + (uint32_t)step >= t->n_rows)
			continue;
		fp_name_frame(w->p, &w->p->frames[t->rows[order[i + (uint32_t)step]].frame], false,
			      twin, sizeof(twin));
		same = strcmp(text, twin) == 0;
	}
	if (same) {
		size_t n = strnlen(text, sizeof(text) - 16);
		snprintf(text + n, sizeof(text) - n, " #%u", f->first_line);
	}
	fp_json_key(&w->j, text);
}

static int put_functions(struct writing *w)
{
	struct fp_function_table *t;
	int err = fp_function_table_make(w->p, FP_TABLE_FUNCTION, false, UINT32_MAX, &t);

	if (err)
		return err;
	uint32_t *order = fp_function_table_order(w->p, t, FP_ORDER_NAME);
	fp_json_newline(&w->j);
	fp_json_key_open(&w->j, "functions", '{');
	for (uint32_t i = 0; order && i < t->n_rows; i++) {
		const struct fp_row *r = &t->rows[order[i]];
		const struct fp_frame *f = &w->p->frames[r->frame];

		if (!r->total_ns)
			continue;
		fp_json_newline(&w->j);
		put_function_key(w, t, order, i);
		fp_json_open(&w->j, '{');
		fp_json_key_uint(&w->j, "samples", nominal(w->p, r->total_ns));
		fp_json_key_fixed(&w->j, "time", r->total_ns, 9);
		fp_json_key_uint(&w->j, "self_samples", nominal(w->p, r->self_ns));
		fp_json_key_fixed(&w->j, "self_time", r->self_ns, 9);
		fp_json_key(&w->j, "gil_share");
		fp_json_share(&w->j, r->total_gil_ns, r->total_ns);
		fp_json_key_string(&w->j, "file", f->file);
		fp_json_key_uint(&w->j, "line", f->first_line);
		fp_json_close(&w->j, '}');
	}
	fp_json_close(&w->j, '}');
	free(order);
	fp_function_table_destroy(t);
	return order ? 0 : -ENOMEM;
}

static void put_sample(struct writing *w, uint32_t thread, uint32_t stack, uint64_t when_us,
		       uint64_t weight_us, uint64_t gil_us)
{
	const struct fp_profile_thread *t = &w->p->threads[thread];
	uint32_t n = 0;

	fp_json_newline(&w->j);
	fp_json_open(&w->j, '{');
	fp_json_key_int(&w->j, "thread_id", t->tid);
	if (w->p->n_processes > 1) {
		fp_json_key_int(&w->j, "process_id", w->p->processes[t->process].pid);
	}
	fp_json_key_fixed(&w->j, "timestamp", when_us, 6);
	fp_json_key_fixed(&w->j, "time", weight_us, 6);
	fp_json_key_fixed(&w->j, "gil_time", gil_us, 6);
	fp_json_key_open(&w->j, "stack", '[');
	if (stack == LEFT_OUT)
		fp_json_string(&w->j, "[left out]");
	for (; stack && stack != LEFT_OUT; stack = w->p->nodes[stack].parent)
		w->path[n++] = w->p->nodes[stack].frame;
	while (n-- > 0)
		fp_json_verbatim(&w->j, w->frame_text[w->path[n]], w->frame_bytes[w->path[n]]);
	fp_json_close(&w->j, ']');
	fp_json_close(&w->j, '}');
}

static uint64_t gil_part(const struct fp_slice *s)
{
	return s->weight_us * s->n_gil_samples / s->n_samples;
}

static int heaviest_first(const void *a, const void *b, void *ctx)
{
	const struct writing *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (w->sum_us[x] != w->sum_us[y])
		return w->sum_us[x] > w->sum_us[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int earliest_first(const void *a, const void *b, void *ctx)
{
	const struct writing *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (w->first_us[x] != w->first_us[y])
		return w->first_us[x] < w->first_us[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The heaviest stacks that fit the budget. */
static void put_merged(struct writing *w, uint32_t thread, uint32_t n_touched)
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

static int put_thread_samples(struct writing *w, uint32_t thread,
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
static int prepare(struct writing *w)
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

static void put_losses(struct writing *w)
{
	static const char *const names[] = {
#define X(name, text) #name,
		FP_LOSSES(X)
#undef X
	};

	fp_json_newline(&w->j);
	fp_json_key_open(&w->j, "losses", '{');
	for (int i = 0; i < FP_LOSS_MAX; i++)
		fp_json_key_uint(&w->j, names[i], w->p->losses[i]);
	fp_json_close(&w->j, '}');
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct writing w = { .p = p, .o = o };
	int err = prepare(&w);

	if (!err)
		err = fp_json_begin(&w.j, out, false);
	if (!err) {
		fp_json_open(&w.j, '{');
		put_run(&w);
		err = put_processes(&w);
		if (!err)
			err = put_threads(&w);
		if (!err)
			err = put_functions(&w);
		put_losses(&w);
		fp_json_newline(&w.j);
		fp_json_key(&w.j, "samples_merged");
		fp_json_bool(&w.j, w.merged || !p->n_samples);
		fp_json_key(&w.j, "samples");
		fp_json_open(&w.j, '[');
		struct fp_thread_sum *sums = fp_thread_sums(p);
		err = err ? err : sums ? 0 : -ENOMEM;
		for (uint32_t i = 0; i < p->n_threads && !err; i++)
			err = put_thread_samples(&w, i, &sums[i]);
		free(sums);
		fp_json_close(&w.j, ']');
		fp_json_close(&w.j, '}');
		int ended = fp_json_end(&w.j);
		err = err ? err : ended;
	}
	for (uint32_t i = 0; w.frame_text && i < p->n_frames; i++)
		free(w.frame_text[i]);
	free(w.frame_text);
	free(w.frame_bytes);
	free(w.path);
	free(w.sum_us);
	free(w.first_us);
	free(w.gil_us);
	free(w.touched);
	free(w.text_bytes);
	return err;
}

const struct fp_renderer fp_render_json = {
	.name = "json", .suffix = ".json", .what = "samples and functions, for scripts",
	.viewer = "python -m json.tool, jq", .needs_samples = true, .render = render,
};
