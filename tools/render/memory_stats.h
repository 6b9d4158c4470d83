/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stats as JSON.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_STATS_H
#define FP_TOOLS_RENDER_MEMORY_STATS_H

#include "tools/model/memory_balance.h"
#include "tools/model/memory_sites.h"

#include <stdio.h>

/* The keys of `memray stats --json`, and ours besides.  sites may be sorted
 * anew.  0 or -errno. */
int fp_memory_stats_json(const struct fp_profile *p, const struct fp_memory_totals *t, struct fp_memory_sites *sites,
			 uint32_t limit, FILE *out);

#endif
