/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree that the graphs draw: the profile's cells summed over threads
 * (or under a root per process and per thread), with self and total of each
 * node.  Renderer-neutral; ordinary program, one thread.
 */
#ifndef FP_TOOLS_MODEL_CALL_TREE_H
#define FP_TOOLS_MODEL_CALL_TREE_H

#include "tools/read/profile.h"

#define FP_CALL_NONE UINT32_MAX

/* Parents come before children; node 0 is "all". */
struct fp_call_node {
	uint32_t parent;
	uint32_t first_child;   /* FP_CALL_NONE: leaf; siblings are sorted by name */
	uint32_t next_sibling;
	uint32_t frame;         /* of the profile; FP_CALL_NONE: see label */
	const char *label;      /* "all", or a process or thread root; NULL for frames */
	uint64_t self_ns, total_ns;
	uint64_t self_gil_ns, total_gil_ns;
	uint64_t self_count, total_count; /* samples at the nominal rate, sums kept */
};

struct fp_call_tree {
	struct fp_call_node *nodes;
	uint32_t n_nodes;
	uint32_t max_depth;     /* of a frame under "all"; 0: empty */
	struct fp_arena *arena; /* labels */
};

struct fp_call_tree_options {
	bool threads;           /* a root per thread */
	bool process_roots;     /* a root per process, below those of its parents */
	bool lines;             /* false: one node per function, whatever the line */
};

int fp_call_tree_make(const struct fp_profile *p, const struct fp_call_tree_options *o,
		      struct fp_call_tree **ret_tree);
void fp_call_tree_destroy(struct fp_call_tree *t);

/* Total counts in base of the nodes of tree with the same path by name; one
 * number per node of tree, freed by the caller.  NULL: out of memory. */
uint64_t *fp_call_tree_match(const struct fp_profile *p, const struct fp_call_tree *tree,
			     const struct fp_profile *base_p, const struct fp_call_tree *base);

#endif
