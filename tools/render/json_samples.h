/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "samples" of filperf's own JSON.  Render stage; streams.  Stacks are lists of
 * readable frames, so when their text would be long, equal stacks of a thread
 * become one entry each, and what still does not fit, or was not in the
 * timeline, one entry [left out].
 */
#ifndef FP_TOOLS_RENDER_JSON_SAMPLES_H
#define FP_TOOLS_RENDER_JSON_SAMPLES_H

#include "tools/render/json_out.h"
#include "tools/render/render.h"

/* The keys samples_merged and samples.  0 or -ENOMEM. */
int fp_json_samples_put(struct fp_json_out *j, const struct fp_profile *p, const struct fp_render_options *o);

#endif
