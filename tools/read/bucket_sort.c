/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bucket_sort.h: items are counted into buckets, then sorted within each.
 */
#include "tools/read/bucket_sort.h"

#include <stdlib.h>
#include <string.h>

#define FEW 16u        /* are sorted by insertion */
#define FEW_BYTES 64u  /* of an item */

static void sort_few(char *items, size_t n, size_t item_bytes, int (*compare)(const void *a, const void *b))
{
	char held[FEW_BYTES];

	for (size_t i = 1; i < n; i++) {
		size_t at = i;

		while (at && compare(items + (at - 1) * item_bytes, items + i * item_bytes) > 0)
			at--;
		if (at == i)
			continue;
		memcpy(held, items + i * item_bytes, item_bytes);
		memmove(items + (at + 1) * item_bytes, items + at * item_bytes, (i - at) * item_bytes);
		memcpy(items + at * item_bytes, held, item_bytes);
	}
}

/* Where each bucket begins, and the end behind the last. */
static void place_buckets(const char *items, size_t n, size_t item_bytes, uint32_t n_buckets,
			  uint32_t (*bucket_of)(const void *item), size_t *begins)
{
	for (size_t i = 0; i < n; i++)
		begins[bucket_of(items + i * item_bytes) + 1]++;
	for (uint32_t b = 0; b < n_buckets; b++)
		begins[b + 1] += begins[b];
}

void fp_bucket_sort(void *items, size_t n, size_t item_bytes, uint32_t n_buckets,
		    uint32_t (*bucket_of)(const void *item), int (*compare)(const void *a, const void *b))
{
	size_t *begins = NULL, done = 0;
	char *sorted = NULL;

	if (n > FEW && n_buckets && n_buckets / 8 < n && item_bytes <= FEW_BYTES) {
		begins = calloc((size_t)n_buckets + 1, sizeof(*begins));
		sorted = malloc(n * item_bytes);
	}
	if (!begins || !sorted) {
		if (n)
			qsort(items, n, item_bytes, compare);
		free(begins);
		free(sorted);
		return;
	}
	place_buckets(items, n, item_bytes, n_buckets, bucket_of, begins);
	for (size_t i = 0; i < n; i++) {
		const char *item = (const char *)items + i * item_bytes;

		memcpy(sorted + begins[bucket_of(item)]++ * item_bytes, item, item_bytes);
	}
	/* each begin has moved to its bucket's end */
	for (uint32_t b = 0; b < n_buckets; b++) {
		size_t n_here = begins[b] - done;

		if (n_here > FEW)
			qsort(sorted + done * item_bytes, n_here, item_bytes, compare);
		else
			sort_few(sorted + done * item_bytes, n_here, item_bytes, compare);
		done = begins[b];
	}
	memcpy(items, sorted, n * item_bytes);
	free(begins);
	free(sorted);
}
