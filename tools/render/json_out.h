/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming JSON: commas and escapes are kept right, nothing is held in
 * memory but a buffer.  Names are valid UTF-8 by the time they get here.
 * Output goes to a FILE or, compressed, to a gzip stream over it.
 */
#ifndef FP_TOOLS_RENDER_JSON_OUT_H
#define FP_TOOLS_RENDER_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct fp_gzip_out;

struct fp_json_out {
	FILE *file;
	struct fp_gzip_out *gzip; /* NULL: plain */
	char *buffer;
	size_t n_buffered;
	bool need_comma;
	int err;                  /* first failure, negative */
};

/* 0 or -ENOMEM. */
int fp_json_begin(struct fp_json_out *j, FILE *file, bool compress);
/* Flushes and frees; 0 or the first failure. */
int fp_json_end(struct fp_json_out *j);

void fp_json_open(struct fp_json_out *j, char bracket);   /* '{' or '[' */
void fp_json_close(struct fp_json_out *j, char bracket);  /* '}' or ']' */
void fp_json_key(struct fp_json_out *j, const char *key);
void fp_json_string(struct fp_json_out *j, const char *text);
void fp_json_uint(struct fp_json_out *j, uint64_t value);
void fp_json_int(struct fp_json_out *j, int64_t value);
void fp_json_bool(struct fp_json_out *j, bool value);
void fp_json_null(struct fp_json_out *j);
/* value / 10^decimals, exactly and without trailing zeros. */
void fp_json_fixed(struct fp_json_out *j, uint64_t value, unsigned decimals);
/* 0..1 with four decimals; 0 of 0 is 0. */
void fp_json_share(struct fp_json_out *j, uint64_t part, uint64_t whole);
/* A key and its value. */
void fp_json_key_string(struct fp_json_out *j, const char *key, const char *text);
void fp_json_key_uint(struct fp_json_out *j, const char *key, uint64_t value);
void fp_json_key_int(struct fp_json_out *j, const char *key, int64_t value);
void fp_json_key_bool(struct fp_json_out *j, const char *key, bool value);
void fp_json_key_null(struct fp_json_out *j, const char *key);
void fp_json_key_fixed(struct fp_json_out *j, const char *key, uint64_t value, unsigned decimals);
void fp_json_key_open(struct fp_json_out *j, const char *key, char bracket);
/* A newline between items, for people who look inside. */
void fp_json_newline(struct fp_json_out *j);
/* A string in parts, of which some are escaped already. */
void fp_json_string_begin(struct fp_json_out *j);
void fp_json_string_add(struct fp_json_out *j, const char *text, size_t n_bytes);
void fp_json_string_add_verbatim(struct fp_json_out *j, const char *text, size_t n_bytes);
void fp_json_string_end(struct fp_json_out *j);
/* Already valid JSON. */
void fp_json_verbatim(struct fp_json_out *j, const char *text, size_t n_bytes);
/* After a verbatim text that is a key. */
void fp_json_colon(struct fp_json_out *j);

/* "text" quoted and escaped, malloc'ed; NULL: out of memory. */
char *fp_json_quote(const char *text);

#endif
