/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by function, own and total, as Memray's summary, under the balance
 * of the peak: text and JSON.  Render stage; streams.
 */
#include "tools/model/memory_balance.h"
#include "tools/model/memory_sites.h"
#include "tools/render/memory_balance_text.h"
#include "tools/render/memory_text.h"

#include <errno.h>

#define LIMIT 100

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_text(const struct fp_profile *p, const struct fp_memory_sites *t, enum fp_memory_view view,
		     uint32_t limit, FILE *out)
{
	char own[FP_SUM_TEXT], total[FP_SUM_TEXT], count[FP_COUNT_TEXT], place[512], title[96];

	snprintf(title, sizeof(title), "memory by function, %s", fp_memory_view_name(view));
	fp_memory_text_head(p, title, out);
	if (view == FP_VIEW_PEAK)
		fp_memory_balance_put(p, out);
	fprintf(out, "%24s %6s %24s %6s %12s  %s\n", "own bytes", "share", "with callees", "share", "own blocks", "function");
	for (uint32_t i = 0; i < t->n_rows && i < limit; i++) {
		const struct fp_memory_site *s = &t->rows[i];

		fprintf(out, "%24s %5.1f%% %24s %5.1f%% %12s  %s\n", fp_memory_sum_text(&s->own, own),
			percent(s->own.bytes, t->all.bytes), fp_memory_sum_text(&s->total, total),
			percent(s->total.bytes, t->all.bytes), fp_memory_count_text(s->own.n, count),
			fp_memory_place_text(p, s->frame, false, place, sizeof(place)));
	}
	if (t->n_rows > limit)
		fprintf(out, "%24s and %u functions more\n", "", t->n_rows - limit);
	fprintf(out, "%24s in all, %s blocks\n", fp_memory_sum_text(&t->all, own), fp_memory_count_text(t->all.n, count));
}

static int put_json(const struct fp_profile *p, const struct fp_memory_sites *t, enum fp_memory_view view,
		    uint32_t limit, FILE *out)
{
	struct fp_json_out j;
	int err = fp_json_begin(&j, out, false);

	if (err)
		return err;
	fp_memory_json_head(&j, p, "summary");
	fp_json_key(&j, "view");
	fp_json_string(&j, fp_memory_view_name(view));
	fp_memory_json_sum(&j, "", &t->all);
	fp_memory_balance_json(&j, p);
	fp_json_key(&j, "rows");
	fp_json_open(&j, '[');
	for (uint32_t i = 0; i < t->n_rows && i < limit; i++) {
		const struct fp_memory_site *s = &t->rows[i];

		fp_json_newline(&j);
		fp_json_open(&j, '{');
		fp_memory_json_place(&j, p, s->frame, false);
		fp_memory_json_sum(&j, "own_", &s->own);
		fp_memory_json_sum(&j, "total_", &s->total);
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
		err = fp_memory_sites_make(p, &choice, FP_IDS_FUNCTION, false, &t);
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
