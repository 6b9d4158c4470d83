/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside Scalene's JSON: what its files share.
 */
#ifndef FP_TOOLS_RENDER_SCALENE_JSON_H
#define FP_TOOLS_RENDER_SCALENE_JSON_H

#include "tools/model/source_lines.h"
#include "tools/render/json_out.h"
#include "tools/render/scalene_head.h"

struct fp_scalene_job {
	const struct fp_profile *p;
	const struct fp_render_options *o;
	const struct fp_source_lines *s;
	struct fp_json_out *j;
	/* when samples hit a line, at most some per line */
	uint32_t *times;          /* milliseconds since the start */
	uint32_t *first_time;     /* n_lines + 1 */
};

/* scalene_values.c */
#define FP_SCALENE_MIB 1048576.0
void fp_scalene_number(struct fp_json_out *j, const char *key, double value);
/* key: NULL in lists.  Without a literal < > &. */
void fp_scalene_string(struct fp_json_out *j, const char *key, const char *text);
/* The same within a string that is begun. */
void fp_scalene_text_add(struct fp_json_out *j, const char *text);
/* A line of source. */
void fp_scalene_source(struct fp_json_out *j, const char *text);
/* The name of a file, everywhere the same. */
void fp_scalene_file(struct fp_json_out *j, const char *key, const char *file);
/* [nanoseconds, MiB] */
void fp_scalene_pair(struct fp_json_out *j, uint64_t when_ns, uint64_t n_bytes);
/* 0..1; 0 of nothing. */
double fp_scalene_share(double part, double whole);

/* scalene_samples.c */
/* Sorts samples by line; 0 or -ENOMEM. */
int fp_scalene_times_begin(struct fp_scalene_job *job);
void fp_scalene_times(const struct fp_scalene_job *job, uint32_t line);
/* Key samples: the heap. */
void fp_scalene_heap(const struct fp_scalene_job *job);
/* Key combined_stacks_timeline; index_of: node -> number in combined_stacks,
 * UINT32_MAX none.  0 or -ENOMEM. */
int fp_scalene_timeline(const struct fp_scalene_job *job, const uint32_t *index_of);

/* scalene_stacks.c: keys stacks, combined_stacks, combined_stacks_timeline,
 * memory_stacks, main_thread_id.  0 or -ENOMEM. */
int fp_scalene_stacks(const struct fp_scalene_job *job);

/* scalene_lines.c: key files. */
void fp_scalene_files(const struct fp_scalene_job *job);

#endif
