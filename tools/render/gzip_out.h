/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gzip stream over a FILE.
 */
#ifndef FP_TOOLS_RENDER_GZIP_OUT_H
#define FP_TOOLS_RENDER_GZIP_OUT_H

#include <stddef.h>
#include <stdio.h>

struct fp_gzip_out;

/* NULL: out of memory. */
struct fp_gzip_out *fp_gzip_begin(FILE *file);
int fp_gzip_write(struct fp_gzip_out *g, const void *bytes, size_t n_bytes);
/* Ends the stream and frees; 0 or -EIO. */
int fp_gzip_end(struct fp_gzip_out *g);

#endif
