/* SPDX-License-Identifier: Apache-2.0 */
/* The calling thread's pointer, from which thread-local variables of libc and
 * libpython are found.  Any context. */
#ifndef FP_BASE_THREAD_POINTER_H
#define FP_BASE_THREAD_POINTER_H

#include <stdint.h>

static inline uintptr_t fp_thread_pointer(void)
{
#if defined(__x86_64__)
	uintptr_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}

#endif
