/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chrome's trace events: a begin and an end for each call that samples show,
 * closed over waits.  Render stage; streams.  Viewers hold it all in memory,
 * so past BEGINS_MAX only every n-th slice is drawn, and otherData says so.
 */
#include "tools/model/names.h"
#include "tools/model/timeline.h"
#include "tools/read/key_map.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BEGINS_MAX 1000000u

struct path {
	uint32_t *nodes; /* from below the root to the leaf */
	size_t room;
	uint32_t n;
};

struct writing {
	struct fp_json_out j;
	const struct fp_profile *p;
	const struct fp_render_options *o;
	uint32_t thread;
	struct path open;    /* begun and not ended */
	uint64_t n_begins;
	uint32_t every;      /* n-th slice is drawn */
	bool counting;       /* first pass: nothing is written */
};

static void put_place(struct writing *w, const char *phase, uint64_t us)
{
	const struct fp_profile_thread *t = &w->p->threads[w->thread];

	fp_json_newline(&w->j);
	fp_json_open(&w->j, '{');
	fp_json_key(&w->j, "ph");
	fp_json_string(&w->j, phase);
	fp_json_key(&w->j, "pid");
	fp_json_int(&w->j, w->p->processes[t->process].pid);
	fp_json_key(&w->j, "tid");
	fp_json_int(&w->j, t->tid);
	fp_json_key(&w->j, "ts");
	fp_json_uint(&w->j, us);
}

static void put_begin(struct writing *w, uint32_t node, uint64_t us)
{
	const struct fp_frame *f = &w->p->frames[w->p->nodes[node].frame];

	put_place(w, "B", us);
	fp_json_key(&w->j, "cat");
	fp_json_string(&w->j, f->kind == FP_FRAME_NATIVE ? "native" : "python");
	fp_json_key(&w->j, "name");
	fp_json_string(&w->j, f->qualname);
	fp_json_key(&w->j, "args");
	fp_json_open(&w->j, '{');
	if (f->file[0]) {
		fp_json_key(&w->j, "filename");
		fp_json_string(&w->j, f->file);
	}
	if (f->line && w->o->lines) {
		fp_json_key(&w->j, "line");
		fp_json_uint(&w->j, f->line);
	}
	fp_json_close(&w->j, '}');
	fp_json_close(&w->j, '}');
}

static void close_down_to(struct writing *w, uint32_t depth, uint64_t us)
{
	while (w->open.n > depth) {
		w->open.n--;
		if (w->counting)
			continue;
		put_place(w, "E", us);
		fp_json_close(&w->j, '}');
	}
}

static int open_stack(struct writing *w, uint32_t stack, uint64_t us)
{
	const struct fp_stack_node *nodes = w->p->nodes;
	uint32_t depth = 0, common;

	for (uint32_t node = stack; node; node = nodes[node].parent)
		depth++;
	while (w->open.room < depth)
		if (fp_grow(&w->open.nodes, &w->open.room, w->open.room, sizeof(*w->open.nodes)))
			return -ENOMEM;
	/* one prefix tree: equal nodes have equal callers all the way */
	uint32_t node = stack;
	for (common = depth; common; common--, node = nodes[node].parent)
		if (common <= w->open.n && w->open.nodes[common - 1] == node)
			break;
	close_down_to(w, common, us);
	node = stack;
	for (uint32_t i = depth; i > common; i--, node = nodes[node].parent)
		w->open.nodes[i - 1] = node;
	for (; w->open.n < depth; w->open.n++) {
		w->n_begins++;
		if (!w->counting)
			put_begin(w, w->open.nodes[w->open.n], us);
	}
	return 0;
}

static int put_events(struct writing *w)
{
	struct fp_timeline line;
	struct fp_slice s;
	uint64_t end_us = 0;
	uint32_t n = 0;
	int err = fp_timeline_start(&line, w->p, w->thread);

	w->open.n = 0;
	while (!err && fp_timeline_next(&line, &s)) {
		if (s.start_us > end_us + line.merge_gap_us)
			close_down_to(w, 0, end_us);
		if (!w->open.n || n++ % w->every == 0)
			err = open_stack(w, s.stack, s.start_us);
		end_us = s.end_us;
	}
	close_down_to(w, 0, end_us);
	fp_timeline_end(&line);
	return err;
}

static void put_name(struct writing *w, const char *what, const char *name)
{
	put_place(w, "M", 0);
	fp_json_key(&w->j, "name");
	fp_json_string(&w->j, what);
	fp_json_key(&w->j, "args");
	fp_json_open(&w->j, '{');
	fp_json_key(&w->j, "name");
	fp_json_string(&w->j, name);
	fp_json_close(&w->j, '}');
	fp_json_close(&w->j, '}');
}

/* How much would be written, and how often to skip so that it is not too much. */
static int choose_every(struct writing *w)
{
	int err = 0;

	w->every = 1;
	w->counting = true;
	for (w->thread = 0; w->thread < w->p->n_threads && !err; w->thread++)
		err = put_events(w);
	w->counting = false;
	w->every = (uint32_t)(w->n_begins / BEGINS_MAX) + 1;
	return err;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct writing w = { .p = p, .o = o };
	int err = fp_json_begin(&w.j, out, false);

	if (err)
		return err;
	err = choose_every(&w);
	fp_json_open(&w.j, '{');
	fp_json_key(&w.j, "displayTimeUnit");
	fp_json_string(&w.j, "ms");
	fp_json_key(&w.j, "otherData");
	fp_json_open(&w.j, '{');
	fp_json_key(&w.j, "exporter");
	fp_json_string(&w.j, "filperf");
	fp_json_key(&w.j, "command");
	fp_json_string(&w.j, p->command);
	fp_json_key(&w.j, "every_nth_slice");
	fp_json_uint(&w.j, w.every);
	fp_json_close(&w.j, '}');
	fp_json_key(&w.j, "traceEvents");
	fp_json_open(&w.j, '[');
	for (w.thread = 0; w.thread < p->n_threads && !err; w.thread++) {
		const struct fp_profile_thread *t = &p->threads[w.thread];

		put_name(&w, "process_name", p->processes[t->process].title);
		put_name(&w, "thread_name", t->name[0] ? t->name : "thread");
		err = put_events(&w);
	}
	fp_json_close(&w.j, ']');
	fp_json_close(&w.j, '}');
	free(w.open.nodes);
	int ended = fp_json_end(&w.j);
	return err ? err : ended;
}

const struct fp_renderer fp_render_chrometrace = {
	.name = "chrometrace", .suffix = ".chrometrace.json", .what = "Chrome trace events",
	.viewer = "https://ui.perfetto.dev, chrome://tracing", .needs_samples = true,
	.render = render,
};
