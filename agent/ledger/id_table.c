/* SPDX-License-Identifier: Apache-2.0 */
/* See id_table.h.  Any context; raw mmap only. */
#include "agent/ledger/id_table.h"

#include "agent/base/sys.h"

#define FIRST_BITS 9u
#define MOST_BITS 25u
#define GROWTH_BITS 2u
#define TRIES 8u /* to add: tables that change meanwhile */
#define FULL(n) ((n) / 8 * 5)   /* larger then */
#define BRIM(n) ((n) / 16 * 15) /* what no memory was found for is not added */

static size_t bytes_of(uint32_t bits)
{
	return sizeof(struct fp_id_slots) + ((size_t)1 << bits) * sizeof(uint64_t);
}

static struct fp_id_slots *open_slots(uint32_t bits)
{
	struct fp_id_slots *s = fp_sys_map_private(bytes_of(bits));

	if (s)
		s->bits = bits;
	return s;
}

static struct fp_id_slots *open_first(struct fp_id_table *t)
{
	struct fp_id_slots *fresh = open_slots(FIRST_BITS), *none = NULL;

	if (!fresh || __atomic_compare_exchange_n(&t->now, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	fp_sys_unmap(fresh, bytes_of(FIRST_BITS));
	return none;
}

/* The slot's id when it was placed, a twin's when that was there, 0 without room. */
static uint32_t place(struct fp_id_slots *s, uint64_t wanted, fp_id_is *is, const void *key)
{
	uint32_t mask = (1u << s->bits) - 1, hash = (uint32_t)(wanted >> 32);

	if (__atomic_load_n(&s->n_used, __ATOMIC_RELAXED) >= BRIM(mask + 1))
		return 0;
	for (uint32_t i = hash >> (32 - s->bits);; i = (i + 1) & mask) {
		uint64_t slot = 0;

		if (__atomic_compare_exchange_n(&s->at[i], &slot, wanted, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
			(void)__atomic_fetch_add(&s->n_used, 1, __ATOMIC_RELAXED);
			return (uint32_t)wanted;
		}
		if (slot == wanted || ((uint32_t)(slot >> 32) == hash && is && is((uint32_t)slot, key)))
			return (uint32_t)slot;
	}
}

static bool swap(struct fp_id_slots **place, struct fp_id_slots *from, struct fp_id_slots *to)
{
	return __atomic_compare_exchange_n(place, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* now becomes a larger table.  Several may do this at once, or one for another
 * that stands still: copying twice changes nothing. */
static FP_COLD void grow(struct fp_id_table *t, struct fp_id_slots *now)
{
	struct fp_id_slots *next = __atomic_load_n(&t->next, __ATOMIC_SEQ_CST);

	if (next && next->bits <= now->bits) { /* left behind by who changed now */
		(void)swap(&t->next, next, NULL);
		return;
	}
	if (!next) {
		next = now->bits < MOST_BITS ? open_slots(now->bits + GROWTH_BITS) : NULL;
		if (!next)
			return;
		if (!swap(&t->next, NULL, next)) {
			fp_sys_unmap(next, bytes_of(next->bits));
			return;
		}
		if (__atomic_load_n(&t->now, __ATOMIC_SEQ_CST) != now) { /* too late, and nobody uses it: too small */
			(void)swap(&t->next, next, NULL);
			return;
		}
	}
	for (uint32_t i = 0; i < 1u << now->bits; i++) {
		uint64_t slot = __atomic_load_n(&now->at[i], __ATOMIC_ACQUIRE);

		if (slot)
			(void)place(next, slot, NULL, NULL);
	}
	if (swap(&t->now, now, next) && bytes_of(now->bits) > 2 * FP_PAGE_BYTES)
		/* Who still reads there finds nothing, and looks again when it adds; bits stay. */
		(void)fp_sys_call(SYS_madvise, (char *)now + FP_PAGE_BYTES, bytes_of(now->bits) - FP_PAGE_BYTES, MADV_DONTNEED);
	(void)swap(&t->next, next, NULL);
}

uint32_t fp_id_add(struct fp_id_table *t, uint32_t hash, uint32_t id, fp_id_is *is, const void *key)
{
	struct fp_id_slots *now = __atomic_load_n(&t->now, __ATOMIC_ACQUIRE), *to = NULL, *newer;
	uint32_t placed = 0, busy = 0;

	if (fp_unlikely(!now) && !(now = open_first(t)))
		return id;
	/* Whoever fills a larger table meanwhile may have passed this place. */
	for (unsigned tries = 0; tries < TRIES; tries++) {
		uint32_t found;

		newer = __atomic_load_n(&t->next, __ATOMIC_SEQ_CST);
		now = __atomic_load_n(&t->now, __ATOMIC_SEQ_CST);
		if (!newer || newer->bits <= now->bits)
			newer = now;
		if (newer == to)
			break;
		to = newer;
		found = place(to, FP_ID_SLOT(hash, placed ? placed : id), is, key);
		placed = found ? found : placed;
		if (fp_unlikely(!found)) { /* it is full: who makes a larger one stands still */
			grow(t, now);
			to = NULL;
		}
	}
	if (fp_unlikely(__atomic_load_n(&now->n_used, __ATOMIC_RELAXED) >= FULL(1u << now->bits)) &&
	    __atomic_compare_exchange_n(&t->growing, &busy, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		grow(t, now);
		__atomic_store_n(&t->growing, 0, __ATOMIC_RELEASE);
	}
	return placed ? placed : id;
}

void fp_id_forget(struct fp_id_table *t)
{
	if (t->now)
		fp_sys_unmap(t->now, bytes_of(t->now->bits));
	if (t->next)
		fp_sys_unmap(t->next, bytes_of(t->next->bits));
	*t = (struct fp_id_table){.now = NULL};
}

uint64_t fp_id_memory_bytes(const struct fp_id_table *t)
{
	const struct fp_id_slots *now = __atomic_load_n(&t->now, __ATOMIC_ACQUIRE);

	return now ? bytes_of(now->bits) : 0;
}
