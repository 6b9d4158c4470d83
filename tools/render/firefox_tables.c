/* SPDX-License-Identifier: Apache-2.0 */
/* See firefox_tables.h. */
#include "tools/render/firefox_tables.h"

#include "tools/model/function_ids.h"
#include "tools/model/names.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tables {
	struct fp_json_out *j;
	const struct fp_profile *p;
	const struct fp_render_options *o;
	const char **texts;
	size_t n_texts, room_texts;
	struct fp_key_map by_text; /* profile strings are interned: by address */
	uint32_t *function_of;     /* frame -> function number */
	uint32_t *frame_of;        /* function -> a frame */
	uint32_t *source_of;       /* function -> source, UINT32_MAX none */
	uint32_t n_functions;
	int err;
};

void fp_firefox_empty_list(struct fp_json_out *j, const char *key)
{
	fp_json_key_open(j, key, '[');
	fp_json_close(j, ']');
}

void fp_firefox_empty_table(struct fp_json_out *j, const char *key, const char *const *columns)
{
	fp_json_key_open(j, key, '{');
	fp_json_key_int(j, "length", 0);
	for (; *columns; columns++)
		fp_firefox_empty_list(j, *columns);
	fp_json_close(j, '}');
}

static uint32_t text_index(struct tables *t, const char *text)
{
	uint32_t at = fp_key_map_find(&t->by_text, (uintptr_t)text, NULL, NULL);

	if (at != FP_KEY_MISSING)
		return at;
	if (fp_grow(&t->texts, &t->room_texts, t->n_texts, sizeof(*t->texts)) ||
	    fp_key_map_add(&t->by_text, (uintptr_t)text, (uint32_t)t->n_texts)) {
		t->err = -ENOMEM;
		return 0;
	}
	t->texts[t->n_texts] = text;
	return (uint32_t)t->n_texts++;
}

/* A column of n equal values; verbatim JSON. */
static void column_of(struct tables *t, const char *key, uint32_t n, const char *value)
{
	fp_json_key_open(t->j, key, '[');
	for (uint32_t i = 0; i < n; i++)
		fp_json_verbatim(t->j, value, strlen(value));
	fp_json_close(t->j, ']');
}

static void put_stacks(struct tables *t)
{
	const struct fp_profile *p = t->p;
	uint32_t n = p->n_nodes - 1; /* ours count from the root, theirs do not have it */

	fp_json_key_open(t->j, "stackTable", '{');
	fp_json_key_int(t->j, "length", n);
	fp_json_key_open(t->j, "frame", '[');
	for (uint32_t i = 1; i <= n; i++)
		fp_json_uint(t->j, p->nodes[i].frame);
	fp_json_close(t->j, ']');
	fp_json_key_open(t->j, "prefixOffset", '[');
	for (uint32_t i = 1; i <= n; i++)
		fp_json_uint(t->j, p->nodes[i].parent ? i - p->nodes[i].parent : 0);
	fp_json_close(t->j, ']');
	fp_json_close(t->j, '}');
}

static void put_frames(struct tables *t)
{
	const struct fp_profile *p = t->p;
	uint32_t n = p->n_frames;

	fp_json_key_open(t->j, "frameTable", '{');
	fp_json_key_int(t->j, "length", n);
	fp_json_key_open(t->j, "func", '[');
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(t->j, t->function_of[i]);
	fp_json_close(t->j, ']');
	fp_json_key_open(t->j, "category", '[');
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(t->j, fp_name_origin(&p->frames[i]));
	fp_json_close(t->j, ']');
	fp_json_key_open(t->j, "line", '[');
	for (uint32_t i = 0; i < n; i++) {
		if (t->o->lines && p->frames[i].line)
			fp_json_uint(t->j, p->frames[i].line);
		else
			fp_json_null(t->j);
	}
	fp_json_close(t->j, ']');
	column_of(t, "subcategory", n, "0");
	column_of(t, "column", n, "null");
	column_of(t, "address", n, "-1");
	column_of(t, "nativeSymbol", n, "null");
	column_of(t, "inlineDepth", n, "0");
	column_of(t, "innerWindowID", n, "0");
	column_of(t, "originalLocation", n, "null");
	fp_json_close(t->j, '}');
}

static void put_functions(struct tables *t)
{
	uint32_t n = t->n_functions;

	fp_json_key_open(t->j, "funcTable", '{');
	fp_json_key_int(t->j, "length", n);
	fp_json_key_open(t->j, "name", '[');
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(t->j, text_index(t, t->p->frames[t->frame_of[i]].qualname));
	fp_json_close(t->j, ']');
	fp_json_key_open(t->j, "source", '[');
	for (uint32_t i = 0; i < n; i++) {
		if (t->source_of[i] == UINT32_MAX)
			fp_json_null(t->j);
		else
			fp_json_uint(t->j, t->source_of[i]);
	}
	fp_json_close(t->j, ']');
	fp_json_key_open(t->j, "lineNumber", '[');
	for (uint32_t i = 0; i < n; i++) {
		uint32_t line = t->p->frames[t->frame_of[i]].first_line;

		if (line)
			fp_json_uint(t->j, line);
		else
			fp_json_null(t->j);
	}
	fp_json_close(t->j, ']');
	column_of(t, "isJS", n, "false");
	column_of(t, "relevantForJS", n, "false");
	column_of(t, "resource", n, "-1");
	column_of(t, "columnNumber", n, "null");
	column_of(t, "originalLocation", n, "null");
	fp_json_close(t->j, '}');
}

/* One source per file name. */
static int put_sources(struct tables *t)
{
	struct fp_key_map by_file = { 0 };
	uint32_t n = 0, *texts = calloc((size_t)t->n_functions + 1, sizeof(*texts));

	if (!texts)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_functions; i++) {
		const char *file = t->p->frames[t->frame_of[i]].file;
		uint32_t at = fp_key_map_find(&by_file, (uintptr_t)file, NULL, NULL);

		t->source_of[i] = UINT32_MAX;
		if (!file[0])
			continue;
		if (at == FP_KEY_MISSING) {
			at = n++;
			texts[at] = text_index(t, file);
			if (fp_key_map_add(&by_file, (uintptr_t)file, at))
				t->err = -ENOMEM;
		}
		t->source_of[i] = at;
	}
	fp_key_map_free(&by_file);
	fp_json_key_open(t->j, "sources", '{');
	fp_json_key_int(t->j, "length", n);
	fp_json_key_open(t->j, "filename", '[');
	for (uint32_t i = 0; i < n; i++)
		fp_json_uint(t->j, texts[i]);
	fp_json_close(t->j, ']');
	column_of(t, "id", n, "null");
	column_of(t, "startLine", n, "1");
	column_of(t, "startColumn", n, "1");
	column_of(t, "sourceMapURL", n, "null");
	column_of(t, "content", n, "null");
	fp_json_close(t->j, '}');
	free(texts);
	return 0;
}

static void put_texts(struct tables *t)
{
	fp_json_key_open(t->j, "stringArray", '[');
	for (size_t i = 0; i < t->n_texts; i++)
		fp_json_string(t->j, t->texts[i]);
	fp_json_close(t->j, ']');
}

static int put_all(struct tables *t)
{
	static const char *const resources[] = { "lib", "name", "host", "type", NULL };
	static const char *const symbols[] = { "libIndex", "address", "name", "functionSize", NULL };
	static const char *const locations[] = { "source", "line", "column", NULL };
	int err;

	fp_json_key_open(t->j, "shared", '{');
	put_stacks(t);
	put_frames(t);
	err = put_sources(t);
	put_functions(t);
	fp_firefox_empty_table(t->j, "resourceTable", resources);
	fp_firefox_empty_table(t->j, "nativeSymbols", symbols);
	fp_firefox_empty_table(t->j, "sourceLocationTable", locations);
	put_texts(t); /* the tables above said which */
	fp_json_close(t->j, '}');
	return err ? err : t->err;
}

int fp_firefox_tables_put(struct fp_json_out *j, const struct fp_profile *p, const struct fp_render_options *o)
{
	struct tables t = { .j = j, .p = p, .o = o };
	int err = -ENOMEM;

	t.function_of = fp_function_ids(p, FP_IDS_FUNCTION, false, &t.n_functions);
	t.frame_of = calloc((size_t)t.n_functions + 1, sizeof(*t.frame_of));
	t.source_of = calloc((size_t)t.n_functions + 1, sizeof(*t.source_of));
	if (t.function_of && t.frame_of && t.source_of) {
		for (uint32_t i = p->n_frames; i-- > 0;)
			t.frame_of[t.function_of[i]] = i;
		err = put_all(&t);
	}
	free(t.function_of);
	free(t.frame_of);
	free(t.source_of);
	free(t.texts);
	fp_key_map_free(&t.by_text);
	return err;
}
