/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Scalene's reports say first: what ran, how it was measured, at what
 * cost, and how far small figures can be trusted.
 */
#ifndef FP_TOOLS_RENDER_SCALENE_HEAD_H
#define FP_TOOLS_RENDER_SCALENE_HEAD_H

#include "tools/model/source_lines.h"
#include "tools/render/render.h"

#define FP_SCALENE_HEAD_LINES 8
#define FP_SCALENE_HEAD_BYTES 400

/* The number of lines. */
int fp_scalene_head(const struct fp_profile *p, const struct fp_source_lines *s, const struct fp_render_options *o,
		    char (*lines)[FP_SCALENE_HEAD_BYTES]);

/* Whether there is memory, copies, to show. */
bool fp_scalene_has_memory(const struct fp_profile *p, const struct fp_render_options *o);
bool fp_scalene_has_copies(const struct fp_profile *p, const struct fp_render_options *o);

/* The model as the options ask for it, for fp_scalene_model_drop() with the same
 * options; it may be shared. */
int fp_scalene_model(const struct fp_profile *p, const struct fp_render_options *o, struct fp_source_lines **ret_lines);
void fp_scalene_model_drop(const struct fp_render_options *o, struct fp_source_lines *s);

#endif
