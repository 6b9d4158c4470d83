/* SPDX-License-Identifier: Apache-2.0 */
/* See mem_ranges.h.  A sorted array: programs hold hundreds of mappings, not
 * millions, and change them rarely.  Raw mmap only. */
#include "agent/ledger/mem_ranges.h"

#include "agent/base/sys.h"
#include "agent/ledger/mem_ledger.h"
#include "agent/ledger/mem_stream.h"

#define RANGES_MAX 65536u
#define LOOKED_RANGES 64u
#define LOOKED_LEAST_BYTES (1u << 20)
#define LOOKED_LEAST_CARRIER_BYTES (2u << 20) /* an arena fills up at once; mimalloc reserves 1 GiB */
#define LOOKED_BYTES (1ull << 30)
#define LOOKED_PAGES 512u /* at once */

struct range {
	uintptr_t start, end;
	uint32_t cell;
};
static struct range *ranges; /* RANGES_MAX of them reserved */
static uint32_t n_ranges;

void fp_mem_ranges_init(void)
{
	n_ranges = 0;
}

/* The first range that ends after address. */
static uint32_t find(uintptr_t address)
{
	uint32_t low = 0, high = n_ranges;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool insert(uint32_t at, struct range range)
{
	if (n_ranges == RANGES_MAX) {
		fp_loss_count(fp_mem_ledger.segment, FP_LOSS_mem_ranges_full);
		return false;
	}
	for (uint32_t i = n_ranges; i > at; i--)
		ranges[i] = ranges[i - 1];
	ranges[at] = range;
	n_ranges++;
	return true;
}

static void erase(uint32_t at)
{
	n_ranges--;
	for (uint32_t i = at; i < n_ranges; i++)
		ranges[i] = ranges[i + 1];
}

static bool is_streamed(uint32_t cell)
{
	uint8_t allocator = fp_mem_ledger.cells[cell].allocator;

	return fp_mem_ledger.stream && (allocator == FP_ALLOCATOR_MMAP || allocator == FP_ALLOCATOR_BRK);
}

/* Takes [start, end) out of the range at i; false: the next one to look at is
 * at i again. */
static bool cut(uint32_t i, uintptr_t start, uintptr_t end)
{
	struct range *r = &ranges[i], right = *r;
	uintptr_t from = start > r->start ? start : r->start, to = end < r->end ? end : r->end;
	bool keeps_left = from > r->start, keeps_right = to < r->end;

	fp_mem_drop_range(r->cell, to - from, !keeps_left && !keeps_right, keeps_left && keeps_right);
	if (is_streamed(r->cell))
		fp_mem_stream_unmap(from, to - from);
	right.start = to;
	if (!keeps_left && !keeps_right) {
		erase(i);
		return false;
	}
	if (keeps_left)
		r->end = from;
	else
		r->start = to;
	if (keeps_left && keeps_right && !insert(i + 1, right))
		fp_mem_drop_range(right.cell, right.end - right.start, true, false);
	return true;
}

void fp_mem_range_unmap(uintptr_t start, uint64_t n_bytes)
{
	uintptr_t end = start + n_bytes;
	uint32_t i;

	if (end < start)
		return;
	for (i = find(start); i < n_ranges && ranges[i].start < end;)
		i += cut(i, start, end);
}

void fp_mem_range_map(uintptr_t start, uint64_t n_bytes, uint32_t cell)
{
	if (!ranges)
		ranges = fp_sys_map_private(RANGES_MAX * sizeof(*ranges));
	if (!ranges || start + n_bytes < start)
		return;
	fp_mem_range_unmap(start, n_bytes);
	if (!insert(find(start), (struct range){start, start + n_bytes, cell}))
		return;
	fp_mem_add_range(cell, n_bytes);
	if (is_streamed(cell))
		fp_mem_stream_alloc(cell, &fp_mem_ledger.cells[cell], start, n_bytes);
}

/* The first large mapping of its kind that ends after address; empty: none. */
static struct range large_after(uintptr_t address, int allocator)
{
	uintptr_t least = allocator == FP_ALLOCATOR_CARRIER ? LOOKED_LEAST_CARRIER_BYTES : LOOKED_LEAST_BYTES;
	struct range found = {0, 0, 0};

	if (!fp_lock_take(&fp_mem_ledger.lock))
		return found;
	for (uint32_t i = find(address); i < n_ranges && !found.end; i++)
		if (ranges[i].end - ranges[i].start >= least &&
		    fp_mem_ledger.cells[ranges[i].cell].allocator == allocator)
			found = ranges[i];
	fp_lock_give(&fp_mem_ledger.lock);
	return found;
}

static uint64_t untouched_bytes(const struct range *r)
{
	unsigned char pages[LOOKED_PAGES];
	uint64_t n = 0;

	for (uintptr_t at = r->start; at < r->end;) {
		size_t left = (r->end - at) / FP_PAGE_BYTES, look = left < LOOKED_PAGES ? left : LOOKED_PAGES;

		/* Unmapped meanwhile: nothing is known. */
		if (fp_sys_call(SYS_mincore, at, look * FP_PAGE_BYTES, pages) < 0)
			break;
		for (size_t i = 0; i < look; i++)
			n += !(pages[i] & 1);
		at += look * FP_PAGE_BYTES;
	}
	return n * FP_PAGE_BYTES;
}

uint64_t fp_mem_ranges_untouched_bytes(int allocator)
{
	uint64_t sum = 0, left = LOOKED_BYTES;
	struct range r = large_after(0, allocator);

	for (unsigned i = 0; i < LOOKED_RANGES && r.end && left; i++) {
		uintptr_t end = r.end;

		if (end - r.start > left)
			r.end = r.start + left;
		left -= r.end - r.start;
		sum += untouched_bytes(&r);
		r = large_after(end, allocator);
	}
	return sum;
}

uint32_t fp_mem_range_cell(uintptr_t address)
{
	uint32_t i = find(address);

	return i < n_ranges && ranges[i].start <= address ? ranges[i].cell : 0;
}
