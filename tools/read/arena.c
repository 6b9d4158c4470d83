/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump allocation in blocks that are freed together, and the cleaning of
 * names.  Reader stage, ordinary program, one thread.
 */
#include "tools/read/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u * 1024u)

struct block {
	struct block *next;
	size_t used_bytes, room_bytes;
	_Alignas(16) char bytes[];
};

struct fp_arena {
	struct block *blocks; /* the first is the one being filled */
};

struct fp_arena *fp_arena_create(void)
{
	return calloc(1, sizeof(struct fp_arena));
}

void fp_arena_destroy(struct fp_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *fp_arena_take(struct fp_arena *a, size_t n_bytes)
{
	struct block *b = a->blocks;

	if (n_bytes > SIZE_MAX / 2)
		return NULL;
	n_bytes = (n_bytes + 15) & ~(size_t)15;
	if (!b || b->room_bytes - b->used_bytes < n_bytes) {
		size_t room = n_bytes > BLOCK_BYTES / 4 ? n_bytes : BLOCK_BYTES;
		struct block *fresh = calloc(1, sizeof(*fresh) + room);

		if (!fresh)
			return NULL;
		fresh->room_bytes = room;
		if (b && room == n_bytes) { /* a large one does not end the block in use */
			fresh->next = b->next;
			b->next = fresh;
		} else {
			fresh->next = b;
			a->blocks = fresh;
		}
		b = fresh;
	}
	void *p = b->bytes + b->used_bytes;
	b->used_bytes += n_bytes;
	return p;
}

char *fp_arena_copy(struct fp_arena *a, const char *bytes, size_t n_bytes)
{
	char *s = fp_arena_take(a, n_bytes + 1);

	if (s && n_bytes)
		memcpy(s, bytes, n_bytes);
	return s;
}

char *fp_arena_format(struct fp_arena *a, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *s = n < 0 ? NULL : fp_arena_take(a, (size_t)n + 1);
	if (!s)
		return NULL;
	va_start(ap, format);
	vsnprintf(s, (size_t)n + 1, format, ap);
	va_end(ap);
	return s;
}

/* Bytes of the valid UTF-8 sequence at s, 0 when invalid. */
static size_t sequence_bytes(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
		     s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	/* U+FFFE and U+FFFF are no XML characters */
	if (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
		return 0;
	return len;
}

/* Whether all of it is printable ASCII, as most names and lines are: eight
 * bytes at a time, 0x80 in each byte below 0x20, at 0x7f or above. */
static bool is_plain(const unsigned char *s, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t word, odd = 0;

	for (; n >= sizeof(word); s += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		odd |= word | (word - 0x20 * ones) | (word + ones);
	}
	for (; n; s++, n--)
		odd |= *s < 0x20 || *s >= 0x7f ? 0x80 : 0;
	return !(odd & high);
}

char *fp_arena_text(struct fp_arena *a, const char *bytes, size_t n_bytes)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t out_bytes = 0;

	if (is_plain(s, n_bytes))
		return fp_arena_copy(a, bytes, n_bytes);
	for (size_t i = 0; i < n_bytes;) {
		size_t len = sequence_bytes(s + i, n_bytes - i);
		out_bytes += len ? len : 3;
		i += len ? len : 1;
	}
	char *out = fp_arena_take(a, out_bytes + 1), *o = out;
	if (!out)
		return NULL;
	for (size_t i = 0; i < n_bytes;) {
		size_t len = sequence_bytes(s + i, n_bytes - i);

		if (!len) {
			memcpy(o, "\xef\xbf\xbd", 3);
			o += 3;
			i++;
			continue;
		}
		if (len == 1 && (s[i] < 0x20 || s[i] == 0x7f))
			*o++ = ' ';
		else if (len == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0)
			*o++ = ' '; /* C1 controls move terminals too */
		else {
			memcpy(o, s + i, len);
			o += len;
		}
		i += len;
	}
	return out;
}
