/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting of items whose first key is a small number.  Ordinary program. */
#ifndef FP_TOOLS_READ_BUCKET_SORT_H
#define FP_TOOLS_READ_BUCKET_SORT_H

#include <stddef.h>
#include <stdint.h>

/* As qsort(), faster where buckets hold few items.  bucket_of() is below
 * n_buckets; compare() orders all items, those of a lower bucket first, and has no
 * two equal. */
void fp_bucket_sort(void *items, size_t n, size_t item_bytes, uint32_t n_buckets,
		    uint32_t (*bucket_of)(const void *item), int (*compare)(const void *a, const void *b));

#endif
