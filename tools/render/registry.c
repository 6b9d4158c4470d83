/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All output formats, in the order that help shows them.  A new one: its file
 * and two lines here.
 */
#include "tools/render/render.h"

#include <string.h>

extern const struct fp_renderer fp_render_svg, fp_render_raw, fp_render_speedscope, fp_render_json,
	fp_render_prof, fp_render_pprof, fp_render_firefox, fp_render_chrometrace;

const struct fp_renderer *const fp_renderers[] = {
	&fp_render_svg,
	&fp_render_raw,
	&fp_render_speedscope,
	&fp_render_json,
	&fp_render_prof,
	&fp_render_pprof,
	&fp_render_firefox,
	&fp_render_chrometrace,
	NULL,
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

const struct fp_renderer *fp_renderer_find(const char *name_or_suffix)
{
	const struct fp_renderer *best = NULL;

	for (size_t i = 0; fp_renderers[i]; i++)
		if (strcmp(fp_renderers[i]->name, name_or_suffix) == 0)
			return fp_renderers[i];
	/* the longest suffix: x.speedscope.json is no x.json */
	for (size_t i = 0; fp_renderers[i]; i++)
		if (ends_with(name_or_suffix, fp_renderers[i]->suffix) &&
		    (!best || strlen(fp_renderers[i]->suffix) > strlen(best->suffix)))
			best = fp_renderers[i];
	return best;
}
