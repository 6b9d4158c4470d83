/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks by address.  Small ones (at most 16 x FP_SIZE_SMALL bytes, on a
 * 16-byte boundary) have a word in an address-ordered shadow, so neighbours
 * share cache lines as the blocks do and a block costs a quarter of its size;
 * others an entry of a hash.  Private memory that a fork child finds empty.
 * A block belongs to whoever holds its half (mem_ledger.h); words of different
 * blocks may be written by different threads at once.
 */
#ifndef FP_LEDGER_BLOCKS_H
#define FP_LEDGER_BLOCKS_H

#include "agent/base/attrs.h"

#include <stdbool.h>

/* A word of the shadow; 0: no block. */
#define FP_SHADOW_CELL_BITS 23u
#define FP_SHADOW_CELLS (1u << FP_SHADOW_CELL_BITS)
#define FP_SHADOW_MAKE(cell, generation, slack) \
	((cell) | ((uint32_t)(generation) << FP_SHADOW_CELL_BITS) | ((uint32_t)(slack) << 28))
#define FP_SHADOW_CELL(word) ((word) & (FP_SHADOW_CELLS - 1))
#define FP_SHADOW_GENERATION(word) ((word) >> FP_SHADOW_CELL_BITS & 31u)
#define FP_SHADOW_SLACK(word) ((word) >> 28) /* 16 x class - size */

#define FP_SHADOW_CHUNK_BYTES (1u << 20) /* of the heap */
struct fp_shadow_part {
	uint32_t *chunks[8192];
};
extern FP_OWN struct fp_shadow_part *fp_shadow_parts[1u << 14];

/* Makes the chunk of an address; NULL: no memory. */
FP_COLD uint32_t *fp_shadow_open(uintptr_t address);

/* The word of an address, NULL when its chunk was never made. */
static inline uint32_t *fp_shadow_find(uintptr_t address)
{
	struct fp_shadow_part *part = __atomic_load_n(&fp_shadow_parts[address >> 33 & 0x3fff], __ATOMIC_ACQUIRE);
	uint32_t *chunk;

	if (fp_unlikely(!part))
		return NULL;
	chunk = __atomic_load_n(&part->chunks[address >> 20 & 8191], __ATOMIC_ACQUIRE);
	return fp_likely(chunk) ? chunk + (address >> 4 & 0xffff) : NULL;
}

struct fp_block {
	uint64_t address; /* 0: free entry */
	uint64_t n_bytes;
	uint32_t cell;
	uint32_t birth_ms;
};

/* Open addressing; zero-initialised is empty. */
struct fp_block_table {
	struct fp_block *entries;
	uint64_t n_entries; /* between 30 and 38 bytes for each that is used, up to 60 below 1,000 */
	uint64_t n_used;
};

/* Adds or replaces; *ret_old is what stood there (address 0: nothing).  False:
 * no memory. */
bool fp_block_put(struct fp_block_table *table, const struct fp_block *block, struct fp_block *ret_old);
/* Takes a block out; false when there is none. */
bool fp_block_take(struct fp_block_table *table, uint64_t address, struct fp_block *ret_block);
/* The entry of a block, NULL when there is none. */
const struct fp_block *fp_block_find(const struct fp_block_table *table, uint64_t address);
/* After a fork the entries read as zero: start over. */
void fp_block_forget(struct fp_block_table *table);

/* Resident bytes of shadow and tables; some system calls. */
uint64_t fp_blocks_memory_bytes(void);

#endif
