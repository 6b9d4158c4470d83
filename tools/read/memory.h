/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a profile: what was allocated, lives, lived at the peak, was
 * temporary or copied, by stack.  Frames, stacks (nodes), threads and
 * processes are the profile's own.  Part of the profile: freed with it.
 */
#ifndef FP_TOOLS_READ_MEMORY_H
#define FP_TOOLS_READ_MEMORY_H

#include "agent/capture/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_profile;
struct fp_memory_stream;

/* Sums per (thread, stack, allocator, size class).  Where sampled, counts and
 * bytes are unbiased estimates and the variances (bytes squared) say how good:
 * a 95 % interval is 1.96 times the root.  Exact cells have variance 0. */
struct fp_memory_cell {
	uint32_t thread, stack;
	uint8_t allocator;        /* enum fp_allocator */
	bool sampled;
	uint16_t size_class;      /* fp_size_class() */
	uint32_t node;            /* the stack as recorded: an index into the nodes of its process's
				   * capture, where native frames still have their addresses */
	uint64_t n_allocs, alloc_bytes;
	uint64_t n_live, live_bytes;   /* at the end: the survivors */
	uint64_t n_peak, peak_bytes;   /* at its process's peak */
	uint64_t n_temporary, temporary_bytes;
	double alloc_variance, live_variance, peak_variance;
	uint64_t age_mean_ms;     /* of the live blocks; 0 when none live */
	uint64_t lived_byte_ms;   /* of those that ended: bytes by the time that they lived */
	uint32_t first_ms;        /* first allocation, since its process's start */
	uint32_t ups, downs;      /* growth over checkpoints, format.h */
	uint32_t last_up;         /* number of the checkpoint that counted as an up last, 0 none */
	uint64_t checkpoint_bytes; /* live bytes when last compared; differs from live_bytes by what
				    * happened since */
};

struct fp_memory_copy {
	uint32_t thread, stack;
	uint64_t bytes[FP_COPY_KINDS], calls[FP_COPY_KINDS]; /* estimates */
	double variance;
	uint32_t n_samples;
};

/* A process image whose memory was recorded. */
struct fp_memory_process {
	uint32_t process;         /* of the profile */
	uint32_t header;          /* index into profile->headers: its mem is the rest of the facts */
	const char *path;         /* of the capture, for fp_memory_events() */
	size_t first_point, n_points;
	size_t first_cell, n_cells;
	const struct fp_memory_stream *stream; /* for fp_memory_events(); NULL: none was recorded */
};

struct fp_memory {
	enum fp_mem_mode mode;    /* the most exact of the processes' */
	struct fp_memory_cell *cells; /* by process; carriers and file maps included, see allocator */
	size_t n_cells;
	struct fp_memory_copy *copies; /* of processes without recorded memory too */
	size_t n_copies;
	struct fp_memory_process *processes; /* in the order of the profile's processes */
	uint32_t n_processes;
	struct fp_mem_point *points; /* by process, then by time (when_ns since the process's start) */
	size_t n_points;
};

/* Whether the allocator's bytes belong to heap_bytes. */
static inline bool fp_memory_is_heap(uint8_t allocator)
{
	return allocator != FP_ALLOCATOR_CARRIER && allocator != FP_ALLOCATOR_FILE_MAP;
}

enum fp_memory_event_kind {
	FP_MEMORY_ALLOC,
	FP_MEMORY_FREE,           /* cell, size, born_ms: of the block it ends; cell is UINT32_MAX when that is
				   * not in the stream.  A block whose address is given out again ends just
				   * before, by such an event too */
	FP_MEMORY_UNMAP,          /* [address, address + size), cell, born_ms: of the mapping that ends, wholly
				   * or in part; one event for each mapping; cell is UINT32_MAX when that
				   * is not in the stream.  What is mapped over ends just before */
	FP_MEMORY_TIME,
};

struct fp_memory_event {
	enum fp_memory_event_kind kind;
	uint32_t cell;            /* index into memory->cells */
	uint32_t thread;          /* of the profile: who did it; UINT32_MAX: one that was not wanted */
	uint64_t address, size;
	uint64_t when_ms;         /* TIME; for the others of the last TIME */
	uint64_t born_ms;         /* FREE, UNMAP: when_ms of the ALLOC */
	uint64_t rss_bytes;       /* TIME */
};

/* Calls take() for each event of one process's stream, in order; stops at the
 * first non-zero answer and returns it.  Events of cells that were not wanted
 * are left out, and what follows damage.  -ENOENT: no stream was recorded;
 * -ESTALE: the file is another one than when the profile was read; -ENOMEM,
 * -errno of the file; 0. */
int fp_memory_events(const struct fp_profile *p, const struct fp_memory_process *process,
		     int (*take)(void *ctx, const struct fp_memory_event *event), void *ctx);

#endif
