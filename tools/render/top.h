/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text table of `filperf top`.  Writes
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
	uint32_t first;         /* the row to begin with, as far as there are more than limit */
	uint32_t columns;       /* width to fit; 0: no limit (a pipe) */
	bool colour;
	bool threads;           /* also a table of threads with CPU and GIL share */
	const struct fp_profile *base; /* --diff: adds a column of change; NULL */
};

/* 0 or -errno.  ret_rows, when given, becomes the number of rows there are. */
int fp_top_render(const struct fp_profile *p, const struct fp_top_options *o, FILE *out, uint32_t *ret_rows);

#endif
