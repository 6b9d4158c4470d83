/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes for the interactive memory page.  Render stage, ordinary program.
 */
#include "tools/render/memory_html_pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static int make_room(struct fp_pack *p, size_t n_more)
{
	size_t room = p->room ? p->room : 4096;
	unsigned char *bytes;

	if (p->err || p->room - p->n >= n_more)
		return p->err;
	while (room - p->n < n_more)
		room *= 2;
	bytes = realloc(p->bytes, room);
	if (!bytes)
		return p->err = -ENOMEM;
	p->bytes = bytes;
	p->room = room;
	return 0;
}

void fp_pack_number(struct fp_pack *p, uint64_t value)
{
	if (make_room(p, 10))
		return;
	while (value >= 0x80) {
		p->bytes[p->n++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	p->bytes[p->n++] = (unsigned char)value;
}

void fp_pack_bytes(struct fp_pack *p, const void *bytes, size_t n_bytes)
{
	if (!n_bytes || make_room(p, n_bytes))
		return;
	memcpy(p->bytes + p->n, bytes, n_bytes);
	p->n += n_bytes;
}

void fp_pack_free(struct fp_pack *p)
{
	free(p->bytes);
	memset(p, 0, sizeof(*p));
}

size_t fp_pack_deflated_max(const struct fp_pack *p)
{
	return compressBound((uLong)p->n);
}

int fp_pack_deflate(const struct fp_pack *p, struct fp_pack *out)
{
	uLong bound = (uLong)fp_pack_deflated_max(p);

	if (p->err)
		return p->err;
	if (make_room(out, bound))
		return out->err;
	/* 9 makes 1 % less of it in three times the time */
	if (compress2(out->bytes, &bound, p->bytes, (uLong)p->n, 5) != Z_OK)
		return -ENOMEM;
	out->n = bound;
	return 0;
}

void fp_pack_base64(const struct fp_pack *p, FILE *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[4096];
	size_t n_text = 0;

	for (size_t i = 0; i < p->n; i += 3) {
		size_t n = p->n - i;
		uint32_t v = (uint32_t)p->bytes[i] << 16 | (n > 1 ? (uint32_t)p->bytes[i + 1] << 8 : 0) |
			     (n > 2 ? p->bytes[i + 2] : 0);

		text[n_text++] = digits[v >> 18];
		text[n_text++] = digits[v >> 12 & 63];
		text[n_text++] = n > 1 ? digits[v >> 6 & 63] : '=';
		text[n_text++] = n > 2 ? digits[v & 63] : '=';
		if (n_text == sizeof(text)) {
			fwrite(text, 1, n_text, out);
			n_text = 0;
		}
	}
	fwrite(text, 1, n_text, out);
}
