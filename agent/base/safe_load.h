/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads that survive a bad address.
 *
 * Fast form: a copy loop whose faults our SIGSEGV/SIGBUS handler
 * (agent/hot/faults.c) turns into a -EFAULT return, because the interrupted pc
 * lies between the loop's labels; it nests and needs no per-thread state.
 * Slow form: process_vm_readv on ourselves, for threads where SIGSEGV cannot
 * reach our handler (blocked, or a handler installed behind our back).
 * Any context.
 */
#ifndef FP_BASE_SAFE_LOAD_H
#define FP_BASE_SAFE_LOAD_H

#include "agent/base/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 or -EFAULT; dst is undefined then.  Needs the fault handler in place. */
int fp_safe_copy(void *dst, const void *src, size_t n_bytes);
int fp_safe_copy_slow(void *dst, const void *src, size_t n_bytes);

/* For the fault handler: where to go on when pc lies in the copy loop, else 0. */
uintptr_t fp_safe_landing(uintptr_t pc);

/* Readers of our own memory for agent/python. */
extern const struct fp_reader fp_reader_own;
extern const struct fp_reader fp_reader_own_slow;

#endif
