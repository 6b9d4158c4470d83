/* SPDX-License-Identifier: Apache-2.0 */
/* See mem_shards.h.  A thread that is left half-way (lock.h) leaves a block that counts and
 * has no entry, never an entry that does not count. */
#include "agent/ledger/mem_shards.h"

struct fp_mem_shard fp_mem_shards[FP_MEM_SHARDS];

void fp_mem_shards_give_back(void)
{
	for (unsigned i = 0; i < FP_MEM_SHARDS; i++)
		fp_lock_give_mine(&fp_mem_shards[i].lock);
}

void fp_mem_shards_forget(void)
{
	for (unsigned i = 0; i < FP_MEM_SHARDS; i++) {
		if (fp_mem_shards[i].blocks.n_used)
			fp_block_forget(&fp_mem_shards[i].blocks);
		if (fp_mem_shards[i].lock.word)
			fp_lock_reset(&fp_mem_shards[i].lock);
	}
}

void fp_mem_move_heap(int64_t n_bytes)
{
	struct fp_mem_half *system = &fp_mem_ledger.system;
	uint64_t before = __atomic_load_n(&system->heap_bytes, __ATOMIC_RELAXED);
	int64_t sum;

	if (fp_unlikely(__atomic_load_n(&system->owed, __ATOMIC_RELAXED)))
		n_bytes += __atomic_exchange_n(&system->owed, 0, __ATOMIC_RELAXED);
	do
		sum = (int64_t)before + n_bytes;
	while (!__atomic_compare_exchange_n(&system->heap_bytes, &before, sum > 0 ? (uint64_t)sum : 0, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (fp_unlikely(sum < 0))
		(void)__atomic_fetch_add(&system->owed, sum, __ATOMIC_RELAXED);
}

static inline int64_t kept(const int64_t *difference)
{
	return difference ? __atomic_load_n(difference, __ATOMIC_RELAXED) : 0;
}

static inline bool is_kept(const int64_t *difference, int64_t sum)
{
	return difference && sum > -FP_MEM_DIFFERENCE && sum < FP_MEM_DIFFERENCE;
}

static inline void move(int64_t *difference, int64_t n_bytes)
{
	int64_t sum = kept(difference) + n_bytes, rest = 0;

	if (is_kept(difference, sum))
		rest = sum;
	else
		fp_mem_move_heap(sum);
	if (difference)
		__atomic_store_n(difference, rest, __ATOMIC_RELAXED);
}

/* Before n_bytes end. */
static inline void note_edge(const int64_t *difference, uint64_t n_bytes)
{
	int64_t rest = kept(difference);
	uint64_t heap;

	if (fp_likely(is_kept(difference, rest - (int64_t)n_bytes)))
		return;
	heap = fp_mem_heap_bytes() + (rest > 0 ? (uint64_t)rest : 0);
	if (heap >= __atomic_load_n(&fp_mem_ledger.peak_bytes, __ATOMIC_RELAXED))
		fp_mem_end_peak(heap);
}

static inline void add(uint64_t *sum, uint64_t n)
{
	(void)__atomic_fetch_add(sum, n, __ATOMIC_RELAXED);
}

/* The only one that writes there. */
static inline void add_own(uint64_t *sum, uint64_t n)
{
	__atomic_store_n(sum, __atomic_load_n(sum, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline uint64_t less(const uint64_t *sum, const uint64_t *other)
{
	return __atomic_load_n(sum, __ATOMIC_RELAXED) - __atomic_load_n(other, __ATOMIC_RELAXED);
}

/* A cell that a thread settles has a number that readers take for a very old one.  Where
 * that thread was left half-way, another does it so many epochs later. */
#define CLAIMED (1u << 31)
#define CLAIM_EPOCHS 4096u

/* As fp_mem_settle, by one thread.  Its sums are read before the claim: where that
 * succeeds, nobody who saw the edge has booked there. */
static FP_COLD void settle(struct fp_mem_cell *c, uint32_t seen, uint32_t epoch)
{
	uint64_t n = less(&c->n_allocs, &c->n_frees), live = less(&c->alloc_bytes, &c->freed_bytes);
	uint32_t edge = __atomic_load_n(&fp_mem_ledger.edge_epoch, __ATOMIC_RELAXED);

	if (epoch - (seen ^ CLAIMED) < CLAIM_EPOCHS ||
	    !__atomic_compare_exchange_n(&c->peak_id, &seen, epoch ^ CLAIMED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if ((int32_t)(seen - edge) < 0) {
		c->n_peak = n;
		c->peak_bytes = live;
	}
	fp_mem_compare(c, live);
	__atomic_store_n(&c->peak_id, epoch, __ATOMIC_RELEASE);
}

static inline void touch(struct fp_mem_cell *c)
{
	uint32_t seen = __atomic_load_n(&c->peak_id, __ATOMIC_ACQUIRE);
	uint32_t epoch = __atomic_load_n(&fp_mem_ledger.epoch, __ATOMIC_RELAXED);

	if (fp_unlikely(seen != epoch))
		settle(c, seen, epoch);
}

static inline uint32_t now_ms(void)
{
	return __atomic_load_n(&fp_mem_ledger.now_ms, __ATOMIC_RELAXED);
}

static inline void count_temporary(const struct fp_block *block, struct fp_mem_cell *c)
{
	uint32_t n = __atomic_load_n(&c->n_temporary, __ATOMIC_RELAXED);

	if (fp_likely(block->cell != FP_MEM_CELL_NO_ROOM)) { /* the thread's own */
		__atomic_store_n(&c->n_temporary, n + (n < UINT32_MAX), __ATOMIC_RELAXED);
		add_own(&c->temporary_bytes, block->n_bytes);
		return;
	}
	while (n < UINT32_MAX && !__atomic_compare_exchange_n(&c->n_temporary, &n, n + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	add(&c->temporary_bytes, block->n_bytes);
}

void fp_mem_end_shared(const struct fp_block *block, const struct fp_mem_recent *recent, int64_t *difference)
{
	struct fp_mem_cell *c = &fp_mem_ledger.cells[block->cell];
	uint32_t now = now_ms();

	note_edge(difference, block->n_bytes);
	touch(c);
	add(&c->n_frees, 1);
	add(&c->freed_bytes, block->n_bytes);
	add(&c->birth_sum_ms, -(uint64_t)block->birth_ms);
	if (now > block->birth_ms)
		add(&c->lived_byte_ms, block->n_bytes * (now - block->birth_ms));
	if (recent && fp_mem_is_temporary(recent, block->address, c))
		count_temporary(block, c);
	move(difference, -(int64_t)block->n_bytes);
}

static FP_COLD bool end_sampled(const struct fp_block *block, const struct fp_mem_recent *recent)
{
	if (!fp_lock_take(&fp_mem_ledger.lock))
		return false;
	fp_mem_note_edge();
	fp_mem_end_sampled(block, recent);
	fp_lock_give_mine(&fp_mem_ledger.lock);
	return true;
}

static inline bool end(const struct fp_block *block, const struct fp_mem_recent *recent, int64_t *difference)
{
	if (fp_unlikely(fp_mem_ledger.cells[block->cell].flags & FP_MEM_CELL_SAMPLED))
		return end_sampled(block, recent);
	fp_mem_end_shared(block, recent, difference);
	return true;
}

/* A block of Python's ends in another allocator than it came from. */
static FP_COLD bool unbook_python(uintptr_t address, const struct fp_mem_recent *recent, struct fp_mem_gone *ret_gone)
{
	if (!fp_lock_take(&fp_mem_ledger.lock))
		return false;
	*ret_gone = fp_mem_unbook(&fp_mem_ledger.python, address, recent);
	fp_lock_give_mine(&fp_mem_ledger.lock);
	return true;
}

static inline bool is_in_shadow(uintptr_t address)
{
	const uint32_t *word = address & 15 ? NULL : fp_shadow_find(address);

	return word && *word;
}

static FP_COLD void lose(enum fp_loss_id loss, const struct fp_block *block, int64_t *difference)
{
	fp_loss_count(fp_mem_ledger.segment, loss);
	(void)end(block, NULL, difference);
}

/* The cell counts the block already.  Gives the lock back. */
static inline void put(struct fp_mem_shard *shard, const struct fp_block *block, int64_t *difference)
{
	struct fp_block old;
	bool is_put = fp_block_put(&shard->blocks, block, &old);

	fp_lock_give(&shard->lock);
	if (fp_unlikely(old.address))
		lose(FP_LOSS_mem_frees_missed, &old, difference);
	if (fp_unlikely(!is_put))
		lose(FP_LOSS_mem_blocks_full, block, difference);
}

bool fp_mem_book_shared(uint32_t cell, uintptr_t address, uint64_t n_bytes, struct fp_mem_recent *recent,
			int64_t *difference)
{
	struct fp_mem_cell *c = &fp_mem_ledger.cells[cell];
	struct fp_mem_shard *shard = fp_mem_shard_of(address);
	struct fp_block block = {address, n_bytes, cell, now_ms()};
	struct fp_mem_gone gone;

	if (fp_unlikely(is_in_shadow(address)) && unbook_python(address, NULL, &gone))
		fp_loss_count(fp_mem_ledger.segment, FP_LOSS_mem_frees_missed);
	if (!fp_lock_take(&shard->lock))
		return false;
	touch(c);
	if (fp_likely(cell != FP_MEM_CELL_NO_ROOM)) {
		add_own(&c->n_allocs, 1);
		add_own(&c->alloc_bytes, n_bytes);
	} else { /* of all threads */
		add(&c->n_allocs, 1);
		add(&c->alloc_bytes, n_bytes);
	}
	add(&c->birth_sum_ms, block.birth_ms);
	move(difference, (int64_t)n_bytes);
	put(shard, &block, difference);
	if (recent)
		fp_mem_remember(recent, address, recent->sequence);
	return true;
}

bool fp_mem_unbook_shared(uintptr_t address, const struct fp_mem_recent *recent, int64_t *difference,
			  struct fp_mem_gone *ret_gone)
{
	struct fp_mem_shard *shard = fp_mem_shard_of(address);
	struct fp_block block = {.cell = 0};
	bool is_known;

	if (fp_unlikely(is_in_shadow(address)))
		return unbook_python(address, recent, ret_gone);
	if (!fp_lock_take(&shard->lock))
		return false;
	is_known = fp_block_take(&shard->blocks, address, &block);
	fp_lock_give(&shard->lock);
	*ret_gone = (struct fp_mem_gone){.cell = block.cell, .birth = block.birth_ms, .n_bytes = block.n_bytes};
	return !is_known || end(&block, recent, difference);
}

static FP_COLD bool rebook_sampled(uintptr_t address, const struct fp_mem_gone *gone)
{
	if (!fp_lock_take(&fp_mem_ledger.lock))
		return false;
	fp_mem_book_sampled(gone->cell, address, gone->n_bytes, NULL);
	fp_lock_give_mine(&fp_mem_ledger.lock);
	return true;
}

bool fp_mem_rebook_shared(uintptr_t address, const struct fp_mem_gone *gone, int64_t *difference)
{
	struct fp_mem_cell *c = &fp_mem_ledger.cells[gone->cell];
	struct fp_mem_shard *shard = fp_mem_shard_of(address);
	struct fp_block block = {address, gone->n_bytes, gone->cell, now_ms()};

	if (!gone->cell)
		return true;
	if (c->flags & FP_MEM_CELL_SAMPLED)
		return rebook_sampled(address, gone);
	if (!fp_lock_take(&shard->lock))
		return false;
	touch(c);
	add(&c->n_frees, -(uint64_t)1);
	add(&c->freed_bytes, -block.n_bytes);
	add(&c->birth_sum_ms, block.birth_ms);
	move(difference, (int64_t)block.n_bytes);
	put(shard, &block, difference);
	return true;
}

bool fp_mem_shard_take(uintptr_t address, struct fp_block *ret_block)
{
	struct fp_mem_shard *shard = fp_mem_shard_of(address);
	bool is_taken;

	if (!fp_lock_take(&shard->lock))
		return false;
	is_taken = fp_block_take(&shard->blocks, address, ret_block);
	fp_lock_give(&shard->lock);
	return is_taken;
}

bool fp_mem_shard_put(const struct fp_block *block)
{
	struct fp_mem_shard *shard = fp_mem_shard_of(block->address);
	struct fp_block old;
	bool is_put;

	if (!fp_lock_take(&shard->lock))
		return false;
	is_put = fp_block_put(&shard->blocks, block, &old);
	fp_lock_give(&shard->lock);
	return is_put;
}
