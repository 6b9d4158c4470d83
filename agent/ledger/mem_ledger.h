/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations: exact sums per (thread, stack, allocator, size class), what
 * lives, what lived at the peak, what was temporary.
 *
 * Two halves.  python: blocks of the MEM and OBJ domains; who books there
 * holds the GIL, so nothing is atomic.  With lock_all (sampling, free-threaded builds,
 * several interpreters, a stream of events) who books there holds the ledger's lock too.
 * system: everything else, and the entries of those blocks that were met by sampling.
 * Mappings are booked with the ledger's lock held; blocks too where events have an order
 * (one_lock: the stream), and without a lock where the process has one thread.  Else
 * several threads book blocks at once: mem_shards.h says how.
 *
 * Where the python half does not lock, the halves meet in heap_bytes (each writes its own word and
 * reads the other's, whole words), in the peak and in epoch. The peak only rises and its
 * edge only moves on; what a cell of the other half books while an edge is being drawn
 * counts as before it or after it. A sanitizer of threads calls the plain words of the python
 * half races: to make them atomic costs two instructions at each event.
 *
 * Callers hold a struct fp_thread with inside set.  Any context but a signal
 * handler.  No allocation but raw mmap and growth of the capture.
 */
#ifndef FP_LEDGER_MEM_LEDGER_H
#define FP_LEDGER_MEM_LEDGER_H

#include "agent/base/lock.h"
#include "agent/base/segment.h"
#include "agent/ledger/blocks.h"

#include <stdbool.h>

/* What one writes at each event lies on other cache lines than what all read there. */
#define FP_MEM_LINE __attribute__((aligned(64)))

struct fp_mem_half {
	uint64_t heap_bytes;
	int64_t owed;            /* of system, at most 0: frees that came before what they free was added */
};

#define FP_MEM_GENERATIONS 32u

/* Small blocks of the python half that were just made wait here, by address,
 * for their free, as most objects die young: both are booked at once then, and
 * the shadow is not touched.  Who needs the slot first books the block that
 * waits.  Not with lock_all. */
#define FP_MEM_WAITING 32u
struct fp_mem_waiting {
	uintptr_t address;       /* 0: nothing waits */
	uint32_t cell, n_bytes;
	uint64_t sequence;       /* of the thread that made it, at that moment */
	uint64_t reserved;       /* 32 bytes are a shift */
};

struct fp_mem_ledger {
	/* every event reads */
	uint64_t peak_bytes;
	uint32_t epoch;          /* changes at a falling edge from a new peak and at a checkpoint */
	uint32_t edge_epoch;     /* of the last edge */
	uint32_t generation;     /* of births */
	uint32_t now_ms;         /* of the last tick */
	uint32_t checkpoint;
	bool lock_all, one_lock, stream, exact;
	volatile bool tick_due;  /* a CPU sample was taken since the last tick */
	struct fp_segment *segment;
	struct fp_mem_cell *cells;
	uint64_t sample_bytes;
	uint32_t birth_ms[FP_MEM_GENERATIONS];
	/* events of Python's write */
	struct fp_mem_half python FP_MEM_LINE;
	struct fp_block_table python_blocks; /* those that the shadow does not take; the system's: mem_shards.h */
	uint64_t large_bytes;    /* live blocks of the python half that lie in no carrier */
	uint64_t waiting_bytes;  /* of waiting: live, but not yet in heap_bytes */
	struct fp_mem_waiting waiting[FP_MEM_WAITING];
	/* events of the system's write, of several threads now and then */
	struct fp_mem_half system FP_MEM_LINE;
	/* rare */
	struct fp_lock lock FP_MEM_LINE, ticking;
	uint64_t map_bytes, carrier_bytes, file_map_bytes;
};
extern FP_OWN struct fp_mem_ledger fp_mem_ledger;

/* The blocks that a thread made last, to know temporary ones. */
#define FP_MEM_RECENT 128u       /* a power of two above FP_MEM_RECENT_MOST */
#define FP_MEM_RECENT_MOST 65u
#define FP_MEM_SEQUENCE(record) ((uint64_t)(record) << 40) /* where a thread begins to count */
struct fp_mem_recent {
	uint64_t sequence;       /* allocations of the thread so far; its hooks count, from where no other thread's are */
	uint32_t n;              /* threshold + 1, at most FP_MEM_RECENT_MOST: the last n may be temporary */
	uint32_t record;         /* of the thread */
	struct {
		uintptr_t address;
		uint64_t sequence;
	} blocks[FP_MEM_RECENT]; /* by sequence; of those that do not wait */
};

/* Tables of a fresh capture; the blocks are forgotten.  Boot and fork child. */
void fp_mem_ledger_init(struct fp_segment *s, enum fp_mem_mode mode, bool stream, uint64_t sample_bytes);

static inline struct fp_mem_header *fp_mem_header(void)
{
	return &fp_mem_ledger.segment->header->mem;
}

/* The cell of a key, made when it is new (any thread, lock-free).  Never
 * fails: id 1 when there is no room. */
struct fp_mem_cell_key {
	uint32_t stack, thread;
	uint8_t allocator;       /* enum fp_allocator */
	uint16_t size_class;
};
#define FP_MEM_CELL_NO_ROOM 1u
uint32_t fp_mem_cell_intern(const struct fp_mem_cell_key *key);

/* Books a block of its whole size.  recent: of the thread, or NULL. */
void fp_mem_book(struct fp_mem_half *half, uint32_t cell, uintptr_t address, uint64_t n_bytes,
		 struct fp_mem_recent *recent);
/* Books a block met by sampling, for all that were not (poisson.h). */
void fp_mem_book_sampled(uint32_t cell, uintptr_t address, uint64_t n_bytes, struct fp_mem_recent *recent);
/* Its entry is gone; a peak was looked for.  recent: of the thread that frees, or NULL. */
void fp_mem_end_sampled(const struct fp_block *block, const struct fp_mem_recent *recent);

/* What ended. */
struct fp_mem_gone {         /* of two words, so that it comes back in registers */
	uint32_t cell;           /* 0: nothing was known of the address */
	uint32_t birth;          /* generation, or ms when it had an entry */
	uint64_t n_bytes : 63;
	uint64_t shadow : 1;
};
/* The block at address ends.  recent: of the thread that frees, or NULL. */
struct fp_mem_gone fp_mem_unbook(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_recent *recent);
/* Undoes fp_mem_unbook: a realloc that failed. */
void fp_mem_rebook(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_gone *gone);

/* Bytes of a cell that lie in no block table: mappings. */
void fp_mem_add_range(uint32_t cell, uint64_t n_bytes);
/* ends: the last part of the mapping is gone; splits: it becomes two. */
void fp_mem_drop_range(uint32_t cell, uint64_t n_bytes, bool ends, bool splits);

/* Adds to the system's heap_bytes, any thread at any time; it never falls below 0. */
void fp_mem_move_heap(int64_t n_bytes);

/* A peak ends here: call before anything that makes the heap smaller. */
static inline uint64_t fp_mem_heap_bytes(void)
{
	return __atomic_load_n(&fp_mem_ledger.python.heap_bytes, __ATOMIC_RELAXED) +
	       __atomic_load_n(&fp_mem_ledger.system.heap_bytes, __ATOMIC_RELAXED);
}

/* The parts of booking that every event goes through. */
void fp_mem_end_peak(uint64_t heap_bytes);
/* The header's peak is the ledger's again, should one half have overtaken the other there. */
void fp_mem_publish_peak(void);
void fp_mem_settle(struct fp_mem_cell *c);
/* The cell's part of a checkpoint, if it has not seen the last one.  live: its bytes now. */
void fp_mem_compare(struct fp_mem_cell *c, uint64_t live);

static inline void fp_mem_note_edge(void)
{
	uint64_t heap = fp_mem_heap_bytes();

	if (fp_unlikely(heap >= fp_mem_ledger.peak_bytes))
		fp_mem_end_peak(heap);
}

static inline void fp_mem_touch(struct fp_mem_cell *c)
{
	if (fp_unlikely(c->peak_id != fp_mem_ledger.epoch))
		fp_mem_settle(c);
}

static inline void fp_mem_add(struct fp_mem_cell *c, uint64_t n, uint64_t n_bytes, uint64_t birth_ms)
{
	fp_mem_touch(c);
	c->n_allocs += n;
	c->alloc_bytes += n_bytes;
	c->birth_sum_ms += n * birth_ms;
}

/* now_ms: of the clock that birth_ms is of. */
static inline void fp_mem_subtract(struct fp_mem_cell *c, uint64_t n, uint64_t n_bytes, uint64_t birth_ms,
				   uint64_t now_ms, bool temporary)
{
	fp_mem_touch(c);
	c->n_frees += n;
	c->freed_bytes += n_bytes;
	c->birth_sum_ms -= n * birth_ms;
	c->lived_byte_ms += n_bytes * (now_ms - birth_ms);
	if (temporary) {
		uint64_t sum = c->n_temporary + n;

		c->n_temporary = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
		c->temporary_bytes += n_bytes;
	}
}

static inline void fp_mem_remember(struct fp_mem_recent *recent, uintptr_t address, uint64_t sequence)
{
	recent->blocks[sequence % FP_MEM_RECENT].address = address;
	recent->blocks[sequence % FP_MEM_RECENT].sequence = sequence;
}

/* Was the block, of cell c, made so few allocations ago by this thread?  A second
 * block at an address is the later one; what another thread ended is still
 * remembered, and what it made there since is its own.  Where there was no room
 * the maker is not known. */
static inline bool fp_mem_is_temporary(const struct fp_mem_recent *recent, uintptr_t address,
				       const struct fp_mem_cell *c)
{
	for (uint64_t sequence = recent->sequence; recent->sequence - sequence < recent->n; sequence--)
		if (recent->blocks[sequence % FP_MEM_RECENT].address == address &&
		    recent->blocks[sequence % FP_MEM_RECENT].sequence == sequence)
			return c->thread == recent->record || c == &fp_mem_ledger.cells[FP_MEM_CELL_NO_ROOM];
	return false;
}

/* Does the shadow take the block?  A word per 16 bytes is a quarter of what pymalloc
 * gives.  Of what malloc gives it is more, by its headers, and all of it again
 * where small blocks lie between large ones: its blocks go to the table. */
static inline bool fp_mem_is_small(const struct fp_mem_half *half, uintptr_t address, uint64_t n_bytes)
{
	return half == &fp_mem_ledger.python && n_bytes <= 16u * FP_SIZE_SMALL && !(address & 15);
}

static_assert(sizeof(struct fp_mem_waiting) == 32, "addresses are multiples of 16: fp_mem_waiting_of");
static inline struct fp_mem_waiting *fp_mem_waiting_of(uintptr_t address)
{
	uintptr_t at = (address << 1 ^ address >> 4) & (FP_MEM_WAITING - 1) * sizeof(struct fp_mem_waiting);

	return (struct fp_mem_waiting *)((char *)fp_mem_ledger.waiting + at);
}

/* Books what waits: all of it, or the block in one slot (not empty).  recent: of
 * the calling thread, whose blocks may still be temporary; or NULL. */
void fp_mem_settle_waiting(struct fp_mem_recent *recent);
void fp_mem_settle_one(struct fp_mem_waiting *w, struct fp_mem_recent *recent);

/* The common case of fp_mem_book, for a small block of the python half: it
 * waits. */
static inline void fp_mem_book_small(uint32_t cell, uintptr_t address, uint64_t n_bytes, struct fp_mem_recent *recent)
{
	struct fp_mem_waiting *w = fp_mem_waiting_of(address);

	if (w->address)
		fp_mem_settle_one(w, recent);
	w->address = address;
	w->cell = cell;
	w->n_bytes = (uint32_t)n_bytes;
	w->sequence = recent->sequence;
	fp_mem_ledger.waiting_bytes += n_bytes;
}

/* Without lock_all, in the thread that holds the GIL: what waits is part of a peak
 * that ends now. */
static inline void fp_mem_settle_peak(struct fp_mem_recent *recent)
{
	if (fp_unlikely(fp_mem_heap_bytes() + fp_mem_ledger.waiting_bytes >= fp_mem_ledger.peak_bytes))
		fp_mem_settle_waiting(recent);
}

/* The block waits: it ends here, and nothing but its cell's counts has changed.
 * False: nothing was done. */
static inline bool fp_mem_cancel(uintptr_t address, const struct fp_mem_recent *recent)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	struct fp_mem_waiting *w = fp_mem_waiting_of(address);
	uint64_t n_bytes = w->n_bytes, waiting_bytes = l->waiting_bytes;
	struct fp_mem_cell *c;

	if (w->address != address || fp_unlikely(fp_mem_heap_bytes() + waiting_bytes >= l->peak_bytes))
		return false; /* a part of a peak is settled first */
	c = &l->cells[w->cell];
	w->address = 0;
	l->waiting_bytes = waiting_bytes - n_bytes;
	c->n_allocs++;
	c->n_frees++;
	c->alloc_bytes += n_bytes;
	c->freed_bytes += n_bytes;
	if (recent->sequence - w->sequence < recent->n) {
		if (fp_unlikely(!++c->n_temporary))
			c->n_temporary = UINT32_MAX;
		c->temporary_bytes += n_bytes;
	}
	return true;
}

/* The common case of fp_mem_unbook, without lock_all, for a block of the python half in the
 * shadow; a peak was settled.  0: nothing was done, else the cell. */
static inline uint32_t fp_mem_unbook_small(uintptr_t address, const struct fp_mem_recent *recent)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	uint32_t *word = address & 15 ? NULL : fp_shadow_find(address), value;
	struct fp_mem_cell *c;
	uint64_t n_bytes;

	if (fp_unlikely(!word || !(value = *word)))
		return 0;
	c = &l->cells[FP_SHADOW_CELL(value)];
	if (fp_unlikely(c->allocator > FP_ALLOCATOR_PYTHON_REALLOC))
		return 0;
	n_bytes = c->size_class * 16u - FP_SHADOW_SLACK(value);
	*word = 0;
	fp_mem_note_edge();
	l->python.heap_bytes -= n_bytes;
	fp_mem_subtract(c, 1, n_bytes, l->birth_ms[FP_SHADOW_GENERATION(value)], l->birth_ms[l->generation],
			fp_mem_is_temporary(recent, address, c));
	return FP_SHADOW_CELL(value);
}

/* A counter per 16 bytes of address, modulo 4 MiB; not 0: the address may be a
 * sampled block. */
extern FP_OWN uint8_t fp_mem_filter[1u << 18];
static inline uint8_t fp_mem_filter_of(uintptr_t address)
{
	return fp_mem_filter[(address >> 4) & (FP_COUNT(fp_mem_filter) - 1)];
}

struct fp_mem_gone fp_mem_look_entry(const struct fp_mem_half *half, uintptr_t address);

/* What is known of a block; nothing changes. */
static inline struct fp_mem_gone fp_mem_look(const struct fp_mem_half *half, uintptr_t address)
{
	const struct fp_mem_waiting *w = fp_mem_waiting_of(address);
	const uint32_t *word = address & 15 ? NULL : fp_shadow_find(address);

	if (w->address == address)
		return (struct fp_mem_gone){.cell = w->cell, .n_bytes = w->n_bytes, .shadow = true};
	if (word && *word)
		return (struct fp_mem_gone){
			.cell = FP_SHADOW_CELL(*word),
			.birth = FP_SHADOW_GENERATION(*word),
			.n_bytes = fp_mem_ledger.cells[FP_SHADOW_CELL(*word)].size_class * 16u - FP_SHADOW_SLACK(*word),
			.shadow = true};
	return fp_mem_look_entry(half, address);
}

/* Cells compare with a new checkpoint at their next event. */
void fp_mem_checkpoint(void);

/* Code objects that were given names, whose addresses may be used again: any code
 * object that ends is told, and those that are watched count. */
void fp_mem_watch_code(uintptr_t code);
void fp_mem_code_freed(uintptr_t code);

/* Counts watched addresses that were freed: a frame seen before may now be of
 * another code object. */
extern FP_OWN uint32_t fp_mem_code_epoch;
/* The same for the addresses that share a place here: what is cached with another
 * generation is stale.  One that comes round again makes a turn: all is stale. */
#define FP_MEM_CODE_PLACES 4096u
#define FP_MEM_CODE_GENERATION_SHIFT 57u
#define FP_MEM_CODE_GENERATION_MAX 127u
extern FP_OWN uint8_t fp_mem_code_generations[FP_MEM_CODE_PLACES];
extern FP_OWN uint32_t fp_mem_code_turn;
static inline uint32_t fp_mem_code_place(uintptr_t code)
{
	return code >> 6 & (FP_MEM_CODE_PLACES - 1); /* without the tags of stack references */
}
static inline uint8_t fp_mem_code_generation(uintptr_t code)
{
	return __atomic_load_n(&fp_mem_code_generations[fp_mem_code_place(code)], __ATOMIC_RELAXED);
}
void fp_mem_cells_forget(void);
/* The calling thread left what it did half-way, by a jump or its end: its locks. */
void fp_mem_give_back(void);
/* Private memory that finds cells. */
uint64_t fp_mem_cells_bytes(void);

#endif
