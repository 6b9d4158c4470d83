/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings that the program made, by address: whole pages that may be freed in
 * parts, laid over each other, moved.  The ledger's lock is held by every caller.
 */
#ifndef FP_LEDGER_MEM_RANGES_H
#define FP_LEDGER_MEM_RANGES_H

#include <stdint.h>

/* Boot and fork child. */
void fp_mem_ranges_init(void);
/* [start, start + n_bytes) belongs to cell now; what was there ends. */
void fp_mem_range_map(uintptr_t start, uint64_t n_bytes, uint32_t cell);
void fp_mem_range_unmap(uintptr_t start, uint64_t n_bytes);
/* Bytes that are not resident of anonymous mappings (FP_ALLOCATOR_MMAP) of 1 MiB and
 * more, or of carriers larger than pymalloc's: the first 64 and 1 GiB.  Takes the
 * ledger's lock, then asks the kernel. */
uint64_t fp_mem_ranges_untouched_bytes(int allocator);
/* The cell of the mapping that holds address, 0: none known. */
uint32_t fp_mem_range_cell(uintptr_t address);

#endif
