/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory over the profile's tree of stacks: what each node has itself and
 * below it, and its children from the largest on.
 */
#ifndef FP_TOOLS_MODEL_MEMORY_TREE_H
#define FP_TOOLS_MODEL_MEMORY_TREE_H

#include "tools/model/memory_sums.h"

struct fp_memory_tree {
	struct fp_memory_sum *own, *total; /* n_nodes of the profile; total[0] is all */
	uint32_t *children;        /* nodes that have something, by parent, then by total bytes */
	uint32_t *first_child;     /* n_nodes + 1: the children of i are from [i] to before [i + 1] */
};

/* 0 or -ENOMEM. */
int fp_memory_tree_make(const struct fp_profile *p, const struct fp_memory_choice *choice,
			struct fp_memory_tree **ret_tree);
void fp_memory_tree_destroy(struct fp_memory_tree *t);

#endif
