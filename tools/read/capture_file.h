/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files that copy a capture: capture.c, capture_memory.c,
 * capture_log.c and memory_events.c.
 */
#ifndef FP_TOOLS_READ_CAPTURE_FILE_H
#define FP_TOOLS_READ_CAPTURE_FILE_H

#include "tools/read/capture.h"

/* Two years in ns, 64 PiB: larger is damage, and sums could wrap. */
#define FP_CAPTURE_SUM_MAX (1ull << 56)

/* As many bytes as there are, up to n. */
size_t fp_capture_read_at(int fd, void *dst, size_t n_bytes, uint64_t offset_bytes);

/* Copies the whole items of a region.  0 or -ENOMEM; fewer items than named
 * mean that the file is cut. */
int fp_capture_region_copy(struct fp_capture *c, enum fp_region_id id, size_t item_bytes,
			   void *ret_items, uint64_t *ret_n);

/* Reads the sizes of these regions anew. */
void fp_capture_regions_refresh(struct fp_capture *c, enum fp_region_id first,
				enum fp_region_id last);

/* Before the tables that cells point into are copied.  0 or -ENOMEM. */
int fp_capture_memory_copy(struct fp_capture *c);
/* After them: what points nowhere is emptied. */
void fp_capture_memory_check(struct fp_capture *c);
/* No time negative, no sum that could wrap. */
void fp_capture_memory_bound(struct fp_mem_header *m);

#endif
