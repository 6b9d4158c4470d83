/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU per (thread, stack): exact sums in ns, and the timeline of samples.
 * A slot is found by any thread and written by the thread it names (or by the
 * end of the process for it), so its sums need no atomics.  Any context.
 */
#ifndef FP_LEDGER_CPU_LEDGER_H
#define FP_LEDGER_CPU_LEDGER_H

#include "agent/base/segment.h"

#include <stdbool.h>

FP_NODISCARD int fp_cpu_ledger_init(struct fp_segment *s);

struct fp_cpu_booking {
	uint32_t thread; /* index into THREADS */
	uint32_t stack;
	enum fp_cpu_kind kind;
	bool gil;
	uint64_t weight_ns;
	uint32_t n_samples;
};

/* Adds to the sums; a full table loses the weight to FP_LOSS_nodes_full. */
void fp_cpu_book(struct fp_segment *s, const struct fp_cpu_booking *b);

/* A thread's end of the timeline. */
struct fp_log_cursor {
	struct fp_log_chunk *chunk; /* NULL before the first sample, and in a fork child */
	uint32_t sequence;
	bool stopped;
};
/* flags: enum fp_sample_flag besides kind and gil, which b gives. */
void fp_cpu_log(struct fp_segment *s, struct fp_log_cursor *c, const struct fp_cpu_booking *b, int64_t when_ns,
		uint32_t flags);

#endif
