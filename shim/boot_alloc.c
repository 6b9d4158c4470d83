/* SPDX-License-Identifier: Apache-2.0 */
/* See boot_alloc.h. */
#include "shim/boot_alloc.h"

char fp_boot_pool[FP_BOOT_BYTES] __attribute__((aligned(16)));
static size_t used;

void *fp_boot_alloc(size_t n_bytes)
{
	size_t at = used;

	if (n_bytes > FP_BOOT_BYTES - at)
		return NULL;
	used = at + ((n_bytes + 15) & ~(size_t)15);
	if (used > FP_BOOT_BYTES)
		used = FP_BOOT_BYTES;
	return fp_boot_pool + at;
}

size_t fp_boot_room(const void *block)
{
	return (size_t)(fp_boot_pool + FP_BOOT_BYTES - (const char *)block);
}
