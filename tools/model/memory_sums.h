/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of memory: which of a cell's sums a view shows, added up with the
 * variance of what was sampled.  Pure.
 */
#ifndef FP_TOOLS_MODEL_MEMORY_SUMS_H
#define FP_TOOLS_MODEL_MEMORY_SUMS_H

#include "tools/read/profile.h"

/* Which sums of memory: of the peak, of the survivors, of all, of temporaries. */
enum fp_memory_view {
	FP_VIEW_PEAK,
	FP_VIEW_LEAKS,
	FP_VIEW_ALL,
	FP_VIEW_TEMPORARY,
};

struct fp_memory_sum {
	uint64_t n, bytes;
	double variance;       /* of bytes; 0: exact */
};

/* What of the memory is meant: a view, of one of memory->processes or of all
 * (UINT32_MAX). */
struct fp_memory_choice {
	enum fp_memory_view view;
	uint32_t process;
};

struct fp_memory_sum fp_memory_cell_sum(const struct fp_memory_cell *c, enum fp_memory_view view);
void fp_memory_sum_add(struct fp_memory_sum *sum, const struct fp_memory_sum *more);

/* Calls take() for each cell that belongs to the heap and has something in the
 * view. */
void fp_memory_each(const struct fp_profile *p, const struct fp_memory_choice *choice,
		    void (*take)(void *ctx, const struct fp_memory_cell *c, const struct fp_memory_sum *sum), void *ctx);

/* Half of a 95 % interval, in bytes. */
uint64_t fp_memory_half_interval(double variance);

/* "malloc", "mmap"; never NULL. */
const char *fp_memory_allocator_name(uint8_t allocator);
/* "the peak", "what lives at the end" and the like. */
const char *fp_memory_view_name(enum fp_memory_view view);

/* "12.3 MiB"; bytes below 1 KiB whole.  Returns out. */
#define FP_BYTES_TEXT 24
const char *fp_memory_bytes_text(uint64_t n_bytes, char out[FP_BYTES_TEXT]);
/* "12.3 MiB", or "12.3 +- 1.2 MiB" where the variance is not 0.  Returns out. */
#define FP_SUM_TEXT 48
const char *fp_memory_sum_text(const struct fp_memory_sum *sum, char out[FP_SUM_TEXT]);

/* How long the recording of a process was, since its start. */
int64_t fp_memory_end_ns(const struct fp_profile *p, const struct fp_memory_process *process);

#endif
