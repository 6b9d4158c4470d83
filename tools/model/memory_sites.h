/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by place: a row per line or function that allocated, if wanted apart
 * by thread and allocator.
 */
#ifndef FP_TOOLS_MODEL_MEMORY_SITES_H
#define FP_TOOLS_MODEL_MEMORY_SITES_H

#include "tools/model/function_ids.h"
#include "tools/model/memory_sums.h"

struct fp_memory_site {
	uint32_t frame;        /* the first of its class */
	uint32_t thread;       /* UINT32_MAX: of all */
	uint8_t allocator;     /* FP_ALLOCATOR_NONE: of all */
	struct fp_memory_sum own;   /* it is the leaf */
	struct fp_memory_sum total; /* it is in the stack; a function that recurses counts once */
};

struct fp_memory_sites {
	struct fp_memory_site *rows; /* by own bytes, largest first */
	uint32_t n_rows;
	struct fp_memory_sum all;
};

/* apart: rows by thread and allocator too, and no totals.  0 or -ENOMEM. */
int fp_memory_sites_make(const struct fp_profile *p, const struct fp_memory_choice *choice, enum fp_ids_by by,
			 bool apart, struct fp_memory_sites **ret_sites);
/* Only rows that have something of their own, and no totals. */
int fp_memory_sites_own(const struct fp_profile *p, const struct fp_memory_choice *choice, enum fp_ids_by by,
			struct fp_memory_sites **ret_sites);
void fp_memory_sites_destroy(struct fp_memory_sites *t);

enum fp_memory_order { FP_MEMORY_BY_OWN, FP_MEMORY_BY_TOTAL, FP_MEMORY_BY_COUNT };
void fp_memory_sites_sort(struct fp_memory_sites *t, enum fp_memory_order order);

#endif
