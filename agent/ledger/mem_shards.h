/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of the system half, and how several threads book them at once.
 *
 * A shard has the blocks of some pieces of 64 KiB, so those of one thread's arena lie
 * mostly where no other thread comes: the lock and the table stay in its cache.  Cells
 * belong to the thread that allocates, others only free: what allocations add is
 * written plainly by that thread, the rest by atomic sums.  A cell settles in one
 * thread; what others book there at that moment counts before the edge or after it.
 *
 * heap_bytes: each thread keeps a difference and adds it when it passes
 * FP_MEM_DIFFERENCE either way, so the peak may lack that much for each thread that
 * allocates.  An edge is looked for where a difference is added.
 *
 * Locks: the ledger's first, a shard's inside it, never two shards.  The shards are
 * not locked where one thread is alone or all hold the ledger's lock (one_lock).
 * Callers as in mem_ledger.h.
 */
#ifndef FP_LEDGER_MEM_SHARDS_H
#define FP_LEDGER_MEM_SHARDS_H

#include "agent/ledger/mem_ledger.h"

#define FP_MEM_SHARDS 128u
#define FP_MEM_DIFFERENCE (16 << 10)

struct fp_mem_shard {
	struct fp_lock lock;
	struct fp_block_table blocks;
} FP_MEM_LINE;
extern FP_OWN struct fp_mem_shard fp_mem_shards[FP_MEM_SHARDS];

/* Arenas begin at multiples of 64 MiB, chunks of other allocators at multiples of 2 or
 * 4 MiB: those that follow each other get shards of their own. */
static inline struct fp_mem_shard *fp_mem_shard_of(uintptr_t address)
{
	uintptr_t piece = address >> 16;

	return &fp_mem_shards[(piece + (piece >> 5) + (piece >> 10)) % FP_MEM_SHARDS];
}

/* As fp_mem_book, fp_mem_unbook and fp_mem_rebook (which counts no allocation here) for
 * the system half, any threads at once; not with one_lock.  cell: of the calling thread.
 * difference: the thread's, or NULL.  False: a lock cannot be had, and the event is lost. */
FP_NODISCARD bool fp_mem_book_shared(uint32_t cell, uintptr_t address, uint64_t n_bytes, struct fp_mem_recent *recent,
				     int64_t *difference);
FP_NODISCARD bool fp_mem_unbook_shared(uintptr_t address, const struct fp_mem_recent *recent, int64_t *difference,
				       struct fp_mem_gone *ret_gone);
FP_NODISCARD bool fp_mem_rebook_shared(uintptr_t address, const struct fp_mem_gone *gone, int64_t *difference);

/* A block whose entry was taken out, not one that was met by sampling. */
void fp_mem_end_shared(const struct fp_block *block, const struct fp_mem_recent *recent, int64_t *difference);

/* Entries alone, with or without the ledger's lock.  take: false when there is none; put
 * replaces, and is false when there is no room; both when the lock cannot be had. */
bool fp_mem_shard_take(uintptr_t address, struct fp_block *ret_block);
FP_NODISCARD bool fp_mem_shard_put(const struct fp_block *block);

/* The calling thread's locks, see fp_mem_give_back. */
void fp_mem_shards_give_back(void);
/* Fork child: no blocks, no locks. */
void fp_mem_shards_forget(void);

#endif
