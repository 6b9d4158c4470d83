/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Booking of blocks.  See mem_ledger.h for who may call and what is held.
 * The peak is kept as in facts of Memray's snapshot.cpp: only a decrease from
 * a new maximum is an event; cells settle when they are touched next.
 */
#include "agent/ledger/mem_ledger.h"

#include "agent/ledger/mem_shards.h"
#include "agent/ledger/mem_stream.h"
#include "agent/ledger/node_table.h"

struct fp_mem_ledger fp_mem_ledger;

void fp_mem_ledger_init(struct fp_segment *s, enum fp_mem_mode mode, bool stream, uint64_t sample_bytes)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_block_table python_blocks = l->python_blocks;
	struct fp_mem_cell *no_room;

	if (l->segment) /* a fork child */
		for (size_t i = 0; i < FP_COUNT(fp_mem_filter); i++)
			if (fp_mem_filter[i]) /* only touched pages are written */
				fp_mem_filter[i] = 0;
	fp_mem_cells_forget();
	*l = (struct fp_mem_ledger){.segment = s,
				    .cells = fp_segment_at(s, FP_REGION_MEM_CELLS),
				    .exact = mode == FP_MEM_EXACT,
				    .stream = stream,
				    .lock_all = stream || mode == FP_MEM_SAMPLED,
				    .one_lock = stream,
				    .epoch = 1,
				    .sample_bytes = sample_bytes};
	fp_block_forget(&python_blocks);
	l->python_blocks = python_blocks;
	fp_mem_shards_forget();
	fp_mem_stream_init();
	if (fp_segment_claim(s, FP_REGION_MEM_CELLS, (FP_MEM_CELL_NO_ROOM + 1) * sizeof(*no_room)) != 0) {
		s->header->mem.mode = FP_MEM_OFF;
		return;
	}
	no_room = &l->cells[FP_MEM_CELL_NO_ROOM];
	no_room->stack = fp_node_of_mark(FP_MARK_no_room);
	no_room->allocator = FP_ALLOCATOR_MALLOC;
	no_room->peak_id = l->epoch;
	s->header->mem = (struct fp_mem_header){.mode = mode,
						.stream = stream,
						.sample_bytes = sample_bytes,
						.copies = s->header->mem.copies,
						.copy_sample_bytes = s->header->mem.copy_sample_bytes};
}

static inline struct fp_block_table *table_of(const struct fp_mem_half *half, uintptr_t address)
{
	return half == &fp_mem_ledger.python ? &fp_mem_ledger.python_blocks : &fp_mem_shard_of(address)->blocks;
}

/* What every cell does at its first event after an edge or a checkpoint. */
FP_COLD void fp_mem_settle(struct fp_mem_cell *c)
{
	const struct fp_mem_ledger *l = &fp_mem_ledger;
	uint64_t live = c->alloc_bytes - c->freed_bytes;

	if ((int32_t)(c->peak_id - l->edge_epoch) < 0) {
		c->n_peak = c->n_allocs - c->n_frees;
		c->peak_bytes = live;
		c->peak_variance = (float)c->live_variance;
	}
	c->peak_id = l->epoch;
	fp_mem_compare(c, live);
}

void fp_mem_compare(struct fp_mem_cell *c, uint64_t live)
{
	uint16_t checkpoint = (uint16_t)__atomic_load_n(&fp_mem_ledger.checkpoint, __ATOMIC_RELAXED);

	if (c->checkpoint == checkpoint)
		return;
	c->checkpoint = checkpoint;
	if (live > c->checkpoint_bytes) {
		c->ups += c->ups < UINT16_MAX;
		c->last_up = c->checkpoint;
	}
	if (live < c->checkpoint_bytes && c->downs < UINT16_MAX)
		c->downs++;
	c->checkpoint_bytes = live;
}

void fp_mem_publish_peak(void)
{
	const struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_header *h = fp_mem_header();

	__atomic_store_n(&h->peak_bytes, __atomic_load_n(&l->peak_bytes, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
	__atomic_store_n(&h->peak_id, __atomic_load_n(&l->edge_epoch, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

/* The halves may come here at once: both words only grow, or one that stood
 * still between two lines would put an old peak in the place of a later one. */
FP_COLD void fp_mem_end_peak(uint64_t heap)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	uint32_t edge = __atomic_add_fetch(&l->epoch, 1, __ATOMIC_RELAXED), last;
	uint64_t peak = __atomic_load_n(&l->peak_bytes, __ATOMIC_RELAXED);

	do
		if (heap < peak)
			return;
	while (!__atomic_compare_exchange_n(&l->peak_bytes, &peak, heap, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	last = __atomic_load_n(&l->edge_epoch, __ATOMIC_RELAXED);
	while ((int32_t)(edge - last) > 0 &&
	       !__atomic_compare_exchange_n(&l->edge_epoch, &last, edge, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	__atomic_store_n(&fp_mem_header()->heap_bytes, heap, __ATOMIC_RELAXED);
	__atomic_store_n(&fp_mem_header()->peak_when_ns, (int64_t)__atomic_load_n(&l->now_ms, __ATOMIC_RELAXED) * 1000000,
			 __ATOMIC_RELAXED);
	fp_mem_publish_peak();
}

void fp_mem_checkpoint(void)
{
	__atomic_store_n(&fp_mem_ledger.checkpoint, fp_mem_ledger.checkpoint + 1, __ATOMIC_RELAXED);
	(void)__atomic_add_fetch(&fp_mem_ledger.epoch, 1, __ATOMIC_RELAXED);
	fp_mem_header()->n_checkpoints = fp_mem_ledger.checkpoint;
}

/* A block whose end nobody saw ends now: its address was given out again. */
static FP_COLD void end_missed(struct fp_mem_half *half, uintptr_t address)
{
	fp_loss_count(fp_mem_ledger.segment, FP_LOSS_mem_frees_missed);
	(void)fp_mem_unbook(half, address, NULL);
}

void fp_mem_settle_one(struct fp_mem_waiting *w, struct fp_mem_recent *recent)
{
	struct fp_mem_waiting block = *w;

	w->address = 0;
	fp_mem_ledger.waiting_bytes -= block.n_bytes;
	fp_mem_book(&fp_mem_ledger.python, block.cell, block.address, block.n_bytes, NULL);
	if (recent && recent->sequence - block.sequence < recent->n)
		fp_mem_remember(recent, block.address, block.sequence);
}

FP_COLD void fp_mem_settle_waiting(struct fp_mem_recent *recent)
{
	for (uint32_t i = 0; i < FP_MEM_WAITING && fp_mem_ledger.waiting_bytes; i++)
		if (fp_mem_ledger.waiting[i].address)
			fp_mem_settle_one(&fp_mem_ledger.waiting[i], recent);
}

static FP_COLD void lose_block(struct fp_mem_half *half, const struct fp_block *block)
{
	/* It cannot be followed: as if it were freed at once. */
	fp_loss_count(fp_mem_ledger.segment, FP_LOSS_mem_blocks_full);
	fp_mem_note_edge();
	half->heap_bytes -= block->n_bytes;
	if (half == &fp_mem_ledger.python)
		fp_mem_ledger.large_bytes -= block->n_bytes;
	fp_mem_subtract(&fp_mem_ledger.cells[block->cell], 1, block->n_bytes, block->birth_ms, block->birth_ms, false);
	if (fp_mem_ledger.stream)
		fp_mem_stream_free(block->address);
}

static bool put_block(struct fp_mem_half *half, const struct fp_block *block)
{
	struct fp_block old;

	return fp_block_put(table_of(half, block->address), block, &old);
}

void fp_mem_book(struct fp_mem_half *half, uint32_t cell, uintptr_t address, uint64_t n_bytes,
		 struct fp_mem_recent *recent)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_cell *c = &l->cells[cell];
	uint32_t *word = NULL;
	uint32_t size_class = (uint32_t)((n_bytes + 15) / 16);

	if (fp_likely(cell != FP_MEM_CELL_NO_ROOM && fp_mem_is_small(half, address, n_bytes))) {
		word = fp_shadow_find(address);
		if (fp_unlikely(!word))
			word = fp_shadow_open(address);
	}
	if (fp_likely(word != NULL)) {
		if (fp_unlikely(*word))
			end_missed(half, address);
		*word = FP_SHADOW_MAKE(cell, l->generation, size_class * 16 - n_bytes);
		fp_mem_add(c, 1, n_bytes, l->birth_ms[l->generation]);
		half->heap_bytes += n_bytes;
	} else {
		struct fp_block block = {address, n_bytes, cell, l->now_ms};
		const uint32_t *stale = address & 15 ? NULL : fp_shadow_find(address);

		if (fp_block_find(table_of(half, address), address))
			end_missed(half, address);
		if (fp_unlikely(stale && *stale))
			end_missed(half, address);
		fp_mem_add(c, 1, n_bytes, block.birth_ms);
		half->heap_bytes += n_bytes;
		if (half == &l->python)
			l->large_bytes += n_bytes;
		if (l->stream)
			fp_mem_stream_alloc(cell, c, address, n_bytes);
		if (!put_block(half, &block))
			lose_block(half, &block);
	}
	if (recent)
		fp_mem_remember(recent, address, recent->sequence);
	if (l->stream && word)
		fp_mem_stream_alloc(cell, c, address, n_bytes);
}

static struct fp_mem_gone end_entry(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_recent *recent)
{
	struct fp_mem_gone gone = {.cell = 0};
	struct fp_mem_cell *c;
	struct fp_block block;

	if (!fp_block_take(table_of(half, address), address, &block))
		return gone;
	c = &fp_mem_ledger.cells[block.cell];
	fp_mem_note_edge();
	if (c->flags & FP_MEM_CELL_SAMPLED) {
		fp_mem_end_sampled(&block, recent);
	} else {
		fp_mem_subtract(c, 1, block.n_bytes, block.birth_ms, fp_mem_ledger.now_ms,
				recent && fp_mem_is_temporary(recent, address, c));
		half->heap_bytes -= block.n_bytes;
		if (half == &fp_mem_ledger.python)
			fp_mem_ledger.large_bytes -= block.n_bytes;
	}
	return (struct fp_mem_gone){.cell = block.cell, .birth = block.birth_ms, .n_bytes = block.n_bytes};
}

struct fp_mem_gone fp_mem_look_entry(const struct fp_mem_half *half, uintptr_t address)
{
	const struct fp_block *block = fp_block_find(table_of(half, address), address);

	if (!block)
		return (struct fp_mem_gone){.cell = 0};
	return (struct fp_mem_gone){.cell = block->cell, .birth = block->birth_ms, .n_bytes = block->n_bytes};
}

struct fp_mem_gone fp_mem_unbook(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_recent *recent)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	uint32_t *word = address & 15 ? NULL : fp_shadow_find(address);
	struct fp_mem_gone gone;

	if (fp_likely(word && *word)) {
		struct fp_mem_cell *c;

		gone = (struct fp_mem_gone){.cell = FP_SHADOW_CELL(*word),
					    .birth = FP_SHADOW_GENERATION(*word),
					    .shadow = true};
		c = &l->cells[gone.cell];
		gone.n_bytes = c->size_class * 16u - FP_SHADOW_SLACK(*word);
		*word = 0;
		/* Somebody frees with another allocator than it came from. */
		half = c->allocator <= FP_ALLOCATOR_PYTHON_REALLOC ? &l->python : &l->system;
		fp_mem_note_edge();
		half->heap_bytes -= gone.n_bytes;
		fp_mem_subtract(c, 1, gone.n_bytes, l->birth_ms[gone.birth], l->birth_ms[l->generation],
				recent && fp_mem_is_temporary(recent, address, c));
	} else {
		gone = end_entry(half, address, recent);
	}
	if (gone.cell && l->stream)
		fp_mem_stream_free(address);
	return gone;
}

void fp_mem_rebook(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_gone *gone)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_cell *c = &l->cells[gone->cell];

	if (!gone->cell)
		return;
	if (c->flags & FP_MEM_CELL_SAMPLED)
		fp_mem_book_sampled(gone->cell, address, gone->n_bytes, NULL);
	else
		fp_mem_book(half, gone->cell, address, gone->n_bytes, NULL);
}

static bool is_heap(uint8_t allocator)
{
	return allocator != FP_ALLOCATOR_CARRIER && allocator != FP_ALLOCATOR_FILE_MAP;
}

static uint64_t *sum_of(uint8_t allocator)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;

	return allocator == FP_ALLOCATOR_CARRIER  ? &l->carrier_bytes :
	       allocator == FP_ALLOCATOR_FILE_MAP ? &l->file_map_bytes :
						    &l->map_bytes;
}

void fp_mem_add_range(uint32_t cell, uint64_t n_bytes)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_cell *c = &l->cells[cell];

	fp_mem_add(c, 1, n_bytes, l->now_ms);
	*sum_of(c->allocator) += n_bytes;
	if (is_heap(c->allocator))
		fp_mem_move_heap((int64_t)n_bytes);
}

void fp_mem_drop_range(uint32_t cell, uint64_t n_bytes, bool ends, bool splits)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_cell *c = &l->cells[cell];
	uint64_t n_live = c->n_allocs - c->n_frees;
	uint64_t birth_ms = n_live ? c->birth_sum_ms / n_live : l->now_ms; /* that of each is not known */

	if (is_heap(c->allocator)) {
		fp_mem_note_edge();
		fp_mem_move_heap(-(int64_t)n_bytes);
	}
	*sum_of(c->allocator) -= n_bytes;
	fp_mem_touch(c);
	c->freed_bytes += n_bytes;
	c->lived_byte_ms += n_bytes * (l->now_ms > birth_ms ? l->now_ms - birth_ms : 0);
	c->birth_sum_ms += birth_ms * splits - birth_ms * ends;
	c->n_frees += ends;
	c->n_allocs += splits;
}
