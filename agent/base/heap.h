/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own heap for what is not in the capture: a private jemalloc
 * (tools/cmake/build_jemalloc) that shares nothing with the host's.
 * Ordinary context only, never a signal handler or a hook: it takes locks and
 * a pthread key.  Begins with the first allocation; an object that calls none
 * of this does not carry it.  errno is kept.
 */
#ifndef FP_BASE_HEAP_H
#define FP_BASE_HEAP_H

#include <stddef.h>

/* NULL when memory is exhausted.  The block is the caller's until fp_heap_free. */
void *fp_heap_alloc(size_t n_bytes);
void *fp_heap_alloc_zeroed(size_t n, size_t n_bytes);
void *fp_heap_resize(void *block, size_t n_bytes);
void fp_heap_free(void *block);

/* What the kernel gave and was not given back. */
size_t fp_heap_mapped_bytes(void);

/* Around fork, in this order with the agent's other locks; free before first use. */
void fp_heap_fork_prepare(void);
void fp_heap_fork_parent(void);
void fp_heap_fork_child(void);

#endif
