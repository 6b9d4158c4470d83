/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by line, thread and allocator, as Memray's table: text and JSON.
 * Render stage; streams.
 */
#include "tools/model/memory_sites.h"
#include "tools/model/names.h"
#include "tools/render/memory_text.h"

#include <errno.h>

#define LIMIT 500

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_text(const struct fp_profile *p, const struct fp_memory_sites *t, enum fp_memory_view view,
		     uint32_t limit, FILE *out)
{
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT], place[512], title[96];

	snprintf(title, sizeof(title), "memory by line, %s", fp_memory_view_name(view));
	fp_memory_text_head(p, title, out);
	fprintf(out, "%24s %6s %12s  %-14s  %-20s  %s\n", "bytes", "share", "blocks", "allocator", "thread", "where");
	for (uint32_t i = 0; i < t->n_rows && i < limit; i++) {
		const struct fp_memory_site *s = &t->rows[i];
		const struct fp_profile_thread *thread = &p->threads[s->thread];
		char name[64];

		if (thread->name[0])
			snprintf(name, sizeof(name), "%s %d", thread->name, thread->tid);
		else
			snprintf(name, sizeof(name), "%d", thread->tid);
		fprintf(out, "%24s %5.1f%% %12s  %-14s  %-20s  %s\n", fp_memory_sum_text(&s->own, size),
			percent(s->own.bytes, t->all.bytes), fp_memory_count_text(s->own.n, count),
			fp_memory_allocator_name(s->allocator), name,
			fp_memory_place_text(p, s->frame, true, place, sizeof(place)));
	}
	if (t->n_rows > limit)
		fprintf(out, "%24s and %u lines more\n", "", t->n_rows - limit);
	fprintf(out, "%24s %6s %12s  in all\n", fp_memory_sum_text(&t->all, size), "",
		fp_memory_count_text(t->all.n, count));
}

static int put_json(const struct fp_profile *p, const struct fp_memory_sites *t, enum fp_memory_view view,
		    uint32_t limit, FILE *out)
{
	struct fp_json_out j;
	int err = fp_json_begin(&j, out, false);

	if (err)
		return err;
	fp_memory_json_head(&j, p, "table");
	fp_json_key(&j, "view");
	fp_json_string(&j, fp_memory_view_name(view));
	fp_memory_json_sum(&j, "", &t->all);
	fp_json_key(&j, "rows");
	fp_json_open(&j, '[');
	for (uint32_t i = 0; i < t->n_rows && i < limit; i++) {
		const struct fp_memory_site *s = &t->rows[i];

		fp_json_newline(&j);
		fp_json_open(&j, '{');
		fp_memory_json_place(&j, p, s->frame, true);
		fp_json_key(&j, "thread_id");
		fp_json_int(&j, p->threads[s->thread].tid);
		fp_json_key(&j, "pid");
		fp_json_int(&j, p->processes[p->threads[s->thread].process].pid);
		fp_json_key(&j, "allocator");
		fp_json_string(&j, fp_memory_allocator_name(s->allocator));
		fp_memory_json_sum(&j, "", &s->own);
		fp_json_close(&j, '}');
	}
	fp_json_close(&j, ']');
	return fp_memory_json_end(&j);
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_memory_choice choice = {o->view, UINT32_MAX};
	struct fp_memory_sites *t;
	int err = fp_memory_text_check(p);

	if (!err)
		err = fp_memory_sites_make(p, &choice, FP_IDS_LINE, true, &t);
	if (err)
		return err;
	if (o->json)
		err = put_json(p, t, o->view, o->limit ? o->limit : UINT32_MAX, out);
	else
		put_text(p, t, o->view, o->limit ? o->limit : LIMIT, out);
	fp_memory_sites_destroy(t);
	return err ? err : fp_memory_text_end(out);
}

static int render_json(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_render_options json = *o;

	json.json = true;
	return render(p, &json, out);
}

const struct fp_renderer fp_render_memory_table = {
	.family = FP_FAMILY_MEMRAY,
	.name = "table",
	.suffix = ".table.txt",
	.what = "a row per line, thread and allocator at the peak",
	.viewer = "any pager",
	.render = render,
};

const struct fp_renderer fp_render_memory_table_json = {
	.family = FP_FAMILY_MEMRAY,
	.name = "table",
	.suffix = ".table.json",
	.what = "the same as JSON",
	.viewer = "jq, any JSON reader",
	.render = render_json,
};
