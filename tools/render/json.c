/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf's own JSON, for scripts; docs/formats.md has the keys and units.
 * Render stage; streams.
 */
#include "tools/model/function_table.h"
#include "tools/model/names.h"
#include "tools/model/process_tree.h"
#include "tools/render/json_out.h"
#include "tools/render/json_samples.h"
#include "tools/render/render.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct writing {
	struct fp_json_out j;
	const struct fp_profile *p;
	const struct fp_render_options *o;
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
	int ended, err = fp_json_begin(&w.j, out, false);

	if (err)
		return err;
	fp_json_open(&w.j, '{');
	put_run(&w);
	err = put_processes(&w);
	if (!err)
		err = put_threads(&w);
	if (!err)
		err = put_functions(&w);
	put_losses(&w);
	if (!err)
		err = fp_json_samples_put(&w.j, p, o);
	fp_json_close(&w.j, '}');
	ended = fp_json_end(&w.j);
	return err ? err : ended;
}

const struct fp_renderer fp_render_json = {
	.name = "json", .suffix = ".json", .what = "samples and functions, for scripts",
	.viewer = "python -m json.tool, jq", .needs_samples = true, .render = render,
};
