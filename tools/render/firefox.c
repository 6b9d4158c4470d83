/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Firefox profiler's processed profile, version 66 (newer ones are
 * upgraded by its loader, newer than it knows are refused), gzipped.  Render
 * stage; streams column by column.
 */
#include "tools/model/timeline.h"
#include "tools/render/firefox_tables.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

#include <errno.h>

#define PROCESSED_VERSION 66
#define GECKO_VERSION 24

static const struct {
	const char *name, *colour;
} categories[] = { /* by enum fp_origin, then Other */
	{ "Python", "red" }, { "Packages", "blue" }, { "Standard library", "yellow" },
	{ "Native", "orange" }, { "Other", "grey" },
};

struct writing {
	struct fp_json_out j;
	const struct fp_profile *p;
	const struct fp_render_options *o;
};

static void put_meta(struct writing *w)
{
	const struct fp_profile *p = w->p;

	fp_json_key_open(&w->j, "meta", '{');
	fp_json_key_fixed(&w->j, "interval", 1000000u / (p->rate_hz ? p->rate_hz : 100), 3);
	fp_json_key_fixed(&w->j, "startTime", (uint64_t)p->start_realtime_ns / 1000, 3);
	fp_json_key_int(&w->j, "processType", 0);
	fp_json_key_string(&w->j, "product", w->o->title ? w->o->title : p->command[0] ? p->command : "filperf");
	fp_json_key_int(&w->j, "stackwalk", 0);
	fp_json_key_int(&w->j, "version", GECKO_VERSION);
	fp_json_key_int(&w->j, "preprocessedProfileVersion", PROCESSED_VERSION);
	fp_json_key_bool(&w->j, "debug", false);
	fp_json_key_bool(&w->j, "symbolicated", true);
	fp_json_key_string(&w->j, "importedFrom", "filperf");
	fp_json_key_bool(&w->j, "usesOnlyOneStackType", true);
	fp_json_key_bool(&w->j, "sourceCodeIsNotOnSearchfox", true);
	fp_firefox_empty_list(&w->j, "markerSchema");
	fp_json_key_open(&w->j, "categories", '[');
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
		fp_json_open(&w->j, '{');
		fp_json_key_string(&w->j, "name", categories[i].name);
		fp_json_key_string(&w->j, "color", categories[i].colour);
		fp_json_key_open(&w->j, "subcategories", '[');
		fp_json_string(&w->j, "Other");
		fp_json_close(&w->j, ']');
		fp_json_close(&w->j, '}');
	}
	fp_json_close(&w->j, ']');
	fp_json_key_open(&w->j, "sampleUnits", '{');
	fp_json_key_string(&w->j, "time", "ms");
	fp_json_key_string(&w->j, "eventDelay", "ms");
	fp_json_key_string(&w->j, "threadCPUDelta", "\xc2\xb5s");
	fp_json_close(&w->j, '}');
	fp_json_close(&w->j, '}');
}

enum column { COLUMN_STACK, COLUMN_TIME, COLUMN_WEIGHT, COLUMN_CPU };

static void put_cell(struct writing *w, enum column c, const struct fp_slice *s, uint64_t delta_us)
{
	switch (c) {
	case COLUMN_STACK:
		if (s && s->stack)
			fp_json_uint(&w->j, s->stack - 1);
		else
			fp_json_null(&w->j);
		break;
	case COLUMN_TIME:
		fp_json_fixed(&w->j, delta_us, 3);
		break;
	case COLUMN_WEIGHT:
		fp_json_uint(&w->j, s ? s->n_samples : 0);
		break;
	case COLUMN_CPU:
		fp_json_uint(&w->j, s ? s->weight_us : 0);
		break;
	}
}

/* One column over all slices; where the thread waited, an entry without stack.
 * Returns the number of entries, -ENOMEM below 0. */
static int64_t put_column(struct writing *w, uint32_t thread, enum column c)
{
	struct fp_timeline line;
	struct fp_slice s;
	uint64_t at_us = 0;
	int64_t n = 0;

	if (fp_timeline_start(&line, w->p, thread))
		return -ENOMEM;
	while (fp_timeline_next(&line, &s)) {
		if (s.start_us > at_us + line.merge_gap_us) {
			put_cell(w, c, NULL, s.start_us - at_us);
			at_us = s.start_us;
			n++;
		}
		put_cell(w, c, &s, s.end_us - at_us);
		at_us = s.end_us;
		n++;
	}
	fp_timeline_end(&line);
	return n;
}

static int put_samples(struct writing *w, uint32_t thread)
{
	static const char *const names[] = { "stack", "timeDeltas", "weight", "threadCPUDelta" };
	int64_t n = 0;

	fp_json_key_open(&w->j, "samples", '{');
	for (int c = 0; c < 4 && n >= 0; c++) {
		fp_json_key_open(&w->j, names[c], '[');
		n = put_column(w, thread, (enum column)c);
		fp_json_close(&w->j, ']');
	}
	fp_json_key_string(&w->j, "weightType", "samples");
	fp_json_key_int(&w->j, "length", n);
	fp_json_close(&w->j, '}');
	return n < 0 ? (int)n : 0;
}

static int put_thread(struct writing *w, uint32_t thread)
{
	static const char *const markers[] = { "name", "category", "startTime", "endTime", "phase",
					       "data", NULL };
	const struct fp_profile_thread *t = &w->p->threads[thread];
	const struct fp_profile_process *q = &w->p->processes[t->process];
	char id[32];

	fp_json_newline(&w->j);
	fp_json_open(&w->j, '{');
	fp_json_key_string(&w->j, "name", t->name[0] ? t->name : "thread");
	fp_json_key_bool(&w->j, "isMainThread", t->is_main);
	fp_json_key_string(&w->j, "processType", "default");
	fp_json_key_string(&w->j, "processName", q->title);
	fp_json_key_int(&w->j, "processStartupTime", 0);
	fp_json_key_null(&w->j, "processShutdownTime");
	fp_json_key_int(&w->j, "registerTime", 0);
	fp_json_key_null(&w->j, "unregisterTime");
	fp_firefox_empty_list(&w->j, "pausedRanges");
	snprintf(id, sizeof(id), "%d", q->pid);
	fp_json_key_string(&w->j, "pid", id);
	snprintf(id, sizeof(id), "%d", t->tid);
	fp_json_key_string(&w->j, "tid", id);
	fp_json_key_bool(&w->j, "showMarkersInTimeline", false);
	int err = put_samples(w, thread);
	fp_firefox_empty_table(&w->j, "markers", markers);
	fp_json_close(&w->j, '}');
	return err;
}

static int put_profile(struct writing *w)
{
	int err;

	fp_json_open(&w->j, '{');
	put_meta(w);
	fp_firefox_empty_list(&w->j, "libs");
	fp_firefox_empty_list(&w->j, "pages");
	fp_firefox_empty_list(&w->j, "counters");
	err = fp_firefox_tables_put(&w->j, w->p, w->o);
	fp_json_key_open(&w->j, "threads", '[');
	for (uint32_t i = 0; i < w->p->n_threads && !err; i++)
		err = put_thread(w, i);
	fp_json_close(&w->j, ']');
	fp_json_close(&w->j, '}');
	return err;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct writing w = { .p = p, .o = o };
	int ended, err = fp_json_begin(&w.j, out, true);

	if (err)
		return err;
	err = put_profile(&w);
	ended = fp_json_end(&w.j);
	return err ? err : ended;
}

const struct fp_renderer fp_render_firefox = {
	.name = "firefox", .suffix = ".firefox.json.gz", .what = "Firefox profiler, gzipped",
	.viewer = "https://profiler.firefox.com, load from file", .needs_samples = true,
	.render = render,
};
