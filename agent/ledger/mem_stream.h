/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the stream of allocations (agent/capture/mem_stream.h), in booking
 * order.  The ledger's lock is held by every caller.  When there is no room any
 * more the stream stops at a whole record, and the sums go on.
 */
#ifndef FP_LEDGER_MEM_STREAM_H
#define FP_LEDGER_MEM_STREAM_H

#include "agent/capture/format.h"

void fp_mem_stream_init(void);
void fp_mem_stream_alloc(uint32_t cell, const struct fp_mem_cell *c, uintptr_t address, uint64_t n_bytes);
void fp_mem_stream_free(uintptr_t address);
void fp_mem_stream_unmap(uintptr_t address, uint64_t n_bytes);
void fp_mem_stream_time(uint64_t when_ms, uint64_t rss_bytes);
/* Who does the frees that follow: index into THREADS. */
void fp_mem_stream_thread(uint32_t thread);

#endif
