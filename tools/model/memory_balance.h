/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process's resident memory was made of at its peak, item by item, and
 * the totals of its allocations.  Pure.
 */
#ifndef FP_TOOLS_MODEL_MEMORY_BALANCE_H
#define FP_TOOLS_MODEL_MEMORY_BALANCE_H

#include "tools/model/memory_sums.h"

struct fp_balance_item {
	const char *name;       /* "blocks of Python objects up to 512 bytes" */
	const char *key;        /* in JSON */
	int64_t n_bytes;        /* negative: asked for, never touched */
};

enum {
	FP_BALANCE_PYTHON_SMALL, FP_BALANCE_PYTHON, FP_BALANCE_NATIVE, FP_BALANCE_MAPS, FP_BALANCE_UNTOUCHED,
	FP_BALANCE_ARENAS,	FP_BALANCE_FILES, FP_BALANCE_STACKS, FP_BALANCE_AGENT, FP_BALANCE_REST, FP_BALANCE_LATER, FP_BALANCE_ITEMS
};

struct fp_balance {
	struct fp_balance_item items[FP_BALANCE_ITEMS]; /* their sum is vm_hwm_bytes */
	uint64_t vm_hwm_bytes;
	double explained;       /* 1 less REST and LATER as shares of vm_hwm_bytes, also where they are negative:
				 * items that name more than there is explain no better than such that name less */
};

/* false: the process was never looked at. */
bool fp_balance_make(const struct fp_mem_header *h, struct fp_balance *ret_balance);

/* Allocations of all kinds over processes: what everything adds up to. */
#define FP_HISTOGRAM_BINS 12
struct fp_memory_totals {
	struct fp_memory_sum all, live, temporary;
	uint64_t peak_bytes;    /* of the process with the largest */
	int64_t peak_when_ns;   /* since that process's start */
	uint32_t peak_process;  /* index into memory->processes, UINT32_MAX none */
	struct fp_memory_sum of_allocator[FP_ALLOCATOR_MAX];
	struct fp_memory_sum of_size[FP_HISTOGRAM_BINS]; /* up to fp_histogram_max() bytes each */
};
void fp_memory_totals_make(const struct fp_profile *p, struct fp_memory_totals *ret_totals);
/* Largest size of a bin; UINT64_MAX for the last. */
uint64_t fp_histogram_max(uint32_t bin);

#endif
