/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Booking of the blocks that were met by sampling, each for all of its kind that were not
 * (poisson.h).  Their entries are in the system's half, as free() sees their end; all else of
 * them is Python's and booked with the ledger's lock held.  See mem_ledger.h.
 */
#include "agent/base/float_mode.h"
#include "agent/base/poisson.h"
#include "agent/ledger/mem_shards.h"
#include "agent/ledger/mem_stream.h"

static inline uint8_t *filter_at(uintptr_t address)
{
	return &fp_mem_filter[(address >> 4) & (FP_COUNT(fp_mem_filter) - 1)];
}

/* Of a block that stands for all of its kind that were not met. */
struct weight {
	uint64_t n;       /* in 1/FP_MEM_SAMPLED_UNIT */
	uint64_t n_bytes;
	double variance;
};

static struct weight weigh(uint64_t n_bytes)
{
	double p = fp_met((double)n_bytes / (double)fp_mem_ledger.sample_bytes);

	/* Nothing asked for is never met; book it as a byte would be. */
	if (p <= 0)
		p = fp_met(1 / (double)fp_mem_ledger.sample_bytes);
	return (struct weight){
		.n = (uint64_t)(FP_MEM_SAMPLED_UNIT / p + 0.5),
		.n_bytes = (uint64_t)((double)n_bytes / p + 0.5),
		.variance = (double)n_bytes * (double)n_bytes * (1 - p) / (p * p),
	};
}

static __attribute__((noinline)) void end_sampled(struct fp_mem_cell *c, const struct fp_block *block,
						  const struct fp_mem_recent *recent)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct weight w = weigh(block->n_bytes);
	uint8_t *counter = filter_at(block->address);

	if (*counter != UINT8_MAX && *counter)
		--*counter;
	fp_mem_subtract(c, w.n, w.n_bytes, block->birth_ms, l->now_ms,
			recent && fp_mem_is_temporary(recent, block->address, c));
	c->live_variance -= w.variance;
	if (c->live_variance < 0 || c->n_allocs == c->n_frees)
		c->live_variance = 0;
	l->python.heap_bytes -= w.n_bytes;
	if (block->n_bytes > 16u * FP_SIZE_SMALL)
		l->large_bytes -= w.n_bytes;
}

void fp_mem_end_sampled(const struct fp_block *block, const struct fp_mem_recent *recent)
{
	struct fp_float_mode mode = fp_float_begin();

	end_sampled(&fp_mem_ledger.cells[block->cell], block, recent);
	fp_float_end(mode);
}

static FP_COLD void end_missed(const struct fp_block *block)
{
	fp_loss_count(fp_mem_ledger.segment, FP_LOSS_mem_frees_missed);
	if (fp_mem_ledger.cells[block->cell].flags & FP_MEM_CELL_SAMPLED) {
		fp_mem_note_edge();
		fp_mem_end_sampled(block, NULL);
	} else {
		fp_mem_end_shared(block, NULL, NULL);
	}
}

static __attribute__((noinline)) void book_sampled(uint32_t cell, uintptr_t address, uint64_t n_bytes,
						   struct fp_mem_recent *recent)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_cell *c = &l->cells[cell];
	struct fp_block block = {address, n_bytes, cell, l->now_ms}, old;
	struct weight w = weigh(n_bytes);
	uint8_t *counter = filter_at(address);

	if (fp_mem_shard_take(address, &old))
		end_missed(&old);
	fp_mem_add(c, w.n, w.n_bytes, block.birth_ms);
	c->alloc_variance += (float)w.variance;
	c->live_variance += w.variance;
	l->python.heap_bytes += w.n_bytes;
	if (n_bytes > 16u * FP_SIZE_SMALL)
		l->large_bytes += w.n_bytes;
	if (!fp_mem_shard_put(&block)) {
		fp_loss_count(l->segment, FP_LOSS_mem_blocks_full);
		return;
	}
	if (*counter != UINT8_MAX)
		++*counter;
	if (recent)
		fp_mem_remember(recent, address, recent->sequence);
	if (l->stream)
		fp_mem_stream_alloc(cell, c, address, n_bytes);
}

/* Not inlined: what is computed must stay between begin and end. */
void fp_mem_book_sampled(uint32_t cell, uintptr_t address, uint64_t n_bytes, struct fp_mem_recent *recent)
{
	struct fp_float_mode mode = fp_float_begin();

	book_sampled(cell, address, n_bytes, recent);
	fp_float_end(mode);
}
