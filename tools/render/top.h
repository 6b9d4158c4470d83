/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text table of `filperf top` and the top lines of the summary.  Writes
 * text only where the caller says; colours only when asked.
 */
#ifndef FP_TOOLS_RENDER_TOP_H
#define FP_TOOLS_RENDER_TOP_H

#include "tools/model/function_table.h"

#include <stdio.h>

struct fp_top_options {
	enum fp_table_by by;    /* per function or per line */
	enum fp_table_order order;
	uint32_t limit;         /* rows; 0: all */
	uint32_t columns;       /* width to fit; 0: no limit (a pipe) */
	bool colour;
	bool threads;           /* also a table of threads with CPU and GIL share */
	const struct fp_profile *base; /* --diff: adds a column of change; NULL */
};

/* 0 or -errno. */
int fp_top_render(const struct fp_profile *p, const struct fp_top_options *o, FILE *out);

/* One row of the summary: "12.3 %  build_model (filare/models.py:88)". */
struct fp_top_line {
	double self_share, total_share, gil_share; /* 0..1; gil of its own self time */
	uint64_t self_ns, total_ns;
	char text[256];         /* qualname (file:LINE) */
};
/* The lines with the largest self time, marks left out.  Number filled, or -errno. */
int fp_top_lines(const struct fp_profile *p, enum fp_table_by by, struct fp_top_line *ret_lines,
		 uint32_t n);

#endif
