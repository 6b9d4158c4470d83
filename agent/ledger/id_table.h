/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids by their keys' hashes, lock-free and growing: slots of a hash's 32 bits and
 * an id, so that a search touches no record but the one that it finds.  Private
 * memory of this process, raw mmap.  Any context, signal handlers included: who
 * grows the table fills the larger one while everybody else reads both and adds to
 * the larger.
 *
 * Two who add the same key at once agree on one id.  A third who found it while a
 * table was being left, or everybody when there is no memory for a slot, may see
 * another: readers of the capture merge such twins.
 */
#ifndef FP_LEDGER_ID_TABLE_H
#define FP_LEDGER_ID_TABLE_H

#include "agent/base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_id_slots {
	uint32_t bits;           /* 1 << bits slots */
	uint32_t n_used;
	uint64_t at[];           /* hash << 32 | id; 0: empty */
};

struct fp_id_table {
	struct fp_id_slots *now; /* NULL: nothing was added yet */
	struct fp_id_slots *next; /* being filled from now; NULL mostly */
	uint32_t growing;        /* somebody is at it: the others leave it to that one while there is room */
};

/* Is this the record with that key? */
typedef bool fp_id_is(uint32_t id, const void *key);

#define FP_ID_SLOT(hash, id) (((uint64_t)(hash) << 32) | (id))

/* Hashes are spread by their high bits, so that a larger table keeps the order. */
static inline __attribute__((always_inline)) uint32_t fp_id_search(const struct fp_id_slots *s, uint32_t hash,
								    fp_id_is *is, const void *key)
{
	uint32_t mask = (1u << s->bits) - 1;

	for (uint32_t i = hash >> (32 - s->bits), n = 0; n <= mask; i = (i + 1) & mask, n++) {
		uint64_t slot = __atomic_load_n(&s->at[i], __ATOMIC_ACQUIRE);

		if (!slot)
			return 0;
		if ((uint32_t)(slot >> 32) == hash && is((uint32_t)slot, key))
			return (uint32_t)slot;
	}
	return 0;
}

/* The id of a key, 0 when it was not added. */
static inline __attribute__((always_inline)) uint32_t fp_id_find(const struct fp_id_table *t, uint32_t hash,
								  fp_id_is *is, const void *key)
{
	const struct fp_id_slots *now = __atomic_load_n(&t->now, __ATOMIC_ACQUIRE), *next;
	uint32_t id;

	if (fp_unlikely(!now))
		return 0;
	id = fp_id_search(now, hash, is, key);
	if (fp_likely(id))
		return id;
	next = __atomic_load_n(&t->next, __ATOMIC_ACQUIRE);
	return fp_unlikely(next != NULL) ? fp_id_search(next, hash, is, key) : 0;
}

/* id, not 0, its record complete, becomes that of its key; the id of a twin that
 * was there first is returned instead.  Without memory id stays unfound. */
uint32_t fp_id_add(struct fp_id_table *t, uint32_t hash, uint32_t id, fp_id_is *is, const void *key);

/* Empties it: no other thread uses it (boot, fork child). */
void fp_id_forget(struct fp_id_table *t);
uint64_t fp_id_memory_bytes(const struct fp_id_table *t);

#endif
