/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See heap.h.  A report takes a few large blocks, one after another; by default
 * each is mapped, touched page by page and unmapped, which was a seventh of a
 * report's time.
 */
#include "tools/cli/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAPPED_BYTES (2 << 20)   /* blocks as large are mapped, which lets them grow in place */
#define RESERVE_BYTES (32 << 20) /* of addresses; most reports have room in them */
#define PAD_BYTES (1 << 20)

void fp_heap_prepare(void)
{
	uintptr_t begin, end, page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *first;

	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, 2 * RESERVE_BYTES);
	(void)mallopt(M_TOP_PAD, RESERVE_BYTES);
	(void)mallopt(M_ARENA_MAX, 1);
	/* more than the heap has from before, so that it grows now */
	first = malloc(MAPPED_BYTES / 2);
	/* not again: near a limit of memory each growth would fail for it */
	(void)mallopt(M_TOP_PAD, PAD_BYTES);
	begin = ((uintptr_t)first + page - 1) & ~(page - 1);
	end = (uintptr_t)sbrk(0);
	/* with another allocator it lies elsewhere */
	if (first && begin < end && end - begin <= 2 * (uintptr_t)RESERVE_BYTES)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
	free(first);
}
