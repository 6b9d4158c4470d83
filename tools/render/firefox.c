/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Firefox profiler's processed profile, version 66 (newer ones are
 * upgraded by its loader, newer than it knows are refused), gzipped.  Render
 * stage; streams column by column.
 */
#include "tools/model/function_ids.h"
#include "tools/model/names.h"
#include "tools/model/timeline.h"
#include "tools/read/key_map.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	const char **texts;
	size_t n_texts, room_texts;
	struct fp_key_map by_text; /* profile strings are interned: by address */
	uint32_t *function_of;     /* frame -> function number */
	uint32_t *frame_of;        /* function -> a frame */
	uint32_t n_functions;
	int err;
};

static uint32_t text_index(struct writing *w, const char *text)
{
	uint32_t at = fp_key_map_find(&w->by_text, (uintptr_t)text, NULL, NULL);

	if (at != FP_KEY_MISSING)
		return at;
	if (fp_grow(&w->texts, &w->room_texts, w->n_texts, sizeof(*w->texts)) ||
	    fp_key_map_add(&w->by_text, (uintptr_t)text, (uint32_t)w->n_texts)) {
		w->err = -ENOMEM;
		return 0;
	}
	w->texts[w->n_texts] = text;
	return (uint32_t)w->n_texts++;
}

static void key_text(struct writing *w, const char *key, const char *text)
{
	fp_json_key(&w->j, key);
	fp_json_string(&w->j, text);
}

static void key_int(struct writing *w, const char *key, int64_t value)
{
	fp_json_key(&w->j, key);
	fp_json_int(&w->j, value);
}

static void key_bool(struct writing *w, const char *key, bool value)
{
	fp_json_key(&w->j, key);
	fp_json_bool(&w->j, value);
}

static void key_null(struct writing *w, const char *key)
{
	fp_json_key(&w->j, key);
	fp_json_null(&w->j);
}

static void open_list(struct writing *w, const char *key)
{
	fp_json_key(&w->j, key);
	fp_json_open(&w->j, '[');
}

static void empty_list(struct writing *w, const char *key)
{
	open_list(w, key);
	fp_json_close(&w->j, ']');
}

/* A column of n equal values; verbatim JSON. */
static void column_of(struct writing *w, const char *key, uint32_t n, const char *value)
{
	open_list(w, key);
	for (uint32_t i = 0; i < n; i++)
		fp_json_verbatim(&w->j, value, strlen(value));
	fp_json_close(&w->j, ']');
}

static void put_meta(struct writing *w)
{
	const struct fp_profile *p = w->p;

	fp_json_key(&w->j, "meta");
	fp_json_open(&w->j, '{');
	fp_json_key(&w->j, "interval");
	fp_json_fixed(&w->j, 1000000u / (p->rate_hz ? p->rate_hz : 100), 3);
	fp_json_key(&w->j, "startTime");
	fp_json_fixed(&w->j, (uint64_t)p->start_realtime_ns / 1000, 3);
	key_int(w, "processType", 0);
	key_text(w, "product", w->o->title ? w->o->title : p->command[0] ? p->command : "filperf");
	key_int(w, "stackwalk", 0);
	key_int(w, "version", GECKO_VERSION);
	key_int(w, "preprocessedProfileVersion", PROCESSED_VERSION);
	key_bool(w, "debug", false);
	key_bool(w, "symbolicated", true);
	key_text(w, "importedFrom", "filperf");
	key_bool(w, "usesOnlyOneStackType", true);
	key_bool(w, "sourceCodeIsNotOnSearchfox", true);
	empty_list(w, "markerSchema");
	open_list(w, "categories");
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
		fp_json_open(&w->j, '{');
		key_text(w, "name", categories[i].name);
		key_text(w, "color", categories[i].colour);
		open_list(w, "subcategories");
		fp_json_string(&w->j, "Other");
		fp_json_close(&w->j, ']');
		fp_json_close(&w->j, '}');
	}
	fp_json_close(&w->j, ']');
	fp_json_key(&w->j, "sampleUnits");
	fp_json_open(&w->j, '{');
	key_text(w, "time", "ms");
	key_text(w, "eventDelay", "ms");
	key_text(w, "threadCPUDelta", "\xc2\xb5s");
	fp_json_close(&w->j, '}');
	fp_json_close(&w->j, '}');
}

static void put_stacks(struct writing *w)
{
	const struct fp_profile *p = w->p;
	uint32_t n = p->n_nodes - 1; /* ours count from the root, theirs do not have it */

	fp_json_key(&w->j, "stackTable");
	fp_json_open(&w->j, '{');
	key_int(w, "length", n);
	open_list(w, "frame");
	for (uint32_t i = 1; i <= n; i++)
		fp_json_uint(&w->j, p->nodes[i].frame);
	fp_json_close(&w->j, ']');
	open_list(w, "prefixOffset");
	for (uint32_t i = 1; i <= n; i++)
		fp_json_uint(&w->j, p->nodes[i].parent ? i - p->nodes[i].parent : 0);
	fp_json_close(&w->j, ']');
	fp_json_close(&w->j, '}');
}

static void put_frames(struct writing *w)
{
	const struct fp_profile *p = w->p;
	uint32_t n = p->n_frames;

	fp_json_key(&w->j, "frameTable");
	fp_json_open(&w->j, '{');
	key_int(w, "length", n);
	open_list(w, "func");
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(&w->j, w->function_of[i]);
	fp_json_close(&w->j, ']');
	open_list(w, "category");
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(&w->j, fp_name_origin(&p->frames[i]));
	fp_json_close(&w->j, ']');
	open_list(w, "line");
	for (uint32_t i = 0; i < n; i++) {
		if (w->o->lines && p->frames[i].line)
			fp_json_uint(&w->j, p->frames[i].line);
		else
			fp_json_null(&w->j);
	}
	fp_json_close(&w->j, ']');
	column_of(w, "subcategory", n, "0");
	column_of(w, "column", n, "null");
	column_of(w, "address", n, "-1");
	column_of(w, "nativeSymbol", n, "null");
	column_of(w, "inlineDepth", n, "0");
	column_of(w, "innerWindowID", n, "0");
	column_of(w, "originalLocation", n, "null");
	fp_json_close(&w->j, '}');
}

static void put_functions(struct writing *w, const uint32_t *source_of)
{
	uint32_t n = w->n_functions;

	fp_json_key(&w->j, "funcTable");
	fp_json_open(&w->j, '{');
	key_int(w, "length", n);
	open_list(w, "name");
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(&w->j, text_index(w, w->p->frames[w->frame_of[i]].qualname));
	fp_json_close(&w->j, ']');
	open_list(w, "source");
	for (uint32_t i = 0; i < n; i++) {
		if (source_of[i] == UINT32_MAX)
			fp_json_null(&w->j);
		else
			fp_json_uint(&w->j, source_of[i]);
	}
	fp_json_close(&w->j, ']');
	open_list(w, "lineNumber");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t line = w->p->frames[w->frame_of[i]].first_line;

		if (line)
			fp_json_uint(&w->j, line);
		else
			fp_json_null(&w->j);
	}
	fp_json_close(&w->j, ']');
	column_of(w, "isJS", n, "false");
	column_of(w, "relevantForJS", n, "false");
	column_of(w, "resource", n, "-1");
	column_of(w, "columnNumber", n, "null");
	column_of(w, "originalLocation", n, "null");
	fp_json_close(&w->j, '}');
}

/* One source per file name. */
static int put_sources(struct writing *w, uint32_t *source_of)
{
	struct fp_key_map by_file = { 0 };
	uint32_t n = 0, *texts = calloc((size_t)w->n_functions + 1, sizeof(*texts));

	if (!texts)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->n_functions; i++) {
		const char *file = w->p->frames[w->frame_of[i]].file;
		uint32_t at = fp_key_map_find(&by_file, (uintptr_t)file, NULL, NULL);

		source_of[i] = UINT32_MAX;
		if (!file[0])
			continue;
		if (at == FP_KEY_MISSING) {
			at = n++;
			texts[at] = text_index(w, file);
			if (fp_key_map_add(&by_file, (uintptr_t)file, at))
				w->err = -ENOMEM;
		}
		source_of[i] = at;
	}
	fp_key_map_free(&by_file);
	fp_json_key(&w->j, "sources");
	fp_json_open(&w->j, '{');
	key_int(w, "length", n);
	open_list(w, "filename");
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(&w->j, texts[i]);
	fp_json_close(&w->j, ']');
	column_of(w, "id", n, "null");
	column_of(w, "startLine", n, "1");
	column_of(w, "startColumn", n, "1");
	column_of(w, "sourceMapURL", n, "null");
	column_of(w, "content", n, "null");
	fp_json_close(&w->j, '}');
	free(texts);
	return 0;
}

static void put_empty_table(struct writing *w, const char *key, const char *const *columns)
{
	fp_json_key(&w->j, key);
	fp_json_open(&w->j, '{');
	key_int(w, "length", 0);
	for (; *columns; columns++)
		empty_list(w, *columns);
	fp_json_close(&w->j, '}');
}

static int put_shared(struct writing *w)
{
	static const char *const resources[] = { "lib", "name", "host", "type", NULL };
	static const char *const symbols[] = { "libIndex", "address", "name", "functionSize", NULL };
	static const char *const locations[] = { "source", "line", "column", NULL };
	uint32_t *source_of = calloc((size_t)w->n_functions + 1, sizeof(*source_of));

	if (!source_of)
		return -ENOMEM;
	fp_json_key(&w->j, "shared");
	fp_json_open(&w->j, '{');
	put_stacks(w);
	put_frames(w);
	int err = put_sources(w, source_of);
	put_functions(w, source_of);
	free(source_of);
	put_empty_table(w, "resourceTable", resources);
	put_empty_table(w, "nativeSymbols", symbols);
	put_empty_table(w, "sourceLocationTable", locations);
	open_list(w, "stringArray");
	for (size_t i = 0; i < w->n_texts; i++)
		fp_json_string(&w->j, w->texts[i]);
	fp_json_close(&w->j, ']');
	fp_json_close(&w->j, '}');
	return err;
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

	fp_json_key(&w->j, "samples");
	fp_json_open(&w->j, '{');
	for (int c = 0; c < 4 && n >= 0; c++) {
		open_list(w, names[c]);
		n = put_column(w, thread, (enum column)c);
		fp_json_close(&w->j, ']');
	}
	key_text(w, "weightType", "samples");
	key_int(w, "length", n);
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
	key_text(w, "name", t->name[0] ? t->name : "thread");
	key_bool(w, "isMainThread", t->is_main);
	key_text(w, "processType", "default");
	key_text(w, "processName", q->title);
	key_int(w, "processStartupTime", 0);
	key_null(w, "processShutdownTime");
	key_int(w, "registerTime", 0);
	key_null(w, "unregisterTime");
	empty_list(w, "pausedRanges");
	snprintf(id, sizeof(id), "%d", q->pid);
	key_text(w, "pid", id);
	snprintf(id, sizeof(id), "%d", t->tid);
	key_text(w, "tid", id);
	key_bool(w, "showMarkersInTimeline", false);
	int err = put_samples(w, thread);
	put_empty_table(w, "markers", markers);
	fp_json_close(&w->j, '}');
	return err;
}

static int put_profile(struct writing *w)
{
	int err;

	fp_json_open(&w->j, '{');
	put_meta(w);
	empty_list(w, "libs");
	empty_list(w, "pages");
	empty_list(w, "counters");
	err = put_shared(w);
	open_list(w, "threads");
	for (uint32_t i = 0; i < w->p->n_threads && !err; i++)
		err = put_thread(w, i);
	fp_json_close(&w->j, ']');
	fp_json_close(&w->j, '}');
	return err ? err : w->err;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct writing w = { .p = p, .o = o };
	int err = -ENOMEM;

	w.function_of = fp_function_ids(p, FP_IDS_FUNCTION, false, &w.n_functions);
	w.frame_of = calloc((size_t)w.n_functions + 1, sizeof(*w.frame_of));
	if (w.function_of && w.frame_of)
		err = fp_json_begin(&w.j, out, true);
	if (!err) {
		for (uint32_t i = p->n_frames; i-- > 0;)
			w.frame_of[w.function_of[i]] = i;
		err = put_profile(&w);
		int ended = fp_json_end(&w.j);
		err = err ? err : ended;
	}
	free(w.function_of);
	free(w.frame_of);
	free(w.texts);
	fp_key_map_free(&w.by_text);
	return err;
}

const struct fp_renderer fp_render_firefox = {
	.name = "firefox", .suffix = ".firefox.json.gz", .what = "Firefox profiler, gzipped",
	.viewer = "https://profiler.firefox.com, load from file", .needs_samples = true,
	.render = render,
};
