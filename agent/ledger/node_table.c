/* SPDX-License-Identifier: Apache-2.0 */
/* See node_table.h.  Any context. */
#include "agent/ledger/node_table.h"

#include "agent/base/hash.h"
#include "agent/ledger/id_table.h"

#include <errno.h>

static struct fp_id_table ids;

struct node_key {
	const struct fp_node *nodes;
	uint64_t key;
	uint32_t parent;
};

static bool is_node(uint32_t id, const void *key)
{
	const struct node_key *k = key;

	return k->nodes[id].key == k->key && k->nodes[id].parent == k->parent;
}

uint32_t fp_node_intern(struct fp_segment *s, uint32_t parent, uint64_t key)
{
	struct fp_node *nodes = fp_segment_at(s, FP_REGION_NODES);
	struct node_key wanted = {.nodes = nodes, .key = key, .parent = parent};
	uint32_t hash = (uint32_t)(fp_hash_mix(key, parent) >> 32);
	uint32_t id = fp_id_find(&ids, hash, is_node, &wanted);
	uint64_t at;

	if (id)
		return id;
	at = fp_segment_claim(s, FP_REGION_NODES, sizeof(*nodes));
	if (at == UINT64_MAX) {
		fp_loss_count(s, FP_LOSS_nodes_full);
		return fp_node_of_mark(FP_MARK_no_room);
	}
	id = (uint32_t)(at / sizeof(*nodes));
	nodes[id].parent = parent;
	__atomic_store_n(&nodes[id].key, key, __ATOMIC_RELEASE);
	return fp_id_add(&ids, hash, id, is_node, &wanted);
}

uint64_t fp_node_table_bytes(void)
{
	return fp_id_memory_bytes(&ids);
}

int fp_node_table_init(struct fp_segment *s)
{
	struct fp_node *nodes = fp_segment_at(s, FP_REGION_NODES);

	fp_id_forget(&ids);
	if (fp_segment_claim(s, FP_REGION_NODES, (1 + FP_MARK_MAX) * sizeof(*nodes)) != 0)
		return -ENOSPC;
	for (uint32_t m = 0; m < FP_MARK_MAX; m++)
		nodes[fp_node_of_mark(m)].key = FP_KEY_MAKE_MARK(m);
	return 0;
}
