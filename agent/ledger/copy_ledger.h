/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copied bytes per (thread, stack), estimated: a copy of n bytes is met by
 * Poisson sampling with p = 1 - exp(-n / mean) and then stands for n / p bytes
 * and 1 / p calls (agent/base/poisson.h), so the sums are unbiased and copies
 * much larger than the mean are as good as exact.
 * A slot is written by the thread that it names.  Any context.
 */
#ifndef FP_LEDGER_COPY_LEDGER_H
#define FP_LEDGER_COPY_LEDGER_H

#include "agent/base/segment.h"

/* Marks the capture as one with copies.  0 or -errno. */
FP_NODISCARD int fp_copy_ledger_init(struct fp_segment *s, uint64_t sample_bytes);

struct fp_copy_booking {
	uint32_t thread; /* index into THREADS */
	uint32_t stack;
	enum fp_copy_kind kind;
	uint64_t n_bytes; /* of the copy that was met */
};

/* Adds what the copy stands for; a full table loses it to FP_LOSS_copies_full. */
void fp_copy_book(struct fp_segment *s, const struct fp_copy_booking *b);

#endif
