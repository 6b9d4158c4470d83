/* SPDX-License-Identifier: Apache-2.0 */
/* See boot_alloc.h. */
#include "shim/boot_alloc.h"

#include <stdint.h>

#define POOL_BYTES (64u << 10)

static char pool[POOL_BYTES] __attribute__((aligned(16)));
static size_t used;

void *fp_boot_alloc(size_t n_bytes)
{
	size_t at = used;

	if (n_bytes > POOL_BYTES - at)
		return NULL;
	used = at + ((n_bytes + 15) & ~(size_t)15);
	if (used > POOL_BYTES)
		used = POOL_BYTES;
	return pool + at;
}

bool fp_boot_owns(const void *block)
{
	return (uintptr_t)block - (uintptr_t)pool < POOL_BYTES;
}

size_t fp_boot_room(const void *block)
{
	return (size_t)(pool + POOL_BYTES - (const char *)block);
}
