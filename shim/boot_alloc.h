/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for the few bytes that dlsym may ask for while it looks for the
 * allocator itself.  Handed out once, never given back.  One thread: the one
 * that resolves, before or in the constructor.
 */
#ifndef FP_SHIM_BOOT_ALLOC_H
#define FP_SHIM_BOOT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FP_BOOT_BYTES (64u << 10)
extern char fp_boot_pool[FP_BOOT_BYTES];

/* Zeroed, aligned to 16 bytes; NULL when the pool is used up. */
void *fp_boot_alloc(size_t n_bytes);
static inline bool fp_boot_owns(const void *block)
{
	return (uintptr_t)block - (uintptr_t)fp_boot_pool < FP_BOOT_BYTES;
}
/* Bytes up to the pool's end: what may be read of a block. */
size_t fp_boot_room(const void *block);

#endif
