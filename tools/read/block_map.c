/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks by open addressing, where a block that ends leaves no trace
 * (streams end as many as they begin); mappings in a sorted array, as there
 * are few.  Reader stage, ordinary program.
 */
#include "tools/read/block_map.h"

#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put(struct fp_block_map *m, const struct fp_block *block)
{
	size_t mask = m->n_slots - 1, i = fp_block_map_at(m, block->address);

	while (m->slots[i].address)
		i = (i + 1) & mask;
	m->slots[i] = *block;
}

static int enlarge(struct fp_block_map *m)
{
	struct fp_block_map larger = { .n_slots = m->n_slots ? m->n_slots * 2 : 1024,
				       .n_used = m->n_used,
				       .shift = m->n_slots ? m->shift - 1 : 64 - 10 };

	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slots[i].address)
			put(&larger, &m->slots[i]);
	free(m->slots);
	*m = larger;
	return 0;
}

int fp_block_map_add(struct fp_block_map *m, const struct fp_block *block, struct fp_block *ret_old)
{
	if (m->n_used * 8 >= m->n_slots * 5 && enlarge(m))
		return -ENOMEM;
	size_t mask = m->n_slots - 1, i = fp_block_map_at(m, block->address);

	while (m->slots[i].address && m->slots[i].address != block->address)
		i = (i + 1) & mask;
	*ret_old = m->slots[i];
	m->n_used += !m->slots[i].address;
	m->slots[i] = *block;
	return 0;
}

bool fp_block_map_take(struct fp_block_map *m, uint64_t address, struct fp_block *ret_block)
{
	if (!m->n_slots)
		return false;
	size_t mask = m->n_slots - 1, i = fp_block_map_at(m, address);

	while (m->slots[i].address != address) {
		if (!m->slots[i].address)
			return false;
		i = (i + 1) & mask;
	}
	*ret_block = m->slots[i];
	/* What was pushed on by this block moves back. */
	for (size_t k = (i + 1) & mask; m->slots[k].address; k = (k + 1) & mask) {
		size_t home = fp_block_map_at(m, m->slots[k].address);

		if (((k - home) & mask) < ((k - i) & mask))
			continue;
		m->slots[i] = m->slots[k];
		i = k;
	}
	m->slots[i].address = 0;
	m->n_used--;
	return true;
}

void fp_block_map_free(struct fp_block_map *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

static uint64_t end_of(const struct fp_block *range)
{
	return range->address + range->n_bytes;
}

/* The first range that ends after address. */
static size_t find(const struct fp_range_map *m, uint64_t address)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (end_of(&m->ranges[middle]) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct fp_range_map *m, size_t at, const struct fp_block *range)
{
	if (m->n >= FP_RANGES_MAX)
		return -E2BIG;
	if (fp_grow(&m->ranges, &m->room, m->n, sizeof(*m->ranges)))
		return -ENOMEM;
	memmove(&m->ranges[at + 1], &m->ranges[at], (m->n - at) * sizeof(*m->ranges));
	m->ranges[at] = *range;
	m->n++;
	return 0;
}

int fp_range_map_cut(struct fp_range_map *m, uint64_t address, uint64_t n_bytes,
		     struct fp_block *ret_piece)
{
	size_t at = find(m, address);
	struct fp_block piece = { .address = address, .n_bytes = n_bytes, .id = UINT32_MAX };
	int err = 0;

	if (at < m->n && m->ranges[at].address > address) {
		if (m->ranges[at].address - address < n_bytes)
			piece.n_bytes = m->ranges[at].address - address;
	} else if (at < m->n) {
		struct fp_block *range = &m->ranges[at], right = *range;

		piece = *range;
		piece.address = address;
		piece.n_bytes = end_of(range) - address;
		if (piece.n_bytes > n_bytes)
			piece.n_bytes = n_bytes;
		right.address = end_of(&piece);
		right.n_bytes = end_of(range) - right.address;
		range->n_bytes = address - range->address;
		if (range->n_bytes && right.n_bytes) {
			err = insert(m, at + 1, &right);
		} else if (right.n_bytes) {
			*range = right;
		} else if (!range->n_bytes) {
			m->n--;
			memmove(range, range + 1, (m->n - at) * sizeof(*range));
		}
	}
	if (!err)
		*ret_piece = piece;
	return err;
}

int fp_range_map_add(struct fp_range_map *m, const struct fp_block *range)
{
	return insert(m, find(m, range->address), range);
}

void fp_range_map_free(struct fp_range_map *m)
{
	free(m->ranges);
	memset(m, 0, sizeof(*m));
}
