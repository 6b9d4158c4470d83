/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Top lines in tracemalloc's style: what lives at the end, or now.  Source
 * lines come from the files where they can be read.  Render stage; streams.
 */
#include "tools/model/memory_sites.h"
#include "tools/model/source_line.h"
#include "tools/render/memory_text.h"

#include <errno.h>

#define LIMIT 10

static void put_site(const struct fp_profile *p, uint32_t number, const struct fp_memory_site *s, FILE *out)
{
	const struct fp_frame *f = &p->frames[s->frame];
	char size[FP_SUM_TEXT], source[200];

	if (f->kind == FP_FRAME_PYTHON)
		fprintf(out, "#%u: %s:%u: %s\n", number, f->file, f->line, fp_memory_sum_text(&s->own, size));
	else
		fprintf(out, "#%u: %s: %s\n", number, f->qualname, fp_memory_sum_text(&s->own, size));
	fp_source_line(f->file, f->kind == FP_FRAME_PYTHON ? f->line : 0, source, sizeof(source));
	if (source[0])
		fprintf(out, "    %s\n", source);
}

static void put_text(const struct fp_profile *p, const struct fp_memory_sites *t, uint32_t limit, FILE *out)
{
	struct fp_memory_sum rest = {0, 0, 0}, other;
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT];
	uint32_t n = t->n_rows < limit ? t->n_rows : limit;

	fp_memory_text_head(p, p->cut ? "memory, as it stood" : "memory at the end", out);
	fprintf(out, "Top %u lines\n", n);
	for (uint32_t i = 0; i < n; i++)
		put_site(p, i + 1, &t->rows[i], out);
	other = t->all;
	for (uint32_t i = 0; i < n; i++) {
		other.bytes -= t->rows[i].own.bytes;
		other.variance -= t->rows[i].own.variance;
	}
	rest.bytes = other.bytes;
	/* what a subtraction leaves of nothing is no interval */
	rest.variance = other.variance > t->all.variance * 1e-9 ? other.variance : 0;
	if (t->n_rows > n)
		fprintf(out, "%u other: %s\n", t->n_rows - n, fp_memory_sum_text(&rest, size));
	fprintf(out, "Total allocated size: %s\n", fp_memory_sum_text(&t->all, size));
	fprintf(out, "Total blocks: %s\n", fp_memory_count_text(t->all.n, count));
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_memory_choice choice = {FP_VIEW_LEAKS, UINT32_MAX};
	struct fp_memory_sites *t;
	int err = fp_memory_text_check(p);

	if (!err)
		err = fp_memory_sites_make(p, &choice, FP_IDS_LINE, false, &t);
	if (err)
		return err;
	put_text(p, t, o->limit ? o->limit : LIMIT, out);
	fp_memory_sites_destroy(t);
	return fp_memory_text_end(out);
}

const struct fp_renderer fp_render_memory_final = {
	.family = FP_FAMILY_MEMORY,
	.name = "final",
	.suffix = "-final.txt",
	.what = "what lived at the end, by line, in tracemalloc's style",
	.viewer = "any pager",
	.render = render,
};
