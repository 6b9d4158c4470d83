/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations in all: totals, sizes, allocators, the places with the most, and
 * what the peak was made of, as Memray's stats.  Render stage; streams.
 */
#include "tools/model/memory_balance.h"
#include "tools/model/memory_sites.h"
#include "tools/render/memory_balance_text.h"
#include "tools/render/memory_stats.h"
#include "tools/render/memory_text.h"

#include <string.h>

#define LIMIT 10
#define BAR 40

static void put_totals(const struct fp_profile *p, const struct fp_memory_totals *t, FILE *out)
{
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT];

	fprintf(out, "allocated   %24s in %s blocks\n", fp_memory_sum_text(&t->all, size),
		fp_memory_count_text(t->all.n, count));
	fprintf(out, "temporary   %24s in %s blocks, freed before %u more allocations of their thread\n",
		fp_memory_sum_text(&t->temporary, size), fp_memory_count_text(t->temporary.n, count),
		p->headers[p->memory->processes[0].header].mem.temporary_threshold);
	fprintf(out, "at the end  %24s in %s blocks\n\n", fp_memory_sum_text(&t->live, size),
		fp_memory_count_text(t->live.n, count));
	fp_memory_balance_put(p, out);
}

static void put_histogram(const struct fp_memory_totals *t, FILE *out)
{
	char most[FP_BYTES_TEXT], count[FP_COUNT_TEXT];
	uint64_t largest = 1;

	fputs("blocks by size\n", out);
	for (uint32_t i = 0; i < FP_HISTOGRAM_BINS; i++)
		if (t->of_size[i].n > largest)
			largest = t->of_size[i].n;
	for (uint32_t i = 0; i < FP_HISTOGRAM_BINS; i++) {
		bool last = fp_histogram_max(i) == UINT64_MAX;
		int n = (int)((double)BAR * (double)t->of_size[i].n / (double)largest + 0.5);

		fprintf(out, "  %s %10s %12s  %.*s\n", last ? " >" : "<=",
			fp_memory_bytes_text(fp_histogram_max(last ? i - 1 : i), most),
			fp_memory_count_text(t->of_size[i].n, count), n, "########################################");
	}
	fputc('\n', out);
}

static void put_allocators(const struct fp_memory_totals *t, FILE *out)
{
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT];

	fputs("blocks by allocator\n", out);
	for (uint8_t i = 0; i < FP_ALLOCATOR_MAX; i++)
		if (t->of_allocator[i].n)
			fprintf(out, "  %-16s %12s %24s\n", fp_memory_allocator_name(i),
				fp_memory_count_text(t->of_allocator[i].n, count),
				fp_memory_sum_text(&t->of_allocator[i], size));
	fputc('\n', out);
}

static void put_places(const struct fp_profile *p, struct fp_memory_sites *sites, uint32_t limit, FILE *out)
{
	char size[FP_SUM_TEXT], count[FP_COUNT_TEXT], place[512];

	for (int by_count = 0; by_count < 2; by_count++) {
		fp_memory_sites_sort(sites, by_count ? FP_MEMORY_BY_COUNT : FP_MEMORY_BY_OWN);
		fputs(by_count ? "\nlines with the most blocks\n" : "lines with the most bytes\n", out);
		for (uint32_t i = 0; i < sites->n_rows && i < limit; i++) {
			const struct fp_memory_site *s = &sites->rows[i];

			if (s->own.n || s->own.bytes)
				fprintf(out, "  %24s %12s  %s\n", fp_memory_sum_text(&s->own, size),
					fp_memory_count_text(s->own.n, count),
					fp_memory_place_text(p, s->frame, true, place, sizeof(place)));
		}
	}
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_memory_choice choice = {FP_VIEW_ALL, UINT32_MAX};
	uint32_t limit = o->limit ? o->limit : LIMIT;
	struct fp_memory_totals totals;
	struct fp_memory_sites *sites;
	int err = fp_memory_text_check(p);

	if (!err)
		err = fp_memory_sites_make(p, &choice, FP_IDS_LINE, false, &sites);
	if (err)
		return err;
	fp_memory_totals_make(p, &totals);
	if (o->json) {
		err = fp_memory_stats_json(p, &totals, sites, limit, out);
	} else {
		fp_memory_text_head(p, "allocations in all", out);
		put_totals(p, &totals, out);
		put_histogram(&totals, out);
		put_allocators(&totals, out);
		put_places(p, sites, limit, out);
	}
	fp_memory_sites_destroy(sites);
	return err ? err : fp_memory_text_end(out);
}

static int render_json(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_render_options json = *o;

	json.json = true;
	return render(p, &json, out);
}

const struct fp_renderer fp_render_memory_stats = {
	.family = FP_FAMILY_MEMRAY,
	.name = "stats",
	.suffix = ".stats.txt",
	.what = "totals, sizes, allocators, the lines with the most",
	.viewer = "any pager",
	.render = render,
};

const struct fp_renderer fp_render_memory_stats_json = {
	.family = FP_FAMILY_MEMRAY,
	.name = "stats",
	.suffix = ".stats.json",
	.what = "the same as JSON, with the keys of memray stats --json",
	.viewer = "jq, any JSON reader",
	.render = render_json,
};
