/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks that have memory, in preorder, and their sums per (stack,
 * thread, allocator): what the interactive page is made of.  A tree that
 * would be too large keeps the stacks that matter most in any view; the rest
 * is added to the callers, so that sums stay whole.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_HTML_TREE_H
#define FP_TOOLS_RENDER_MEMORY_HTML_TREE_H

#include "tools/read/profile.h"
#include "tools/render/render.h"

#define FP_MEMORY_VIEWS 4     /* enum fp_memory_view */
#define FP_MEMORY_VARIANCES 3 /* those of all but the temporaries */

struct fp_page_row {
	uint32_t node;        /* of the tree */
	uint32_t thread;      /* of the profile */
	uint8_t allocator;
	bool sampled;
	uint64_t n[FP_MEMORY_VIEWS], bytes[FP_MEMORY_VIEWS];
	double variance[FP_MEMORY_VARIANCES];
};

struct fp_page_tree {
	/* preorder: 0 is the root, parents come first */
	uint32_t n_nodes;
	uint32_t *parents;
	uint32_t *frames;     /* of the profile */
	/* by node, thread, allocator; carriers are left out */
	struct fp_page_row *rows;
	size_t n_rows;
	uint32_t *row_of_cell; /* UINT32_MAX: on no row */
	uint32_t n_folded;    /* stacks that were added to their callers */
	double folded_share;  /* of any view, the most that one of them had */
};

/* At most max_nodes nodes (0: all).  p->memory may be NULL.  0 or -ENOMEM. */
int fp_page_tree_make(const struct fp_profile *p, uint32_t max_nodes, struct fp_page_tree **ret_tree);
void fp_page_tree_destroy(struct fp_page_tree *t);

#endif
