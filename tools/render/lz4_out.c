/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ4 by liblz4's frame format: blocks of 64 KB, each linked to the one
 * before, no checksums, as Memray writes them.  Render stage, ordinary
 * program; memory does not grow with the input.
 */
#include "tools/render/lz4_out.h"

#include <errno.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdlib.h>

struct fp_lz4_out {
	LZ4F_cctx *context;
	FILE *file;
	int err;
	size_t out_bytes;
	unsigned char out[];
};

static const LZ4F_preferences_t preferences = {
	.frameInfo = { .blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockLinked },
};

static void push(struct fp_lz4_out *z, size_t n_or_error)
{
	if (LZ4F_isError(n_or_error) || fwrite(z->out, 1, n_or_error, z->file) != n_or_error)
		z->err = -EIO;
}

struct fp_lz4_out *fp_lz4_begin(FILE *file)
{
	size_t bound = LZ4F_compressBound(FP_LZ4_BLOCK_BYTES, &preferences);
	struct fp_lz4_out *z = calloc(1, sizeof(*z) + bound);

	if (!z)
		return NULL;
	z->file = file;
	z->out_bytes = bound;
	if (LZ4F_isError(LZ4F_createCompressionContext(&z->context, LZ4F_VERSION))) {
		free(z);
		return NULL;
	}
	push(z, LZ4F_compressBegin(z->context, z->out, z->out_bytes, &preferences));
	return z;
}

int fp_lz4_write(struct fp_lz4_out *z, const void *bytes, size_t n_bytes)
{
	const unsigned char *p = bytes;

	while (n_bytes && !z->err) {
		size_t part = n_bytes < FP_LZ4_BLOCK_BYTES ? n_bytes : FP_LZ4_BLOCK_BYTES;

		push(z, LZ4F_compressUpdate(z->context, z->out, z->out_bytes, p, part, NULL));
		p += part;
		n_bytes -= part;
	}
	return z->err;
}

int fp_lz4_end(struct fp_lz4_out *z)
{
	int err;

	push(z, LZ4F_compressEnd(z->context, z->out, z->out_bytes, NULL));
	LZ4F_freeCompressionContext(z->context);
	err = z->err;
	free(z);
	return err;
}
