/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip by zlib, level 1 as reports are written while somebody waits.  Render
 * stage, ordinary program.  No time stamp: equal input gives equal bytes.
 */
#include "tools/render/gzip_out.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define OUT_BYTES 65536

struct fp_gzip_out {
	z_stream z;
	FILE *file;
	int err;
	unsigned char out[OUT_BYTES];
};

struct fp_gzip_out *fp_gzip_begin(FILE *file)
{
	struct fp_gzip_out *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->file = file;
	if (deflateInit2(&g->z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return NULL;
	}
	return g;
}

static void push(struct fp_gzip_out *g, int flush)
{
	do {
		g->z.next_out = g->out;
		g->z.avail_out = OUT_BYTES;
		deflate(&g->z, flush);
		size_t n = OUT_BYTES - g->z.avail_out;
		if (fwrite(g->out, 1, n, g->file) != n)
			g->err = -EIO;
	} while (g->z.avail_out == 0 && !g->err);
}

int fp_gzip_write(struct fp_gzip_out *g, const void *bytes, size_t n_bytes)
{
	const unsigned char *p = bytes;

	while (n_bytes && !g->err) {
		size_t part = n_bytes < (1u << 30) ? n_bytes : 1u << 30;

		g->z.next_in = (unsigned char *)(uintptr_t)p;
		g->z.avail_in = (unsigned)part;
		push(g, Z_NO_FLUSH);
		p += part;
		n_bytes -= part;
	}
	return g->err;
}

int fp_gzip_end(struct fp_gzip_out *g)
{
	g->z.avail_in = 0;
	push(g, Z_FINISH);
	deflateEnd(&g->z);
	int err = g->err;
	free(g);
	return err;
}
