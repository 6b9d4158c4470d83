/* SPDX-License-Identifier: Apache-2.0 */
/* See copy_ledger.h.  Any context. */
#include "agent/ledger/copy_ledger.h"

#include "agent/base/poisson.h"
#include "agent/ledger/slots.h"

#define CALL_UNITS 256 /* of fp_copy_slot.calls */

FP_SLOTS_ASSERT(struct fp_copy_slot);
static const struct fp_slots slots = {
	.slots = FP_REGION_COPIES,
	.heads = FP_REGION_COPY_HEADS,
	.n_heads = FP_COPY_HEADS,
	.slot_bytes = sizeof(struct fp_copy_slot),
};

int fp_copy_ledger_init(struct fp_segment *s, uint64_t sample_bytes)
{
	struct fp_capture_header *h = s->header;

	fp_slots_init(s, &slots);
	h->mem.copy_sample_bytes = sample_bytes;
	h->mem.copies = 1;
	return 0;
}

void fp_copy_book(struct fp_segment *s, const struct fp_copy_booking *b)
{
	struct fp_copy_slot *slot = fp_slots_find(s, &slots, b->thread, b->stack);
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
