/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a 64-bit key to an index: open addressing, grows, never forgets.
 * When keys are hashes, the caller compares what the index stands for.
 */
#ifndef FP_TOOLS_READ_KEY_MAP_H
#define FP_TOOLS_READ_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_key_slot {
	uint64_t key;
	uint32_t index_plus_one; /* 0: free */
};

struct fp_key_map {
	struct fp_key_slot *slots; /* zero-initialised map is empty and valid */
	size_t n_slots;            /* power of two */
	size_t n_used;
};

#define FP_KEY_MISSING UINT32_MAX

/* same(ctx, index): true when index is what is looked for; NULL: equal keys
 * are enough.  FP_KEY_MISSING when there is none. */
uint32_t fp_key_map_find(const struct fp_key_map *m, uint64_t key,
			 bool (*same)(const void *ctx, uint32_t index), const void *ctx);
/* Adds without looking.  0 or -ENOMEM. */
int fp_key_map_add(struct fp_key_map *m, uint64_t key, uint32_t index);
/* Makes room for n in all, so that fp_key_map_add() need not grow.  0 or -ENOMEM. */
int fp_key_map_reserve(struct fp_key_map *m, size_t n);
void fp_key_map_free(struct fp_key_map *m);

/* Hash of bytes, continued from seed. */
uint64_t fp_key_hash(uint64_t seed, const void *bytes, size_t n_bytes);

/* Makes room for one more item in a malloc'ed array: *items may move.
 * 0 or -ENOMEM. */
int fp_grow(void *items_pointer, size_t *n_room, size_t n_used, size_t item_bytes);

#endif
