/* SPDX-License-Identifier: Apache-2.0 */
/* See move.h.  Any context, before relocation too. */
#include "agent/base/move.h"

#include <stdint.h>

#define INLINE inline __attribute__((always_inline))

static INLINE void move_up(unsigned char *to, const unsigned char *from, size_t n_bytes)
{
#if defined(__x86_64__)
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n_bytes) : : "memory");
#else
	while (n_bytes--)
		*to++ = *from++;
#endif
}

static INLINE void move_down(unsigned char *to, const unsigned char *from, size_t n_bytes)
{
	while (n_bytes--)
		to[n_bytes] = from[n_bytes];
}

void *fp_base_move(void *to, const void *from, size_t n_bytes)
{
	if ((uintptr_t)to - (uintptr_t)from >= n_bytes)
		move_up(to, from, n_bytes);
	else
		move_down(to, from, n_bytes);
	return to;
}

void *fp_base_move_to_end(void *to, const void *from, size_t n_bytes)
{
	return (char *)fp_base_move(to, from, n_bytes) + n_bytes;
}
