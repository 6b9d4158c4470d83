/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes for the interactive memory page: numbers as LEB128, whole columns one
 * after another, then deflate and base64 into the page.  Failures stick in
 * err, so that callers ask once, at the end.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_HTML_PACK_H
#define FP_TOOLS_RENDER_MEMORY_HTML_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct fp_pack {
	unsigned char *bytes;     /* zero-initialised is empty and valid */
	size_t n, room;
	int err;
};

void fp_pack_number(struct fp_pack *p, uint64_t value);
void fp_pack_bytes(struct fp_pack *p, const void *bytes, size_t n_bytes);
void fp_pack_free(struct fp_pack *p);

/* Fills the empty out with a zlib stream of p.  0 or -errno (of p, too). */
int fp_pack_deflate(const struct fp_pack *p, struct fp_pack *out);
/* No stream of p is longer. */
size_t fp_pack_deflated_max(const struct fp_pack *p);

/* What n bytes take in base64. */
static inline size_t fp_pack_base64_bytes(size_t n)
{
	return (n + 2) / 3 * 4;
}
void fp_pack_base64(const struct fp_pack *p, FILE *out);

#endif
