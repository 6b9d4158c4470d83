/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stack out of two: the native frames of a thread with the Python frames
 * in the places of the eval loop's.  Pure; any context.
 */
#ifndef FP_NATIVE_MERGE_H
#define FP_NATIVE_MERGE_H

#include "agent/python/python.h"

#include <stdint.h>

/* In out[]: this bit set = the low bits are an index into py[]; clear = a pc. */
#define FP_MERGE_PYTHON (1ull << 63)

/* pcs and py leaf first; out leaf first, at most cap items.  Tolerant: what
 * does not pair is attached, never dropped; with n_pcs == 0 the Python frames
 * alone.  Every py[] index appears exactly once and in order. */
unsigned fp_native_merge(const struct fp_python *python, const uintptr_t *pcs, unsigned n_pcs,
			 const struct fp_py_frame *py, unsigned n_py, uint64_t *out, unsigned cap);

#endif
