/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside Scalene's JSON: what its two files share.
 */
#ifndef FP_TOOLS_RENDER_SCALENE_JSON_H
#define FP_TOOLS_RENDER_SCALENE_JSON_H

#include "tools/model/source_lines.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

struct fp_scalene_job {
	const struct fp_profile *p;
	const struct fp_render_options *o;
	const struct fp_source_lines *s;
	struct fp_json_out *j;
	/* when samples hit a line, at most some per line */
	uint32_t *times;          /* milliseconds since the start */
	uint32_t *first_time;     /* n_lines + 1 */
};

void fp_scalene_number(struct fp_json_out *j, const char *key, double value);
/* key: NULL in lists.  Without a literal < > &. */
void fp_scalene_string(struct fp_json_out *j, const char *key, const char *text);
/* The name of a file, everywhere the same. */
void fp_scalene_file(struct fp_json_out *j, const char *key, const char *file);

/* Sorts samples by line; 0 or -ENOMEM. */
int fp_scalene_times_begin(struct fp_scalene_job *job);
void fp_scalene_times(const struct fp_scalene_job *job, uint32_t line);
/* Keys stacks, combined_stacks, combined_stacks_timeline, memory_stacks,
 * main_thread_id.  0 or -ENOMEM. */
int fp_scalene_stacks(const struct fp_scalene_job *job);

#endif
