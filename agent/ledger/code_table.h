/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python functions by fingerprint (address, names' addresses, line table,
 * first line), with their texts copied at first sight, because the code object may be
 * gone when a report is made.  Lock-free like node_table.h.  Any context.
 */
#ifndef FP_LEDGER_CODE_TABLE_H
#define FP_LEDGER_CODE_TABLE_H

#include "agent/base/segment.h"
#include "agent/python/python.h"

FP_NODISCARD int fp_code_table_init(struct fp_segment *s);

/* Id (>= 1) of the code object at address code; 0 when the table is full or
 * the object cannot be read. */
uint32_t fp_code_intern(struct fp_segment *s, const struct fp_python *py, const struct fp_reader *r, uintptr_t code);

/* A copy of bytes in TEXT; returns its offset, 0 when there is no room. */
uint32_t fp_text_store(struct fp_segment *s, const char *bytes, uint32_t n_bytes);

#endif
