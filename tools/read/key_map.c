/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map of the reader and model stages.  Ordinary program, one thread;
 * keys may come from a hostile file, so they are mixed before they choose a
 * slot and the table is never more than half full.
 */
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	return x;
}

uint32_t fp_key_map_find(const struct fp_key_map *m, uint64_t key,
			 bool (*same)(const void *ctx, uint32_t index), const void *ctx)
{
	if (!m->n_slots)
		return FP_KEY_MISSING;
	size_t mask = m->n_slots - 1;
	for (size_t i = mix(key) & mask; m->slots[i].index_plus_one; i = (i + 1) & mask) {
		uint32_t index = m->slots[i].index_plus_one - 1;

		if (m->slots[i].key == key && (!same || same(ctx, index)))
			return index;
	}
	return FP_KEY_MISSING;
}

static void put(struct fp_key_map *m, uint64_t key, uint32_t index_plus_one)
{
	size_t mask = m->n_slots - 1;
	size_t i = mix(key) & mask;

	while (m->slots[i].index_plus_one)
		i = (i + 1) & mask;
	m->slots[i].key = key;
	m->slots[i].index_plus_one = index_plus_one;
	m->n_used++;
}

int fp_key_map_reserve(struct fp_key_map *m, size_t n)
{
	struct fp_key_map larger = { .n_slots = m->n_slots ? m->n_slots : 64 };

	while (larger.n_slots / 2 < n)
		larger.n_slots *= 2;
	if (larger.n_slots == m->n_slots)
		return 0;
	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slots[i].index_plus_one)
			put(&larger, m->slots[i].key, m->slots[i].index_plus_one);
	free(m->slots);
	*m = larger;
	return 0;
}

int fp_key_map_add(struct fp_key_map *m, uint64_t key, uint32_t index)
{
	int err = fp_key_map_reserve(m, m->n_used + 1);

	if (err)
		return err;
	put(m, key, index + 1);
	return 0;
}

void fp_key_map_free(struct fp_key_map *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

uint64_t fp_key_hash(uint64_t seed, const void *bytes, size_t n_bytes)
{
	const unsigned char *p = bytes;
	uint64_t h = seed ^ (n_bytes * 0x9e3779b97f4a7c15ull);

	for (; n_bytes >= 8; n_bytes -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		h = mix(h ^ word);
	}
	uint64_t last = 0;
	memcpy(&last, p, n_bytes);
	return mix(h ^ last);
}

int fp_grow(void *items_pointer, size_t *n_room, size_t n_used, size_t item_bytes)
{
	void *items, *moved;

	if (n_used < *n_room)
		return 0;
	size_t room = *n_room ? *n_room + *n_room / 2 : 64;
	memcpy(&items, items_pointer, sizeof(items));
	moved = reallocarray(items, room, item_bytes);
	if (!moved)
		return -ENOMEM;
	memcpy(items_pointer, &moved, sizeof(moved));
	*n_room = room;
	return 0;
}
