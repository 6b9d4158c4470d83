/* SPDX-License-Identifier: Apache-2.0 */
/* See copy_ledger.h.  Any context. */
#include "agent/ledger/copy_ledger.h"

#include "agent/base/hash.h"
#include "agent/base/poisson.h"

#define CALL_UNITS 256 /* of fp_copy_slot.calls */

int fp_copy_ledger_init(struct fp_segment *s, uint64_t sample_bytes)
{
	struct fp_capture_header *h = s->header;

	/* Id 0 ends chains. */
	h->regions[FP_REGION_COPIES].used_bytes = sizeof(struct fp_copy_slot);
	h->mem.copy_sample_bytes = sample_bytes;
	h->mem.copies = 1;
	return 0;
}

static struct fp_copy_slot *find_slot(struct fp_segment *s, uint32_t thread, uint32_t stack)
{
	struct fp_copy_slot *slots = fp_segment_at(s, FP_REGION_COPIES);
	uint32_t *heads = fp_segment_at(s, FP_REGION_COPY_HEADS);
	uint32_t *head = &heads[fp_hash_mix(stack, thread) % FP_COPY_HEADS];
	uint32_t first, id;
	uint64_t at;

	if (fp_segment_populate(s, FP_REGION_COPY_HEADS, FP_COPY_HEADS * sizeof(*heads)) < 0)
		return NULL;
	first = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	for (id = first; id; id = slots[id].next)
		if (slots[id].stack == stack && slots[id].thread == thread)
			return &slots[id];
	at = fp_segment_claim(s, FP_REGION_COPIES, sizeof(*slots));
	if (at == UINT64_MAX)
		return NULL;
	id = (uint32_t)(at / sizeof(*slots));
	slots[id].stack = stack;
	slots[id].thread = thread;
	/* A handler of the program's may copy in the middle of this and leave a
	 * twin; readers add them up. */
	do
		slots[id].next = first;
	while (!__atomic_compare_exchange_n(head, &first, id, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
	return &slots[id];
}

void fp_copy_book(struct fp_segment *s, const struct fp_copy_booking *b)
{
	struct fp_copy_slot *slot = find_slot(s, b->thread, b->stack);
	double p = fp_met((double)b->n_bytes / (double)s->header->mem.copy_sample_bytes);
	double bytes = (double)b->n_bytes / p;

	if (!slot) {
		fp_loss_count(s, FP_LOSS_copies_full);
		return;
	}
	slot->n_samples++;
	slot->bytes[b->kind] += (uint64_t)(bytes + 0.5);
	slot->calls[b->kind] += (uint64_t)(CALL_UNITS / p + 0.5);
	slot->variance += bytes * bytes * (1 - p);
}
