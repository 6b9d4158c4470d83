/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside source_lines: its later steps.
 */
#ifndef FP_TOOLS_MODEL_SOURCE_PARTS_H
#define FP_TOOLS_MODEL_SOURCE_PARTS_H

#include "tools/model/source_lines.h"

void fp_source_sums_add(struct fp_source_sums *to, const struct fp_source_sums *more);

/* Files, lines and functions of sums per frame; reads the sources.  0 or -ENOMEM. */
int fp_source_group(const struct fp_profile *p, const struct fp_source_sums *sums, const uint32_t *frame_of_node,
		    struct fp_source_lines *s);
/* Memory, into the sums per frame; [n_frames] is nowhere. */
void fp_source_sum_memory(const struct fp_profile *p, const uint32_t *frame_of_node, struct fp_source_sums *sums);
/* points and peak.  0 or -ENOMEM. */
int fp_source_timeline(const struct fp_profile *p, struct fp_source_lines *s);
/* The verdicts of model/memory_leaks, into the sums per frame.  0 or -ENOMEM. */
int fp_source_mark_leaks(const struct fp_profile *p, const struct fp_leaks *leaks, const uint32_t *frame_of_node,
			 struct fp_source_sums *sums);

#endif
