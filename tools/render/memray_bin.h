/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways to fill a Memray capture, behind memray_bin.c.
 */
#ifndef FP_TOOLS_RENDER_MEMRAY_BIN_H
#define FP_TOOLS_RENDER_MEMRAY_BIN_H

#include "tools/render/memray_out.h"
#include "tools/render/memray_stacks.h"

struct fp_memray_bin {
	const struct fp_profile *p;
	const struct fp_memory_process *process;
	const struct fp_capture_header *header;
	const struct fp_memray_stacks *stacks;
	struct fp_memray_out *out;
	const uint64_t *tids;  /* by thread of the profile; one for each thread, unlike the system's */
};

/* Memray's number of an allocator whose bytes are heap. */
static inline uint8_t fp_memray_allocator(uint8_t allocator)
{
	return allocator == FP_ALLOCATOR_BRK ? FP_ALLOCATOR_MMAP : allocator;
}

static inline bool fp_memray_is_python(uint8_t allocator)
{
	return allocator == FP_ALLOCATOR_PYTHON_MALLOC || allocator == FP_ALLOCATOR_PYTHON_CALLOC ||
	       allocator == FP_ALLOCATOR_PYTHON_REALLOC;
}

/* memray_bin.c: the objects of a map. */
void fp_memray_put_map(const struct fp_memray_bin *b, uint32_t map);

/* What the header says beforehand; -ENOENT: the process has no stream. */
int fp_memray_stream_count(const struct fp_memray_bin *b, uint64_t *ret_n_records);
int fp_memray_stream_put(const struct fp_memray_bin *b);

int fp_memray_sums_count(const struct fp_memray_bin *b, uint64_t *ret_n_records);
int fp_memray_sums_put(const struct fp_memray_bin *b);

#endif
