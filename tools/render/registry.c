/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All output formats, in the order that help shows them.  A new one: its file
 * and two lines here.
 */
#include "tools/render/render.h"

#include <string.h>

extern const struct fp_renderer fp_render_svg, fp_render_raw, fp_render_speedscope, fp_render_json,
	fp_render_prof, fp_render_pprof, fp_render_firefox, fp_render_chrometrace;
extern const struct fp_renderer fp_render_memory_html, fp_render_memory_flamegraph, fp_render_memray_bin,
	fp_render_memory_table, fp_render_memory_table_json,
	fp_render_memory_tree, fp_render_memory_tree_json, fp_render_memory_summary, fp_render_memory_summary_json,
	fp_render_memory_stats, fp_render_memory_stats_json, fp_render_memory_leaks, fp_render_memory_final;
extern const struct fp_renderer fp_render_scalene_json, fp_render_scalene_text, fp_render_scalene_html;

const struct fp_renderer *const fp_renderers[] = {
	&fp_render_svg,
	&fp_render_raw,
	&fp_render_speedscope,
	&fp_render_json,
	&fp_render_prof,
	&fp_render_pprof,
	&fp_render_firefox,
	&fp_render_chrometrace,
	&fp_render_memory_html,
	&fp_render_memory_flamegraph,
	&fp_render_memray_bin,
	&fp_render_memory_table,
	&fp_render_memory_table_json,
	&fp_render_memory_tree,
	&fp_render_memory_tree_json,
	&fp_render_memory_summary,
	&fp_render_memory_summary_json,
	&fp_render_memory_stats,
	&fp_render_memory_stats_json,
	&fp_render_memory_leaks,
	&fp_render_memory_final,
	&fp_render_scalene_json,
	&fp_render_scalene_text,
	&fp_render_scalene_html,
	NULL,
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

const char *fp_report_family_name(enum fp_report_family family)
{
	static const char *const names[FP_FAMILY_MAX] = {
		[FP_FAMILY_PYSPY] = "pyspy",
		[FP_FAMILY_MEMRAY] = "memray",
		[FP_FAMILY_SCALENE] = "scalene",
		[FP_FAMILY_MEMORY] = "memory",
	};

	return names[family];
}

const struct fp_renderer *fp_renderer_find(enum fp_report_family family, const char *name)
{
	for (size_t i = 0; fp_renderers[i]; i++)
		if (fp_renderers[i]->family == family && strcmp(fp_renderers[i]->name, name) == 0)
			return fp_renderers[i];
	return NULL;
}

const struct fp_renderer *fp_renderer_guess(const char *name_or_file)
{
	const struct fp_renderer *best = fp_renderer_find(FP_FAMILY_PYSPY, name_or_file);

	/* the longest suffix: x.speedscope.json is no x.json */
	for (size_t i = 0; fp_renderers[i] && (!best || strcmp(best->name, name_or_file) != 0); i++)
		if (fp_renderers[i]->family == FP_FAMILY_PYSPY && ends_with(name_or_file, fp_renderers[i]->suffix) &&
		    (!best || strlen(fp_renderers[i]->suffix) > strlen(best->suffix)))
			best = fp_renderers[i];
	return best;
}
