/* SPDX-License-Identifier: Apache-2.0 */
/* Cells by key, and the filter of addresses.  See mem_ledger.h. */
#include "agent/ledger/mem_ledger.h"

#include "agent/base/hash.h"
#include "agent/ledger/node_table.h"

/* A counter per 16 bytes, addresses modulo 4 MiB: blocks that lie together
 * share cache lines.  Not 0: the address may be a sampled block or a code object. */
uint8_t fp_mem_filter[1u << 18];
uint32_t fp_mem_code_epoch;

/* Addresses of code objects that have names; the filter says which to look for. */
static struct fp_block_table watched;
static struct fp_lock watched_lock;
#define WATCHED UINT8_MAX /* in the filter: nobody counts down from it */

void fp_mem_watch_code(uintptr_t code)
{
	struct fp_block block = {.address = code}, old;

	if (!fp_lock_take(&watched_lock))
		return;
	if (fp_block_put(&watched, &block, &old))
		__atomic_store_n(&fp_mem_filter[(code >> 4) & (FP_COUNT(fp_mem_filter) - 1)], WATCHED, __ATOMIC_RELAXED);
	fp_lock_give(&watched_lock);
}

void fp_mem_code_freed(uintptr_t address)
{
	struct fp_block block;

	if (!fp_lock_take(&watched_lock))
		return;
	if (fp_block_take(&watched, address, &block))
		fp_mem_code_epoch++;
	fp_lock_give(&watched_lock);
}

void fp_mem_give_back(void)
{
	fp_lock_give_mine(&watched_lock);
	fp_lock_give_mine(&fp_mem_ledger.lock);
	fp_lock_give_mine(&fp_mem_ledger.ticking);
}

void fp_mem_cells_forget(void)
{
	fp_block_forget(&watched);
	fp_lock_reset(&watched_lock);
	fp_mem_code_epoch++;
}

static bool is_of(const struct fp_mem_cell *cell, const struct fp_mem_cell_key *key)
{
	return cell->stack == key->stack && cell->thread == key->thread && cell->allocator == key->allocator &&
	       cell->size_class == key->size_class;
}

static uint32_t find_in_chain(const struct fp_mem_cell *cells, uint32_t id, uint32_t stop,
			      const struct fp_mem_cell_key *key)
{
	for (; id != stop && id; id = cells[id].next)
		if (is_of(&cells[id], key))
			return id;
	return 0;
}

static void fill(struct fp_mem_cell *cell, const struct fp_mem_cell_key *key)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	bool python = key->allocator <= FP_ALLOCATOR_PYTHON_REALLOC;

	cell->stack = key->stack;
	cell->thread = key->thread;
	cell->allocator = key->allocator;
	cell->size_class = key->size_class;
	cell->flags = python && !l->exact ? FP_MEM_CELL_SAMPLED : 0;
	cell->peak_id = l->epoch;
	cell->checkpoint = (uint16_t)l->checkpoint;
	cell->first_ms = l->now_ms;
}

uint32_t fp_mem_cell_intern(const struct fp_mem_cell_key *key)
{
	struct fp_segment *s = fp_mem_ledger.segment;
	struct fp_mem_cell *cells = fp_mem_ledger.cells;
	uint32_t *heads = fp_segment_at(s, FP_REGION_MEM_HEADS);
	uint64_t place = fp_hash_mix(((uint64_t)key->stack << 32) | key->thread,
				     ((uint64_t)key->allocator << 16) | key->size_class);
	uint32_t *head = &heads[place & (fp_mem_ledger.n_heads - 1)], first, id;
	uint64_t at;

	first = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	id = find_in_chain(cells, first, 0, key);
	if (id)
		return id;
	at = fp_segment_claim(s, FP_REGION_MEM_CELLS, sizeof(*cells));
	id = at == UINT64_MAX ? FP_SHADOW_CELLS : (uint32_t)(at / sizeof(*cells));
	if (id >= FP_SHADOW_CELLS) {
		fp_loss_count(s, FP_LOSS_mem_cells_full);
		return FP_MEM_CELL_NO_ROOM;
	}
	fill(&cells[id], key);
	do {
		uint32_t twin = find_in_chain(cells, first, cells[id].next, key);

		if (twin && cells[id].next)
			return twin; /* ours stays unlinked and empty */
		cells[id].next = first;
	} while (!__atomic_compare_exchange_n(head, &first, id, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
	return id;
}
