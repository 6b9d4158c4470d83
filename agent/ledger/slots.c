/* SPDX-License-Identifier: Apache-2.0 */
/* See slots.h.  Any context. */
#include "agent/ledger/slots.h"

#include "agent/base/hash.h"

enum slot_word { STACK, THREAD, NEXT };

void *fp_slots_find(struct fp_segment *s, const struct fp_slots *t, uint32_t thread, uint32_t stack)
{
	char *slots = fp_segment_at(s, t->slots);
	uint32_t *heads = fp_segment_at(s, t->heads);
	uint32_t *head = &heads[fp_hash_mix(stack, thread) % t->n_heads];
	uint32_t first, id, *slot;
	uint64_t at;

	if (fp_segment_populate(s, t->heads, t->n_heads * sizeof(*heads)) < 0)
		return NULL;
	first = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	for (id = first; id; id = slot[NEXT]) {
		slot = (uint32_t *)(void *)(slots + (size_t)id * t->slot_bytes);
		if (slot[STACK] == stack && slot[THREAD] == thread)
			return slot;
	}
	at = fp_segment_claim(s, t->slots, t->slot_bytes);
	if (at == UINT64_MAX)
		return NULL;
	slot = (uint32_t *)(void *)(slots + at);
	slot[STACK] = stack;
	slot[THREAD] = thread;
	do
		slot[NEXT] = first;
	while (!__atomic_compare_exchange_n(head, &first, (uint32_t)(at / t->slot_bytes), false, __ATOMIC_RELEASE,
					    __ATOMIC_ACQUIRE));
	return slot;
}
