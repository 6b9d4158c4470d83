/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by function, own and total, as Memray's summary, under the balance
 * of the peak: text and JSON.  Render stage; streams.
 */
#include "tools/render/memory_balance_text.h"
#include "tools/render/memory_rows.h"
#include "tools/render/memory_text.h"

static void put_titles(const struct fp_profile *p, enum fp_memory_view view, FILE *out)
{
	if (view == FP_VIEW_PEAK)
		fp_memory_balance_put(p, out);
	fprintf(out, "%24s %6s %24s %6s %12s  %s\n", "own bytes", "share", "with callees", "share", "own blocks", "function");
}

static void put_row(const struct fp_profile *p, const struct fp_memory_sites *t, const struct fp_memory_site *s, FILE *out)
{
	char own[FP_SUM_TEXT], total[FP_SUM_TEXT], count[FP_COUNT_TEXT], place[512];

	fprintf(out, "%24s %5.1f%% %24s %5.1f%% %12s  %s\n", fp_memory_sum_text(&s->own, own),
		fp_memory_percent(s->own.bytes, t->all.bytes), fp_memory_sum_text(&s->total, total),
		fp_memory_percent(s->total.bytes, t->all.bytes), fp_memory_count_text(s->own.n, count),
		fp_memory_place_text(p, s->frame, false, place, sizeof(place)));
}

static void json_row(struct fp_json_out *j, const struct fp_profile *p, const struct fp_memory_site *s)
{
	fp_memory_json_place(j, p, s->frame, false);
	fp_memory_json_sum(j, "own_", &s->own);
	fp_memory_json_sum(j, "total_", &s->total);
}

static const struct fp_memory_rows rows = {
	.report = "summary",
	.places = "function",
	.by = FP_IDS_FUNCTION,
	.limit = 100,
	.put_titles = put_titles,
	.put_row = put_row,
	.json_facts = fp_memory_balance_json,
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

const struct fp_renderer fp_render_memory_summary = {
	.family = FP_FAMILY_MEMRAY,
	.name = "summary",
	.suffix = ".summary.txt",
	.what = "own and total bytes per function at the peak, and what the peak was made of",
	.viewer = "any pager",
	.render = render,
};

const struct fp_renderer fp_render_memory_summary_json = {
	.family = FP_FAMILY_MEMRAY,
	.name = "summary",
	.suffix = ".summary.json",
	.what = "the same as JSON",
	.viewer = "jq, any JSON reader",
	.render = render_json,
};
