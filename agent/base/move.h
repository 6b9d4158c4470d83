/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of the agent's own.  memcpy and its family are hooked, so a call of
 * them from inside would come back as a copy of the program's: the linker sends
 * every such call of ours, of the compiler's and of the private libraries here
 * (tools/cmake/FpAgent.cmake, lint_copies).
 *
 * Any context, also before the object is relocated: no call, no table, no
 * thread-local storage.  For few and small copies: a string instruction, not
 * glibc's vector code.
 */
#ifndef FP_BASE_MOVE_H
#define FP_BASE_MOVE_H

#include <stddef.h>

/* memmove, which is memcpy as well. */
void *fp_base_move(void *to, const void *from, size_t n_bytes);
/* mempcpy: returns the end. */
void *fp_base_move_to_end(void *to, const void *from, size_t n_bytes);

#endif
