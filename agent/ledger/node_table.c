/* SPDX-License-Identifier: Apache-2.0 */
/* See node_table.h.  Any context. */
#include "agent/ledger/node_table.h"

#include "agent/base/hash.h"

#include <errno.h>

static uint32_t n_heads = FP_NODE_HEADS; /* of this process */

static uint32_t find_in_chain(const struct fp_node *nodes, uint32_t id, uint32_t stop, uint32_t parent, uint64_t key)
{
	for (; id != stop && id; id = nodes[id].next)
		if (nodes[id].key == key && nodes[id].parent == parent)
			return id;
	return 0;
}

uint32_t fp_node_intern(struct fp_segment *s, uint32_t parent, uint64_t key)
{
	struct fp_node *nodes = fp_segment_at(s, FP_REGION_NODES);
	uint32_t *heads = fp_segment_at(s, FP_REGION_NODE_HEADS);
	uint32_t *head = &heads[fp_hash_mix(key, parent) & (n_heads - 1)];
	uint32_t first, id;
	uint64_t at;

	/* Only a process that is sampled pays for the heads' pages. */
	if (fp_segment_populate(s, FP_REGION_NODE_HEADS, n_heads * sizeof(*heads)) < 0)
		return fp_node_of_mark(FP_MARK_no_room);
	first = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	id = find_in_chain(nodes, first, 0, parent, key);
	if (id)
		return id;
	at = fp_segment_claim(s, FP_REGION_NODES, sizeof(*nodes));
	if (at == UINT64_MAX) {
		fp_loss_count(s, FP_LOSS_nodes_full);
		return fp_node_of_mark(FP_MARK_no_room);
	}
	id = (uint32_t)(at / sizeof(*nodes));
	nodes[id].parent = parent;
	nodes[id].next = first;
	__atomic_store_n(&nodes[id].key, key, __ATOMIC_RELEASE);
	while (!__atomic_compare_exchange_n(head, &first, id, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
		uint32_t twin = find_in_chain(nodes, first, nodes[id].next, parent, key);

		if (twin)
			return twin;
		nodes[id].next = first;
	}
	return id;
}

void fp_node_table_expect_many(void)
{
	n_heads = FP_NODE_HEADS_MANY;
}

int fp_node_table_init(struct fp_segment *s)
{
	struct fp_node *nodes = fp_segment_at(s, FP_REGION_NODES);

	if (s->header->regions[FP_REGION_NODE_HEADS].reserved_bytes < n_heads * sizeof(uint32_t))
		n_heads = FP_NODE_HEADS;
	if (fp_segment_claim(s, FP_REGION_NODES, (1 + FP_MARK_MAX) * sizeof(*nodes)) != 0)
		return -ENOSPC;
	for (uint32_t m = 0; m < FP_MARK_MAX; m++)
		nodes[fp_node_of_mark(m)].key = FP_KEY_MAKE_MARK(m);
	return 0;
}
