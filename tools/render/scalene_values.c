/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and texts of Scalene's JSON.  Render stage.  Scalene's page puts the
 * file into a script as it is, so no text here ever holds "<"; source lines have
 * it in the escapes that the page undoes.
 */
#include "tools/render/scalene_json.h"

#include <string.h>

#define MOST_FIXED 1e12 /* below it millionths fit an integer */
#define MOST_WHOLE 1e18

/* As JSON: a number as Scalene rounds none; never NaN. */
void fp_scalene_number(struct fp_json_out *j, const char *key, double value)
{
	fp_json_key(j, key);
	if (!(value >= MOST_FIXED))
		fp_json_fixed(j, value > 0 ? (uint64_t)(value * 1e6 + 0.5) : 0, 6);
	else
		fp_json_uint(j, value < MOST_WHOLE ? (uint64_t)value : (uint64_t)MOST_WHOLE);
}

static const char *escape_of(char c)
{
	return c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : "\\u0026";
}

/* The six characters \u003c themselves, as Scalene writes source. */
void fp_scalene_source(struct fp_json_out *j, const char *text)
{
	fp_json_string_begin(j);
	for (size_t n;; text += n + 1) {
		n = strcspn(text, "<>&");
		fp_json_string_add(j, text, n);
		if (!text[n])
			break;
		fp_json_string_add(j, escape_of(text[n]), 6);
	}
	fp_json_string_add_verbatim(j, "\\n", 2);
	fp_json_string_end(j);
}

void fp_scalene_text_add(struct fp_json_out *j, const char *text)
{
	for (size_t n;; text += n + 1) {
		n = strcspn(text, "<>&");
		fp_json_string_add(j, text, n);
		if (!text[n])
			break;
		fp_json_string_add_verbatim(j, escape_of(text[n]), 6);
	}
}

void fp_scalene_string(struct fp_json_out *j, const char *key, const char *text)
{
	if (key)
		fp_json_key(j, key);
	fp_json_string_begin(j);
	fp_scalene_text_add(j, text ? text : "");
	fp_json_string_end(j);
}

/* Scalene's page takes names of files as markup: "<frozen x>" would vanish. */
void fp_scalene_file(struct fp_json_out *j, const char *key, const char *file)
{
	if (key)
		fp_json_key(j, key);
	fp_json_string_begin(j);
	for (size_t n;; file += n + 1) {
		n = strcspn(file, "<>&");
		fp_json_string_add(j, file, n);
		if (!file[n])
			break;
		if (file[n] == '&')
			fp_json_string_add_verbatim(j, escape_of('&'), 6);
		else
			fp_json_string_add(j, file[n] == '<' ? "\u2039" : "\u203a", 3);
	}
	fp_json_string_end(j);
}

void fp_scalene_pair(struct fp_json_out *j, uint64_t when_ns, uint64_t n_bytes)
{
	fp_json_open(j, '[');
	fp_json_uint(j, when_ns);
	fp_json_fixed(j, (uint64_t)((double)n_bytes / FP_SCALENE_MIB * 1e4 + 0.5), 4);
	fp_json_close(j, ']');
}

double fp_scalene_share(double part, double whole)
{
	return whole > 0 ? (part < whole ? part / whole : 1) : 0;
}
