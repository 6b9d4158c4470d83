/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that are a row per place, as text and as JSON: what the table and
 * the summary of memory share.  Render stage; streams.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_ROWS_H
#define FP_TOOLS_RENDER_MEMORY_ROWS_H

#include "tools/model/memory_sites.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

struct fp_memory_rows {
	const char *report;     /* in JSON: "table" */
	const char *places;     /* "line": the title's "memory by line", "and 12 lines more" */
	enum fp_ids_by by;
	bool apart;             /* by thread and allocator too */
	uint32_t limit;         /* of the text, where the options have none */
	/* the balance and the titles of columns; a row with its end; NULL or what the JSON has before its rows */
	void (*put_titles)(const struct fp_profile *p, enum fp_memory_view view, FILE *out);
	void (*put_row)(const struct fp_profile *p, const struct fp_memory_sites *t, const struct fp_memory_site *s,
			FILE *out);
	void (*json_facts)(struct fp_json_out *j, const struct fp_profile *p);
	void (*json_row)(struct fp_json_out *j, const struct fp_profile *p, const struct fp_memory_site *s);
};

/* As struct fp_renderer's render(), the text or, as the options say, JSON. */
int fp_memory_rows_render(const struct fp_memory_rows *r, const struct fp_profile *p, const struct fp_render_options *o,
			  FILE *out);
/* JSON whatever the options say. */
int fp_memory_rows_json(const struct fp_memory_rows *r, const struct fp_profile *p, const struct fp_render_options *o,
			FILE *out);

/* In percent; 0 of nothing. */
double fp_memory_percent(uint64_t part, uint64_t whole);

#endif
