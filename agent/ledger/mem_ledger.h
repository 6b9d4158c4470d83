/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations: exact sums per (thread, stack, allocator, size class), what
 * lives, what lived at the peak, what was temporary.
 *
 * Two halves.  python: blocks of the MEM and OBJ domains; who books there
 * holds the GIL, so nothing is atomic.  system: everything else; who books
 * there holds the ledger's lock.  With lock_all (free-threaded builds, several
 * interpreters, a stream of events) the python half takes the lock too.
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

struct fp_mem_half {
	uint64_t heap_bytes;
	struct fp_block_table blocks; /* those that the shadow does not take */
};

#define FP_MEM_GENERATIONS 32u

struct fp_mem_ledger {
	/* every event */
	struct fp_mem_half python, system;
	uint64_t peak_bytes;
	uint32_t epoch;          /* changes at a falling edge from a new peak and at a checkpoint */
	uint32_t edge_epoch;     /* of the last edge */
	uint32_t generation;     /* of births */
	bool lock_all, stream, exact;
	volatile bool tick_due;  /* a CPU sample was taken since the last tick */
	struct fp_segment *segment;
	struct fp_mem_cell *cells;
	uint64_t small_bytes;    /* live blocks of the python half that lie in carriers */
	uint32_t birth_ms[FP_MEM_GENERATIONS];
	/* rare */
	struct fp_lock lock;
	uint32_t checkpoint;
	uint32_t now_ms;         /* of the last tick */
	uint64_t map_bytes, carrier_bytes, file_map_bytes;
	uint64_t sample_bytes;
};
extern struct fp_mem_ledger fp_mem_ledger;

/* The blocks that a thread made last, to know temporary ones. */
#define FP_MEM_RECENT 65u
struct fp_mem_recent {
	uint64_t sequence;       /* allocations of the thread so far */
	uint32_t next, n;        /* n: threshold + 1 entries are used */
	struct {
		uintptr_t address;
		uint64_t sequence;
	} blocks[FP_MEM_RECENT];
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

/* Books a block of its whole size.  recent: of the thread, counts it. */
void fp_mem_book(struct fp_mem_half *half, uint32_t cell, uintptr_t address, uint64_t n_bytes,
		 struct fp_mem_recent *recent);
/* Books a block met by sampling, for all that were not (poisson.h). */
void fp_mem_book_sampled(uint32_t cell, uintptr_t address, uint64_t n_bytes, struct fp_mem_recent *recent);

/* What ended. */
struct fp_mem_gone {
	uint32_t cell;           /* 0: nothing was known of the address */
	uint32_t birth;          /* generation, or ms when it had an entry */
	uint64_t n_bytes;
	bool shadow;
};
/* The block at address ends.  recent: of the thread that frees, or NULL. */
struct fp_mem_gone fp_mem_unbook(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_recent *recent);
/* Undoes fp_mem_unbook: a realloc that failed. */
void fp_mem_rebook(struct fp_mem_half *half, uintptr_t address, const struct fp_mem_gone *gone);

/* Bytes of a cell that lie in no block table: mappings. */
void fp_mem_add_range(uint32_t cell, uint64_t n_bytes);
/* ends: the last part of the mapping is gone; splits: it becomes two. */
void fp_mem_drop_range(uint32_t cell, uint64_t n_bytes, bool ends, bool splits);

/* A peak ends here: call before anything that makes the heap smaller. */
static inline uint64_t fp_mem_heap_bytes(void)
{
	return __atomic_load_n(&fp_mem_ledger.python.heap_bytes, __ATOMIC_RELAXED) +
	       __atomic_load_n(&fp_mem_ledger.system.heap_bytes, __ATOMIC_RELAXED);
}

/* Cells compare with a new checkpoint at their next event. */
void fp_mem_checkpoint(void);

/* Code objects that were given names: their addresses may be used again. */
void fp_mem_watch_code(uintptr_t code);
extern uint8_t fp_mem_filter[1u << 18];
static inline uint32_t fp_mem_filter_at(uintptr_t address)
{
	return (uint32_t)(address >> 4) & (FP_COUNT(fp_mem_filter) - 1);
}
/* Counts how often a watched address was freed: memos from before are stale. */
extern uint32_t fp_mem_code_epoch;

#endif
