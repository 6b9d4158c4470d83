/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of the ledgers that add up by (thread, stack): found through hash
 * chains, made at the first look.  Such a slot begins with uint32_t stack,
 * thread and next.  Any context.
 */
#ifndef FP_LEDGER_SLOTS_H
#define FP_LEDGER_SLOTS_H

#include "agent/base/segment.h"

struct fp_slots {
	enum fp_region_id slots, heads;
	uint32_t n_heads;
	uint32_t slot_bytes;
};

#define FP_SLOTS_ASSERT(type)                                                                                        \
	_Static_assert(offsetof(type, stack) == 0 && offsetof(type, thread) == 4 && offsetof(type, next) == 8,       \
		       "a slot begins with stack, thread, next")

/* Id 0 ends chains; its page is populated with the first slot's. */
static inline void fp_slots_init(struct fp_segment *s, const struct fp_slots *t)
{
	s->header->regions[t->slots].used_bytes = t->slot_bytes;
}

/* The slot, or NULL when the table is full.  Only its own thread asks for a
 * slot (or the process's end for it); when it asks again in the middle of this,
 * from a handler, a twin stays, and readers add twins up. */
void *fp_slots_find(struct fp_segment *s, const struct fp_slots *t, uint32_t thread, uint32_t stack);

#endif
