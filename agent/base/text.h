/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded text building over the caller's buffer: always NUL-ended, cut when
 * full.  Any context; own loops, as the string functions may be hooked.
 */
#ifndef FP_BASE_TEXT_H
#define FP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_writer {
	char *buffer;
	size_t n_bytes; /* size of buffer */
	size_t used;    /* without the NUL */
	bool cut;
};

static inline struct fp_writer fp_writer_over(char *buffer, size_t n_bytes)
{
	struct fp_writer w = {buffer, n_bytes, 0, false};

	buffer[0] = 0;
	return w;
}

static inline void fp_writer_char(struct fp_writer *w, char c)
{
	if (w->used + 1 >= w->n_bytes) {
		w->cut = true;
		return;
	}
	w->buffer[w->used++] = c;
	w->buffer[w->used] = 0;
}

static inline void fp_writer_text(struct fp_writer *w, const char *s)
{
	while (*s)
		fp_writer_char(w, *s++);
}

static inline void fp_writer_number(struct fp_writer *w, uint64_t n)
{
	char digits[20];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (i)
		fp_writer_char(w, digits[--i]);
}

static inline size_t fp_text_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline bool fp_text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline bool fp_text_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

/* Copies with a cut; dst is always NUL-ended. */
static inline void fp_text_copy(char *dst, size_t n_bytes, const char *src)
{
	size_t i = 0;

	for (; src[i] && i + 1 < n_bytes; i++)
		dst[i] = src[i];
	dst[i] = 0;
}

/* Decimal; *s moves behind the digits.  0 when there are none. */
static inline uint64_t fp_text_number(const char **s)
{
	uint64_t n = 0;

	while (**s >= '0' && **s <= '9')
		n = n * 10 + (uint64_t)(*(*s)++ - '0');
	return n;
}

#endif
