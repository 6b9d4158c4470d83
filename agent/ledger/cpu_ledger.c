/* SPDX-License-Identifier: Apache-2.0 */
/* See cpu_ledger.h.  Any context. */
#include "agent/ledger/cpu_ledger.h"

#include "agent/ledger/slots.h"

FP_SLOTS_ASSERT(struct fp_cpu_slot);
static const struct fp_slots slots = {
	.slots = FP_REGION_CPU,
	.heads = FP_REGION_CPU_HEADS,
	.n_heads = FP_CPU_HEADS,
	.slot_bytes = sizeof(struct fp_cpu_slot),
};

int fp_cpu_ledger_init(struct fp_segment *s)
{
	fp_slots_init(s, &slots);
	return 0;
}

void fp_cpu_book(struct fp_segment *s, const struct fp_cpu_booking *b)
{
	struct fp_cpu_slot *slot = fp_slots_find(s, &slots, b->thread, b->stack);

	if (!slot) {
		fp_loss_count(s, FP_LOSS_nodes_full);
		return;
	}
	slot->samples += b->n_samples;
	slot->ns[b->kind] += b->weight_ns;
	if (b->gil) {
		slot->gil_ns += b->weight_ns;
		slot->gil_samples += b->n_samples;
	}
}

static struct fp_log_chunk *next_chunk(struct fp_segment *s, struct fp_log_cursor *c, uint32_t thread, int64_t when_ns)
{
	uint64_t at = fp_segment_claim(s, FP_REGION_LOG, FP_LOG_CHUNK_BYTES);
	struct fp_log_chunk *chunk;

	if (at == UINT64_MAX) {
		c->stopped = true;
		c->chunk = NULL;
		if (!s->header->log_stopped_ns)
			s->header->log_stopped_ns = (uint64_t)when_ns;
		return NULL;
	}
	chunk = (struct fp_log_chunk *)((char *)fp_segment_at(s, FP_REGION_LOG) + at);
	chunk->thread = thread;
	chunk->sequence = c->sequence++;
	c->chunk = chunk;
	return chunk;
}

void fp_cpu_log(struct fp_segment *s, struct fp_log_cursor *c, const struct fp_cpu_booking *b, int64_t when_ns,
		uint32_t flags)
{
	struct fp_log_chunk *chunk = c->chunk;
	uint64_t us = (b->weight_ns + 500) / 1000;
	struct fp_sample *sample;

	if (!chunk || chunk->n_samples == FP_LOG_CHUNK_SAMPLES)
		chunk = c->stopped ? NULL : next_chunk(s, c, b->thread, when_ns);
	if (!chunk) {
		fp_loss_count(s, FP_LOSS_log_full);
		return;
	}
	flags |= (uint32_t)b->kind | (b->gil ? FP_SAMPLE_GIL : 0);
	sample = &chunk->samples[chunk->n_samples];
	sample->when = ((uint64_t)(when_ns / 1000) & ((1ull << FP_SAMPLE_WHEN_BITS) - 1)) |
		       ((uint64_t)flags << FP_SAMPLE_WHEN_BITS);
	sample->stack = b->stack;
	sample->weight_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	__atomic_store_n(&chunk->n_samples, chunk->n_samples + 1, __ATOMIC_RELEASE);
}
