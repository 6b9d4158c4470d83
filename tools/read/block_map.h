/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lives while a stream of allocations is read: blocks by address, and
 * mappings that may end in parts.  Memory grows with what lives (38 to 77 bytes
 * a block), not with the stream.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_READ_BLOCK_MAP_H
#define FP_TOOLS_READ_BLOCK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_block {
	uint64_t address;         /* 0: a free slot */
	uint64_t n_bytes;
	uint32_t id;              /* the caller's */
	uint32_t born_ms;
};

/* Zero-initialised is empty and valid. */
struct fp_block_map {
	struct fp_block *slots;
	size_t n_slots;           /* power of two … */
	unsigned shift;           /* … 64 less its logarithm */
	size_t n_used;
};

/* The golden ratio spreads what lies in a row evenly, as blocks do. */
static inline size_t fp_block_map_at(const struct fp_block_map *m, uint64_t address)
{
	return (size_t)(address * 0x9e3779b97f4a7c15ull >> m->shift);
}

/* Brings the place of an address near, ahead of its use. */
static inline void fp_block_map_prefetch(const struct fp_block_map *m, uint64_t address)
{
	if (m->n_slots)
		__builtin_prefetch(&m->slots[fp_block_map_at(m, address)], 1);
}

/* Adds a block; the one that had its address is given back in *ret_old (address
 * 0: none).  0 or -ENOMEM. */
int fp_block_map_add(struct fp_block_map *m, const struct fp_block *block, struct fp_block *ret_old);
/* Takes a block out; false: there is none. */
bool fp_block_map_take(struct fp_block_map *m, uint64_t address, struct fp_block *ret_block);
void fp_block_map_free(struct fp_block_map *m);

#define FP_RANGES_MAX 131072u /* the ledger has half of that */

/* Sorted, without overlap. */
struct fp_range_map {
	struct fp_block *ranges;
	size_t n, room;
};

/* Takes what lies at the start of [address, address + n_bytes) out: a part of a
 * mapping, or (id UINT32_MAX) the gap before the next.  The piece's n_bytes are
 * never 0.  0 or -ENOMEM. */
int fp_range_map_cut(struct fp_range_map *m, uint64_t address, uint64_t n_bytes,
		     struct fp_block *ret_piece);
/* Adds a mapping to where nothing is.  0, -ENOMEM or -E2BIG. */
int fp_range_map_add(struct fp_range_map *m, const struct fp_block *range);
void fp_range_map_free(struct fp_range_map *m);

#endif
