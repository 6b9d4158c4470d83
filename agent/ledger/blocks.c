/* SPDX-License-Identifier: Apache-2.0 */
/* See blocks.h.  Inside any allocation hook, with its half held; raw mmap only. */
#include "agent/ledger/blocks.h"

#include "agent/base/hash.h"
#include "agent/base/sys.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define CHUNK_WORDS (FP_SHADOW_CHUNK_BYTES / 16)
#define CHUNK_PAGES (CHUNK_WORDS * 4 / FP_PAGE_BYTES)
#define FIRST_ENTRIES (FP_PAGE_BYTES / sizeof(struct fp_block))
#define SMALL_ENTRIES 1024u
#define PAGEMAP_EXCLUSIVE_BIT 56 /* of an entry: the page is mapped here alone */

struct fp_shadow_part *fp_shadow_parts[1u << 14];
static uint64_t n_chunks, table_bytes;

/* A child gets zero pages instead of the parent's blocks. */
static void *map_wiped(size_t n_bytes)
{
	void *at = fp_sys_map_private(n_bytes);

	if (at)
		(void)fp_sys_call(SYS_madvise, at, n_bytes, MADV_WIPEONFORK);
	return at;
}

static void *open_slot(void **slot, size_t n_bytes, bool wiped)
{
	void *fresh, *none = NULL, *there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	if (there)
		return there;
	fresh = wiped ? map_wiped(n_bytes) : fp_sys_map_private(n_bytes);
	if (!fresh)
		return NULL;
	if (__atomic_compare_exchange_n(slot, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		if (wiped)
			(void)__atomic_fetch_add(&n_chunks, 1, __ATOMIC_RELAXED);
		return fresh;
	}
	fp_sys_unmap(fresh, n_bytes);
	return none;
}

uint32_t *fp_shadow_open(uintptr_t address)
{
	struct fp_shadow_part *part;
	uint32_t *chunk;

	if (address >> 47)
		return NULL;
	part = open_slot((void **)&fp_shadow_parts[address >> 33], sizeof(*part), false);
	chunk = part ? open_slot((void **)&part->chunks[address >> 20 & 8191], CHUNK_WORDS * 4, true) : NULL;
	return chunk ? chunk + (address >> 4 & 0xffff) : NULL;
}

/* By the high bits of the hash: a larger table has the same order, so that growing
 * reads and writes one entry after another. */
static uint64_t home_of(uint64_t address, uint64_t n_entries)
{
	return (fp_hash_mix(address >> 4, 0) >> 32) * n_entries >> 32;
}

static inline uint64_t after(uint64_t i, uint64_t n_entries)
{
	return i + 1 == n_entries ? 0 : i + 1;
}

static inline uint64_t distance(uint64_t from, uint64_t to, uint64_t n_entries)
{
	return to >= from ? to - from : to + n_entries - from;
}

static void insert(struct fp_block *entries, uint64_t n_entries, const struct fp_block *block)
{
	uint64_t i = home_of(block->address, n_entries);

	while (entries[i].address)
		i = after(i, n_entries);
	entries[i] = *block;
}

/* Whole pages of entries. */
static uint64_t larger(uint64_t n_entries)
{
	uint64_t n = n_entries ? n_entries + n_entries / 4 : FIRST_ENTRIES;

	return fp_round_up(n * sizeof(struct fp_block), FP_PAGE_BYTES) / sizeof(struct fp_block);
}

/* To close a hole is to look at all entries up to a free one: a small table is full sooner,
 * as a third more of few entries is little. */
static inline bool is_full(const struct fp_block_table *table)
{
	return table->n_used * 5 >= table->n_entries * (table->n_entries < SMALL_ENTRIES ? 3 : 4);
}

static bool grow(struct fp_block_table *table)
{
	uint64_t n_old = table->n_entries, n = larger(n_old);
	struct fp_block *old = table->entries, *fresh = map_wiped(n * sizeof(*fresh));

	if (!fresh)
		return false;
	for (uint64_t i = 0; i < n_old; i++)
		if (old[i].address)
			insert(fresh, n, &old[i]);
	(void)__atomic_fetch_add(&table_bytes, (n - n_old) * sizeof(*fresh), __ATOMIC_RELAXED);
	/* Whoever is left half-way (lock.h) leaves entries that are mapped, as many
	 * as are said. */
	table->entries = fresh;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	table->n_entries = n;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (old)
		fp_sys_unmap(old, n_old * sizeof(*fresh));
	return true;
}

bool fp_block_put(struct fp_block_table *table, const struct fp_block *block, struct fp_block *ret_old)
{
	uint64_t i;

	ret_old->address = 0;
	if (is_full(table) && !grow(table) && table->n_used + 1 >= table->n_entries)
		return false;
	for (i = home_of(block->address, table->n_entries); table->entries[i].address;
	     i = after(i, table->n_entries))
		if (table->entries[i].address == block->address) {
			*ret_old = table->entries[i];
			table->entries[i] = *block;
			return true;
		}
	table->n_used++; /* first: never fewer than there are */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	table->entries[i] = *block;
	return true;
}

/* Entries behind the hole move up to where a search finds them. */
static void close_hole(struct fp_block_table *table, uint64_t hole)
{
	uint64_t n = table->n_entries;

	for (uint64_t i = after(hole, n); table->entries[i].address; i = after(i, n)) {
		uint64_t home = home_of(table->entries[i].address, n);

		if (distance(home, i, n) >= distance(hole, i, n)) {
			table->entries[hole] = table->entries[i];
			hole = i;
		}
	}
	table->entries[hole].address = 0;
	table->n_used--;
}

const struct fp_block *fp_block_find(const struct fp_block_table *table, uint64_t address)
{
	if (!table->n_used)
		return NULL;
	for (uint64_t i = home_of(address, table->n_entries); table->entries[i].address;
	     i = after(i, table->n_entries))
		if (table->entries[i].address == address)
			return &table->entries[i];
	return NULL;
}

bool fp_block_take(struct fp_block_table *table, uint64_t address, struct fp_block *ret_block)
{
	if (!table->n_used)
		return false;
	for (uint64_t i = home_of(address, table->n_entries); table->entries[i].address;
	     i = after(i, table->n_entries))
		if (table->entries[i].address == address) {
			*ret_block = table->entries[i];
			close_hole(table, i);
			return true;
		}
	return false;
}

void fp_block_forget(struct fp_block_table *table)
{
	table->n_used = 0;
}

static uint64_t mapped_pages(const uint32_t *chunk)
{
	unsigned char pages[CHUNK_PAGES];
	uint64_t n = 0;

	if (fp_sys_call(SYS_mincore, chunk, CHUNK_WORDS * 4, pages) < 0)
		return 0;
	for (unsigned i = 0; i < FP_COUNT(pages); i++)
		n += pages[i] & 1;
	return n;
}

/* Where words were looked at and none stood, the kernel's page of zeros is mapped,
 * which mincore() takes for ours; without a pagemap it has to do. */
static uint64_t resident_pages(int pagemap, const uint32_t *chunk)
{
	uint64_t pages[CHUNK_PAGES], n = 0;

	if (pagemap < 0 || fp_sys_call(SYS_pread64, pagemap, pages, sizeof(pages),
				       (uintptr_t)chunk / FP_PAGE_BYTES * sizeof(*pages)) != (long)sizeof(pages))
		return mapped_pages(chunk);
	for (unsigned i = 0; i < FP_COUNT(pages); i++)
		n += pages[i] >> PAGEMAP_EXCLUSIVE_BIT & 1;
	return n;
}

uint64_t fp_blocks_memory_bytes(void)
{
	uint64_t pages = 0, left = __atomic_load_n(&n_chunks, __ATOMIC_RELAXED);
	int pagemap = left ? fp_sys_open("/proc/self/pagemap", O_RDONLY, 0) : -1;

	for (unsigned i = 0; i < FP_COUNT(fp_shadow_parts) && left; i++) {
		struct fp_shadow_part *part = fp_shadow_parts[i];

		for (unsigned k = 0; part && k < FP_COUNT(part->chunks) && left; k++)
			if (part->chunks[k]) {
				pages += resident_pages(pagemap, part->chunks[k]);
				left--;
			}
	}
	if (pagemap >= 0)
		fp_sys_close(pagemap);
	return pages * FP_PAGE_BYTES + __atomic_load_n(&table_bytes, __ATOMIC_RELAXED);
}
