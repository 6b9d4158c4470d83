/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums per function, per line, and per pair of caller and callee.  In a
 * total, a function that recurses counts once per stack.
 */
#ifndef FP_TOOLS_MODEL_FUNCTION_TABLE_H
#define FP_TOOLS_MODEL_FUNCTION_TABLE_H

#include "tools/read/profile.h"

/* A row: a function, or a function at a line. */
struct fp_row {
	uint32_t frame;         /* of the profile: names and file; its line only in a line table */
	uint64_t self_ns, total_ns;
	uint64_t self_gil_ns, total_gil_ns; /* while holding the GIL */
	uint64_t self_samples, total_samples; /* signals, not counts at the nominal rate */
	uint64_t self_kind_ns[FP_CPU_KINDS];
};

/* How much of callee ran under a direct call from caller. */
struct fp_row_edge {
	uint32_t caller, callee; /* rows */
	uint64_t self_ns, total_ns;
	uint64_t total_samples;
};

struct fp_function_table {
	struct fp_row *rows;    /* in order of first appearance */
	uint32_t n_rows;
	uint32_t *row_of_frame; /* n_frames of the profile */
	struct fp_row_edge *edges;
	uint32_t n_edges;
	uint64_t all_ns, all_gil_ns, all_samples;
};

enum fp_table_by {
	FP_TABLE_FUNCTION, /* name, qualified name, file and first line alike */
	FP_TABLE_LINE,     /* names, file and line alike */
	FP_TABLE_CODE_NAME, /* as FUNCTION with co_name, for .prof */
};

/* edges: also fill edges[].  Thread: one thread only, UINT32_MAX all. */
int fp_function_table_make(const struct fp_profile *p, enum fp_table_by by, bool edges,
			   uint32_t thread, struct fp_function_table **ret_table);
void fp_function_table_destroy(struct fp_function_table *t);

enum fp_table_order { FP_ORDER_SELF, FP_ORDER_TOTAL, FP_ORDER_NAME };
/* Row numbers in order, largest first (names A to Z), ties by name.  Freed by
 * the caller; NULL: out of memory. */
uint32_t *fp_function_table_order(const struct fp_profile *p, const struct fp_function_table *t,
				  enum fp_table_order order);

/* CPU of each thread; GIL share = gil_ns / ns. */
struct fp_thread_sum {
	uint64_t ns, gil_ns, samples, gil_samples;
	uint64_t kind_ns[FP_CPU_KINDS];
};
/* n_threads of them, freed by the caller. */
struct fp_thread_sum *fp_thread_sums(const struct fp_profile *p);

#endif
