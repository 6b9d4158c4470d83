/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming JSON.  Render stage, ordinary program.  Millions of small numbers
 * go through here, hence a buffer and digits of our own.
 */
#include "tools/render/json_out.h"

#include "tools/render/gzip_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (1u << 17)

static void flush(struct fp_json_out *j)
{
	if (!j->n_buffered)
		return;
	if (j->gzip) {
		int err = fp_gzip_write(j->gzip, j->buffer, j->n_buffered);
		if (err && !j->err)
			j->err = err;
	} else if (fwrite(j->buffer, 1, j->n_buffered, j->file) != j->n_buffered && !j->err) {
		j->err = -EIO;
	}
	j->n_buffered = 0;
}

static void put(struct fp_json_out *j, const char *bytes, size_t n)
{
	while (n > BUFFER_BYTES - j->n_buffered) {
		size_t part = BUFFER_BYTES - j->n_buffered;

		memcpy(j->buffer + j->n_buffered, bytes, part);
		j->n_buffered += part;
		bytes += part;
		n -= part;
		flush(j);
	}
	memcpy(j->buffer + j->n_buffered, bytes, n);
	j->n_buffered += n;
}

static void put_byte(struct fp_json_out *j, char c)
{
	if (j->n_buffered == BUFFER_BYTES)
		flush(j);
	j->buffer[j->n_buffered++] = c;
}

int fp_json_begin(struct fp_json_out *j, FILE *file, bool compress)
{
	memset(j, 0, sizeof(*j));
	j->file = file;
	j->buffer = malloc(BUFFER_BYTES);
	if (j->buffer && compress)
		j->gzip = fp_gzip_begin(file);
	if (j->buffer && (!compress || j->gzip))
		return 0;
	free(j->buffer);
	return -ENOMEM;
}

int fp_json_end(struct fp_json_out *j)
{
	flush(j);
	if (j->gzip) {
		int err = fp_gzip_end(j->gzip);
		if (err && !j->err)
			j->err = err;
	}
	free(j->buffer);
	j->buffer = NULL;
	return j->err;
}

static void before_value(struct fp_json_out *j)
{
	if (j->need_comma)
		put_byte(j, ',');
	j->need_comma = true;
}

void fp_json_open(struct fp_json_out *j, char bracket)
{
	before_value(j);
	put_byte(j, bracket);
	j->need_comma = false;
}

void fp_json_close(struct fp_json_out *j, char bracket)
{
	put_byte(j, bracket);
	j->need_comma = true;
}

void fp_json_newline(struct fp_json_out *j)
{
	if (j->need_comma)
		put_byte(j, ',');
	j->need_comma = false;
	put_byte(j, '\n');
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* The first byte from i on that is to be escaped; n: none. */
static size_t skip_plain(const char *text, size_t n, size_t i)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t word, odd = 0;

	for (; !odd && i + sizeof(word) <= n; i += odd ? 0 : sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		/* 0x80 in bytes below 0x20, and in zeros of what is compared */
		odd = (word - 0x20 * ones) & ~word;
		odd |= ((word ^ '"' * ones) - ones) & ~(word ^ '"' * ones);
		odd |= ((word ^ '\\' * ones) - ones) & ~(word ^ '\\' * ones);
		odd |= ((word ^ 0x7f * ones) - ones) & ~(word ^ 0x7f * ones);
		odd &= high;
	}
	while (i < n && is_plain((unsigned char)text[i]))
		i++;
	return i;
}

static void put_escaped(struct fp_json_out *j, const char *text, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t done = 0;

	for (size_t i = skip_plain(text, n, 0); i < n; i = skip_plain(text, n, i + 1)) {
		unsigned char c = (unsigned char)text[i];

		put(j, text + done, i - done);
		done = i + 1;
		put_byte(j, '\\');
		if (c == '"' || c == '\\') {
			put_byte(j, (char)c);
		} else {
			put(j, "u00", 3);
			put_byte(j, hex[c >> 4]);
			put_byte(j, hex[c & 15]);
		}
	}
	put(j, text + done, n - done);
}

static void put_quoted(struct fp_json_out *j, const char *text)
{
	put_byte(j, '"');
	put_escaped(j, text, strlen(text));
	put_byte(j, '"');
}

void fp_json_string_begin(struct fp_json_out *j)
{
	before_value(j);
	put_byte(j, '"');
}

void fp_json_string_add(struct fp_json_out *j, const char *text, size_t n_bytes)
{
	put_escaped(j, text, n_bytes);
}

void fp_json_string_add_verbatim(struct fp_json_out *j, const char *text, size_t n_bytes)
{
	put(j, text, n_bytes);
}

void fp_json_string_end(struct fp_json_out *j)
{
	put_byte(j, '"');
}

void fp_json_key(struct fp_json_out *j, const char *key)
{
	before_value(j);
	put_quoted(j, key);
	put_byte(j, ':');
	j->need_comma = false;
}

void fp_json_string(struct fp_json_out *j, const char *text)
{
	before_value(j);
	put_quoted(j, text);
}

void fp_json_uint(struct fp_json_out *j, uint64_t value)
{
	char digits[20], *at = digits + sizeof(digits);

	before_value(j);
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(j, at, (size_t)(digits + sizeof(digits) - at));
}

void fp_json_int(struct fp_json_out *j, int64_t value)
{
	if (value >= 0) {
		fp_json_uint(j, (uint64_t)value);
		return;
	}
	before_value(j);
	put_byte(j, '-');
	j->need_comma = false;
	fp_json_uint(j, (uint64_t)0 - (uint64_t)value);
}

void fp_json_bool(struct fp_json_out *j, bool value)
{
	before_value(j);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void fp_json_null(struct fp_json_out *j)
{
	before_value(j);
	put(j, "null", 4);
}

void fp_json_fixed(struct fp_json_out *j, uint64_t value, unsigned decimals)
{
	uint64_t unit = 1;
	char digits[20];
	unsigned n = decimals;

	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	fp_json_uint(j, value / unit);
	value %= unit;
	if (!value)
		return;
	for (unsigned i = decimals; i-- > 0; value /= 10)
		digits[i] = (char)('0' + value % 10);
	while (n && digits[n - 1] == '0')
		n--;
	put_byte(j, '.');
	put(j, digits, n);
}

void fp_json_share(struct fp_json_out *j, uint64_t part, uint64_t whole)
{
	fp_json_fixed(j, whole ? (uint64_t)((double)part / (double)whole * 10000.0 + 0.5) : 0, 4);
}

void fp_json_verbatim(struct fp_json_out *j, const char *text, size_t n_bytes)
{
	before_value(j);
	put(j, text, n_bytes);
}

void fp_json_colon(struct fp_json_out *j)
{
	put_byte(j, ':');
	j->need_comma = false;
}

char *fp_json_quote(const char *text)
{
	char *quoted = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&quoted, &n);
	struct fp_json_out j;
	int err;

	if (!f)
		return NULL;
	err = fp_json_begin(&j, f, false);
	if (!err) {
		fp_json_string(&j, text);
		err = fp_json_end(&j);
	}
	if (fclose(f) == 0 && !err)
		return quoted;
	free(quoted);
	return NULL;
}

void fp_json_key_string(struct fp_json_out *j, const char *key, const char *text)
{
	fp_json_key(j, key);
	fp_json_string(j, text);
}

void fp_json_key_uint(struct fp_json_out *j, const char *key, uint64_t value)
{
	fp_json_key(j, key);
	fp_json_uint(j, value);
}

void fp_json_key_int(struct fp_json_out *j, const char *key, int64_t value)
{
	fp_json_key(j, key);
	fp_json_int(j, value);
}

void fp_json_key_bool(struct fp_json_out *j, const char *key, bool value)
{
	fp_json_key(j, key);
	fp_json_bool(j, value);
}

void fp_json_key_null(struct fp_json_out *j, const char *key)
{
	fp_json_key(j, key);
	fp_json_null(j);
}

void fp_json_key_fixed(struct fp_json_out *j, const char *key, uint64_t value, unsigned decimals)
{
	fp_json_key(j, key);
	fp_json_fixed(j, value, decimals);
}

void fp_json_key_open(struct fp_json_out *j, const char *key, char bracket)
{
	fp_json_key(j, key);
	fp_json_open(j, bracket);
}
