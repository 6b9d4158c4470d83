/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's side of a capture file: one sparse file mapped whole, whose
 * regions grow by being populated (storage reserved) before they are touched.
 * After fp_segment_create no descriptor is open and none is needed: growth is
 * madvise(MADV_POPULATE_WRITE), which answers a full disk with an error where
 * a plain store would raise SIGBUS (docs/adr/0002).
 *
 * Growth and claims may run in any thread and in signal handlers, lock-free.
 * Create, remap and finish: one thread, ordinary context or a fork child.
 */
#ifndef FP_BASE_SEGMENT_H
#define FP_BASE_SEGMENT_H

#include "agent/base/attrs.h"
#include "agent/capture/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_segment {
	struct fp_capture_header *header; /* start of the mapping; NULL: none */
	uint64_t n_bytes;
	char path[FP_PATH_BYTES];
	bool broken; /* truncated by somebody: anonymous memory now, nothing is recorded */
};

/* Chooses region sizes within RLIMIT_AS and RLIMIT_FSIZE, creates path (which
 * must not exist, mode 0600) and maps it; at != NULL: over the mapping that
 * is there (fork child).  The header's regions and magic are set.
 * 0 or -errno (-EFBIG: a limit leaves no room). */
FP_NODISCARD int fp_segment_create(struct fp_segment *s, const char *path, uint32_t max_capture_mb, void *at);

/* Makes the first n_bytes of a region touchable.  0, or -ENOSPC (disk full),
 * -EFBIG (region full); the loss is counted once per cause. */
FP_NODISCARD int fp_segment_populate(struct fp_segment *s, enum fp_region_id region, uint64_t n_bytes);

/* Claims room for n_bytes at the end of a region and makes it touchable.
 * Returns its offset within the region, or UINT64_MAX. */
uint64_t fp_segment_claim(struct fp_segment *s, enum fp_region_id region, uint64_t n_bytes);

static inline void *fp_segment_at(const struct fp_segment *s, enum fp_region_id region)
{
	return (char *)s->header + s->header->regions[region].offset_bytes;
}

static inline void fp_loss_count(struct fp_segment *s, enum fp_loss_id loss)
{
	(void)__atomic_fetch_add(&s->header->losses[loss], 1, __ATOMIC_RELAXED);
}

#endif
