/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_rows.h.  Render stage; writes to what it is given.
 */
#include "tools/render/memory_rows.h"

#include "tools/render/memory_text.h"

static void put_text(const struct fp_memory_rows *r, const struct fp_profile *p, const struct fp_memory_sites *t,
		     const struct fp_render_options *o, FILE *out)
{
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT], title[96];
	uint32_t limit = o->limit ? o->limit : r->limit;

	snprintf(title, sizeof(title), "memory by %s, %s", r->places, fp_memory_view_name(o->view));
	fp_memory_text_head(p, title, out);
	r->put_titles(p, o->view, out);
	for (uint32_t i = 0; i < t->n_rows && i < limit; i++)
		r->put_row(p, t, &t->rows[i], out);
	if (t->n_rows > limit)
		fprintf(out, "%24s and %u %ss more\n", "", t->n_rows - limit, r->places);
	fprintf(out, "%24s in all, %s blocks\n", fp_memory_sum_text(&t->all, size), fp_memory_count_text(t->all.n, count));
}

static int put_json(const struct fp_memory_rows *r, const struct fp_profile *p, const struct fp_memory_sites *t,
		    const struct fp_render_options *o, FILE *out)
{
	uint32_t limit = o->limit ? o->limit : UINT32_MAX;
	struct fp_json_out j;
	int err = fp_json_begin(&j, out, false);

	if (err)
		return err;
	fp_memory_json_head(&j, p, r->report);
	fp_json_key_string(&j, "view", fp_memory_view_name(o->view));
	fp_memory_json_sum(&j, "", &t->all);
	if (r->json_facts)
		r->json_facts(&j, p);
	fp_json_key_open(&j, "rows", '[');
	for (uint32_t i = 0; i < t->n_rows && i < limit; i++) {
		fp_json_newline(&j);
		fp_json_open(&j, '{');
		r->json_row(&j, p, &t->rows[i]);
		fp_json_close(&j, '}');
	}
	fp_json_close(&j, ']');
	return fp_memory_json_end(&j);
}

int fp_memory_rows_render(const struct fp_memory_rows *r, const struct fp_profile *p, const struct fp_render_options *o,
			  FILE *out)
{
	struct fp_memory_choice choice = {o->view, UINT32_MAX};
	struct fp_memory_sites *t;
	int err = fp_memory_text_check(p);

	if (!err)
		err = fp_memory_sites_make(p, &choice, r->by, r->apart, &t);
	if (err)
		return err;
	if (o->json)
		err = put_json(r, p, t, o, out);
	else
		put_text(r, p, t, o, out);
	fp_memory_sites_destroy(t);
	return err ? err : fp_memory_text_end(out);
}

int fp_memory_rows_json(const struct fp_memory_rows *r, const struct fp_profile *p, const struct fp_render_options *o,
			FILE *out)
{
	struct fp_render_options json = *o;

	json.json = true;
	return fp_memory_rows_render(r, p, &json, out);
}

double fp_memory_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}
