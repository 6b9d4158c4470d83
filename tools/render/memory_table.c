/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by line, thread and allocator, as Memray's table: text and JSON.
 * Render stage; streams.
 */
#include "tools/render/memory_rows.h"
#include "tools/render/memory_text.h"

static void put_titles(const struct fp_profile *p, enum fp_memory_view view, FILE *out)
{
	(void)p;
	(void)view;
	fprintf(out, "%24s %6s %12s  %-14s  %-20s  %s\n", "bytes", "share", "blocks", "allocator", "thread", "where");
}

static void put_row(const struct fp_profile *p, const struct fp_memory_sites *t, const struct fp_memory_site *s, FILE *out)
{
	const struct fp_profile_thread *thread = &p->threads[s->thread];
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT], place[512], name[64];

	if (thread->name[0])
		snprintf(name, sizeof(name), "%s %d", thread->name, thread->tid);
	else
		snprintf(name, sizeof(name), "%d", thread->tid);
	fprintf(out, "%24s %5.1f%% %12s  %-14s  %-20s  %s\n", fp_memory_sum_text(&s->own, size),
		fp_memory_percent(s->own.bytes, t->all.bytes), fp_memory_count_text(s->own.n, count),
		fp_memory_allocator_name(s->allocator), name,
		fp_memory_place_text(p, s->frame, true, place, sizeof(place)));
}

static void json_row(struct fp_json_out *j, const struct fp_profile *p, const struct fp_memory_site *s)
{
	fp_memory_json_place(j, p, s->frame, true);
	fp_json_key_int(j, "thread_id", p->threads[s->thread].tid);
	fp_json_key_int(j, "pid", p->processes[p->threads[s->thread].process].pid);
	fp_json_key_string(j, "allocator", fp_memory_allocator_name(s->allocator));
	fp_memory_json_sum(j, "", &s->own);
}

static const struct fp_memory_rows rows = {
	.report = "table",
	.places = "line",
	.by = FP_IDS_LINE,
	.apart = true,
	.limit = 500,
	.put_titles = put_titles,
	.put_row = put_row,
	.json_row = json_row,
};

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	return fp_memory_rows_render(&rows, p, o, out);
}

static int render_json(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	return fp_memory_rows_json(&rows, p, o, out);
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
