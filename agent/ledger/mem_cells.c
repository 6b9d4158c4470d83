/* SPDX-License-Identifier: Apache-2.0 */
/* Cells by key, and the filter of addresses.  See mem_ledger.h. */
#include "agent/ledger/mem_ledger.h"

#include "agent/base/hash.h"
#include "agent/ledger/id_table.h"
#include "agent/ledger/mem_shards.h"
#include "agent/ledger/node_table.h"

/* A counter per 16 bytes, addresses modulo 4 MiB: blocks that lie together
 * share cache lines.  Not 0: the address may be a sampled block. */
uint8_t fp_mem_filter[1u << 18];
uint32_t fp_mem_code_epoch, fp_mem_code_turn;
uint8_t fp_mem_code_generations[FP_MEM_CODE_PLACES];
static struct fp_id_table ids;

/* Addresses of code objects that have names. */
static struct fp_block_table watched;
static struct fp_lock watched_lock;

void fp_mem_watch_code(uintptr_t code)
{
	struct fp_block block = {.address = code}, old;

	if (!fp_lock_take(&watched_lock))
		return;
	(void)fp_block_put(&watched, &block, &old);
	fp_lock_give(&watched_lock);
}

void fp_mem_code_freed(uintptr_t code)
{
	struct fp_block block;

	if (!fp_lock_take(&watched_lock))
		return;
	if (fp_block_take(&watched, code, &block)) {
		uint8_t next = (uint8_t)(fp_mem_code_generation(code) + 1) & FP_MEM_CODE_GENERATION_MAX;

		__atomic_store_n(&fp_mem_code_generations[fp_mem_code_place(code)], next, __ATOMIC_RELAXED);
		if (!next)
			fp_mem_code_turn++;
		fp_mem_code_epoch++;
	}
	fp_lock_give(&watched_lock);
}

void fp_mem_give_back(void)
{
	fp_lock_give_mine(&watched_lock);
	fp_lock_give_mine(&fp_mem_ledger.lock);
	fp_lock_give_mine(&fp_mem_ledger.ticking);
	fp_mem_shards_give_back();
}

void fp_mem_cells_forget(void)
{
	fp_id_forget(&ids);
	fp_block_forget(&watched);
	fp_lock_reset(&watched_lock);
	fp_mem_code_epoch++;
}

static bool is_of(uint32_t id, const void *wanted)
{
	const struct fp_mem_cell *cell = &fp_mem_ledger.cells[id];
	const struct fp_mem_cell_key *key = wanted;

	return cell->stack == key->stack && cell->thread == key->thread && cell->allocator == key->allocator &&
	       cell->size_class == key->size_class;
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
	uint32_t hash = (uint32_t)(fp_hash_mix(((uint64_t)key->stack << 32) | key->thread,
					       ((uint64_t)key->allocator << 16) | key->size_class) >> 32);
	uint32_t id = fp_id_find(&ids, hash, is_of, key);
	uint64_t at;

	if (id)
		return id;
	at = fp_segment_claim(fp_mem_ledger.segment, FP_REGION_MEM_CELLS, sizeof(struct fp_mem_cell));
	id = at == UINT64_MAX ? FP_SHADOW_CELLS : (uint32_t)(at / sizeof(struct fp_mem_cell));
	if (id >= FP_SHADOW_CELLS) {
		fp_loss_count(fp_mem_ledger.segment, FP_LOSS_mem_cells_full);
		return FP_MEM_CELL_NO_ROOM;
	}
	fill(&fp_mem_ledger.cells[id], key);
	return fp_id_add(&ids, hash, id, is_of, key); /* of a twin, ours stays empty */
}

uint64_t fp_mem_cells_bytes(void)
{
	return fp_id_memory_bytes(&ids);
}
