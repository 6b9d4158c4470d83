/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the interactive memory page is given, as read by tools/assets/
 * memory_data.js.  Numbers are LEB128; a column is one number per item.
 *
 * head  JSON: the run, its processes, threads and timelines.
 * tree  n_bytes of the strings, the strings, NUL-ended; n_functions, columns
 *       name, file, short file, first line, flags (enum fp_memory_function_flag),
 *       red, green, blue; n_frames, columns function (0: the next new one, k: the
 *       k-th last one), line; n_nodes, columns up (how many levels above the node
 *       before its parent lies: 0 that node itself), frame (as function);
 *       n_rows, columns node (difference), thread, allocator, flags, n and bytes
 *       of all; then n and bytes of peak, leaks and temporary for the rows whose
 *       flags say so; then, for sampled rows, 16 log2(1 + root of the variance)
 *       of peak, leaks, all.
 *       Row flags: 2 bits each for peak, leaks, temporary (0 none, 1 as all, 2
 *       numbers of its own), 64 sampled.
 * range n_processes with a stream; for each its index in the head, n_steps,
 *       span (ms), bytes in the stream, bytes left out, n_records, columns row
 *       (difference), first step (difference within a row), life (0 to the end,
 *       k: freed k - 1 steps later), n, bytes.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_HTML_DATA_H
#define FP_TOOLS_RENDER_MEMORY_HTML_DATA_H

#include "tools/render/memory_html_pack.h"
#include "tools/render/memory_html_tree.h"

enum fp_memory_function_flag {
	FP_FUNCTION_ORIGIN_MASK = 7,   /* enum fp_origin */
	FP_FUNCTION_IMPORT = 8,        /* the import system's own */
	FP_FUNCTION_INTERPRETER = 16,  /* CPython's own, and runpy */
};

/* Failures are in out->err. */
void fp_memory_data_head(const struct fp_profile *p, const struct fp_render_options *o,
			 const struct fp_page_tree *t, struct fp_pack *out);
void fp_memory_data_tree(const struct fp_profile *p, const struct fp_page_tree *t, struct fp_pack *out);
/* Leaves out empty where there is no stream.  max_bytes: of the compressed
 * result; a longer one gets coarser steps, then leaves small blocks out. */
void fp_memory_data_range(const struct fp_profile *p, const struct fp_page_tree *t, size_t max_bytes,
			  struct fp_pack *out);

#endif
