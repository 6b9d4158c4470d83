/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An LZ4 frame over a FILE.
 */
#ifndef FP_TOOLS_RENDER_LZ4_OUT_H
#define FP_TOOLS_RENDER_LZ4_OUT_H

#include <stddef.h>
#include <stdio.h>

#define FP_LZ4_BLOCK_BYTES 65536u

struct fp_lz4_out;

/* NULL: out of memory. */
struct fp_lz4_out *fp_lz4_begin(FILE *file);
int fp_lz4_write(struct fp_lz4_out *z, const void *bytes, size_t n_bytes);
/* Ends the frame and frees; 0 or -EIO. */
int fp_lz4_end(struct fp_lz4_out *z);

#endif
