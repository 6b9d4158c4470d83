/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prefix tree of stacks, shared by all threads of the process: a stack is
 * the u32 id of its leaf node.  Lock-free; ids never move; two threads that
 * insert the same node at once may leave one unlinked twin, which readers merge.
 * Any context.
 */
#ifndef FP_LEDGER_NODE_TABLE_H
#define FP_LEDGER_NODE_TABLE_H

#include "agent/base/segment.h"

/* Reserves the root (id 0) and one node per mark (id 1 + mark) under it, so
 * that a sample can always be booked somewhere.  Marks are known by id, not by
 * interning.  0 or -errno. */
FP_NODISCARD int fp_node_table_init(struct fp_segment *s);
/* Private memory that finds them. */
uint64_t fp_node_table_bytes(void);

/* The node of key under parent; the id of the mark no_room when full. */
uint32_t fp_node_intern(struct fp_segment *s, uint32_t parent, uint64_t key);

static inline uint32_t fp_node_of_mark(enum fp_mark mark)
{
	return 1u + (uint32_t)mark;
}

#endif
