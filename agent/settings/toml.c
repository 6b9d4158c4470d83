/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML, as far as needed to find our own table in any valid pyproject.toml:
 * all of its syntax is followed, only values below the prefix are kept.
 * Boot of the agent and tools; pure, no allocation, recursion is bounded.
 */
#include "agent/settings/toml.h"

#include "agent/base/text.h"

#include <errno.h>

#define MAX_DEPTH 64
#define PATH_BYTES 256
#define VALUE_BYTES 1024

struct reader {
	const char *at, *end, *prefix;
	unsigned int line;
	const char *what;               /* the first error */
	void (*take)(void *ctx, const struct fp_toml_item *item);
	void *ctx;
	char path[PATH_BYTES];          /* of the value being read, dotted */
	struct fp_writer value;         /* over value_bytes */
	char value_bytes[VALUE_BYTES];
};

static int fail(struct reader *r, const char *what)
{
	if (!r->what)
		r->what = what;
	return -EINVAL;
}

static char peek(const struct reader *r)
{
	return r->at < r->end ? *r->at : 0;
}

static bool looks_at(const struct reader *r, const char *s)
{
	for (size_t i = 0; s[i]; i++)
		if (r->at + i >= r->end || r->at[i] != s[i])
			return false;
	return true;
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
}

static void skip_comment(struct reader *r)
{
	if (peek(r) == '#')
		while (r->at < r->end && *r->at != '\n')
			r->at++;
}

/* Blanks, line ends and comments. */
static void skip_lines(struct reader *r)
{
	for (;;) {
		skip_blanks(r);
		skip_comment(r);
		if (peek(r) == '\n')
			r->line++;
		else if (!looks_at(r, "\r\n"))
			return;
		r->at++;
	}
}

static void put_utf8(struct fp_writer *w, uint32_t c)
{
	if (c < 0x80) {
		fp_writer_char(w, (char)c);
		return;
	}
	if (c < 0x800) {
		fp_writer_char(w, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			fp_writer_char(w, (char)(0xe0 | c >> 12));
		} else {
			fp_writer_char(w, (char)(0xf0 | c >> 18));
			fp_writer_char(w, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		fp_writer_char(w, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	fp_writer_char(w, (char)(0x80 | (c & 0x3f)));
}

/* Behind the backslash. */
static int read_escape(struct reader *r, struct fp_writer *out, bool multi)
{
	static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\033\"\\";
	char c = peek(r);
	int n_digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint32_t code = 0;

	for (unsigned int i = 0; from[i]; i++)
		if (c == from[i]) {
			r->at++;
			fp_writer_char(out, to[i]);
			return 0;
		}
	if (multi && (c == '\n' || c == ' ' || c == '\t' || c == '\r')) {
		unsigned int line = r->line;

		while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n'))
			r->line += *r->at++ == '\n';
		return r->line == line ? fail(r, "a backslash before blanks that end no line") : 0;
	}
	if (!n_digits)
		return fail(r, "an escape that TOML does not know");
	for (r->at++; n_digits > 0; n_digits--, r->at++) {
		char d = peek(r);

		if (d >= '0' && d <= '9')
			code = code << 4 | (uint32_t)(d - '0');
		else if ((d | 32) >= 'a' && (d | 32) <= 'f')
			code = code << 4 | (uint32_t)((d | 32) - 'a' + 10);
		else
			return fail(r, "an escape with too few hexadecimal digits");
	}
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return fail(r, "an escape for a character that cannot be used");
	put_utf8(out, code);
	return 0;
}

/* Any of the four kinds of strings; the quote is next. */
static int read_string(struct reader *r, struct fp_writer *out, bool may_be_multi)
{
	char quote = *r->at;
	const char *triple = quote == '"' ? "\"\"\"" : "'''";
	bool multi = may_be_multi && looks_at(r, triple);

	r->at += multi ? 3 : 1;
	if (multi && looks_at(r, "\r\n"))
		r->at++;
	if (multi && peek(r) == '\n') {
		r->line++;
		r->at++;
	}
	for (;;) {
		char c = peek(r);

		if (r->at >= r->end || (c == '\n' && !multi))
			return fail(r, "a string without its closing quote");
		if (c == quote && !multi) {
			r->at++;
			return 0;
		}
		/* up to two quotes may stand before the closing three */
		if (c == quote && looks_at(r, triple) && (r->at + 3 >= r->end || r->at[3] != quote)) {
			r->at += 3;
			return 0;
		}
		r->at++;
		if (c == '\\' && quote == '"') {
			if (read_escape(r, out, multi))
				return -EINVAL;
			continue;
		}
		r->line += c == '\n';
		fp_writer_char(out, c);
	}
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A dotted key, appended to the path; returns the path's new length. */
static int read_key(struct reader *r, size_t used)
{
	struct fp_writer w = {r->path, PATH_BYTES, used, false};

	r->path[used] = 0;
	for (;;) {
		char c;

		if (w.used)
			fp_writer_char(&w, '.');
		skip_blanks(r);
		c = peek(r);
		if (c == '"' || c == '\'') {
			if (read_string(r, &w, false))
				return -EINVAL;
		} else if (is_bare(c)) {
			for (; is_bare(peek(r)); r->at++)
				fp_writer_char(&w, *r->at);
		} else {
			return fail(r, "a key was expected");
		}
		skip_blanks(r);
		if (peek(r) != '.')
			break;
		r->at++;
	}
	/* such a path is none of ours: make it never match */
	if (w.cut)
		r->path[0] = '?';
	return (int)w.used;
}

static int read_value(struct reader *r, size_t used, int depth, unsigned int line);

static int read_array(struct reader *r, size_t used, int depth)
{
	for (r->at++;;) {
		skip_lines(r);
		if (peek(r) == ']') {
			r->at++;
			return 0;
		}
		if (r->value.used)
			fp_writer_char(&r->value, ',');
		/* line 0: an array's parts are one value, handed out by the caller */
		if (read_value(r, used, depth + 1, 0))
			return -EINVAL;
		skip_lines(r);
		if (peek(r) == ',')
			r->at++;
		else if (peek(r) != ']')
			return fail(r, "an array without its closing ]");
	}
}

static int read_inline_table(struct reader *r, size_t used, int depth, bool in_array)
{
	for (r->at++;;) {
		unsigned int line;
		int n;

		skip_lines(r);
		if (peek(r) == '}') {
			r->at++;
			return 0;
		}
		line = in_array ? 0 : r->line;
		n = read_key(r, used);
		if (n < 0)
			return n;
		if (peek(r) != '=')
			return fail(r, "a key without = behind it");
		r->at++;
		if (read_value(r, (size_t)n, depth + 1, line))
			return -EINVAL;
		r->path[used] = 0;
		skip_lines(r);
		if (peek(r) == ',')
			r->at++;
		else if (peek(r) != '}')
			return fail(r, "an inline table without its closing }");
	}
}

/* Numbers, booleans, dates: text without the digits' underscores. */
static int read_plain(struct reader *r)
{
	const char *start = r->at;

	for (; r->at < r->end; r->at++) {
		char c = *r->at;

		if (c == ' ' && r->at - start == 10 && start[4] == '-' && r->at + 1 < r->end && r->at[1] >= '0' &&
		    r->at[1] <= '9')
			continue; /* between date and time */
		if (!is_bare(c) && c != '+' && c != '.' && c != ':')
			break;
		if (c != '_')
			fp_writer_char(&r->value, c);
	}
	return r->at == start ? fail(r, "a value was expected") : 0;
}

/* The path is the value's.  line 0: part of an array, not handed out. */
static int read_value(struct reader *r, size_t used, int depth, unsigned int line)
{
	size_t n_prefix = fp_text_length(r->prefix);
	int result;

	if (depth > MAX_DEPTH)
		return fail(r, "values are nested too deep");
	skip_blanks(r);
	if (line)
		r->value = fp_writer_over(r->value_bytes, VALUE_BYTES);
	if (peek(r) == '{')
		return read_inline_table(r, used, depth, line == 0);
	if (peek(r) == '[')
		result = read_array(r, used, depth);
	else if (peek(r) == '"' || peek(r) == '\'')
		result = read_string(r, &r->value, true);
	else
		result = read_plain(r);
	if (result == 0 && line && fp_text_starts(r->path, r->prefix)) {
		struct fp_toml_item item = {r->path + n_prefix, r->value_bytes, line};

		r->take(r->ctx, &item);
	}
	return result;
}

static int read_header(struct reader *r)
{
	bool of_array = looks_at(r, "[[");
	int n;

	r->at += of_array ? 2 : 1;
	n = read_key(r, 0);
	if (n < 0)
		return n;
	if (!looks_at(r, of_array ? "]]" : "]"))
		return fail(r, "a table header without its closing ]");
	r->at += of_array ? 2 : 1;
	return n;
}

static int read_statement(struct reader *r, size_t *table)
{
	unsigned int line = r->line;
	int n;

	if (peek(r) == '[') {
		n = read_header(r);
		*table = n < 0 ? 0 : (size_t)n;
	} else {
		n = read_key(r, *table);
		if (n >= 0 && peek(r) != '=')
			return fail(r, "a key without = behind it");
		r->at++;
		if (n >= 0)
			n = read_value(r, (size_t)n, 0, line);
		r->path[*table] = 0;
	}
	if (n < 0)
		return n;
	skip_blanks(r);
	skip_comment(r);
	return r->at >= r->end || peek(r) == '\n' || looks_at(r, "\r\n") ? 0 : fail(r, "more text behind a value");
}

int fp_toml_read(const char *text, size_t n_bytes, const char *prefix,
		 void (*take)(void *ctx, const struct fp_toml_item *item), void *ctx,
		 struct fp_toml_error *ret_error)
{
	struct reader r = {.at = text, .end = text + n_bytes, .prefix = prefix, .line = 1, .take = take, .ctx = ctx};
	size_t table = 0;

	if (looks_at(&r, "\xef\xbb\xbf"))
		r.at += 3;
	for (;;) {
		skip_lines(&r);
		if (r.at >= r.end)
			return 0;
		if (read_statement(&r, &table)) {
			ret_error->line = r.line;
			ret_error->what = r.what;
			return -EINVAL;
		}
	}
}
