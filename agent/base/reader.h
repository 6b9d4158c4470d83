/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How memory of a target is read: one's own (safe_load.h) or another
 * process's.  Addresses of the target are uintptr_t, never typed pointers.
 */
#ifndef FP_BASE_READER_H
#define FP_BASE_READER_H

#include <stddef.h>
#include <stdint.h>

/* Reads n bytes at addr of the target into dst.  0, or -EFAULT when any of
 * them cannot be read (dst is then undefined).  Never raises a signal that
 * the host sees. */
struct fp_reader {
	int (*read)(const struct fp_reader *r, uintptr_t addr, void *dst, size_t n_bytes);
	int pid; /* for readers of another process */
};

#endif
