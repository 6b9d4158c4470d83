/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Independent pieces of work on the CPUs that there are.  What they share they
 * only read.  Ordinary program.
 */
#ifndef FP_TOOLS_READ_PARALLEL_H
#define FP_TOOLS_READ_PARALLEL_H

#include <stddef.h>

/* Calls work(ctx, i) once for each i below n, lower ones first, here and in
 * threads of its own; returns when all are done.  Where no thread can be made
 * all of it happens here. */
void fp_parallel(void (*work)(void *ctx, size_t i), void *ctx, size_t n);

#endif
