/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line of an instruction in the three formats of CPython's line tables.  Pure;
 * any context; any bytes: it never reads outside of the table.
 */
#include "agent/python/python.h"

#include "agent/capture/format.h"

#define NO_LINE_DELTA (-128)
#define LOCATION_NONE 15
#define LOCATION_LONG 14
#define LOCATION_NO_COLUMNS 13
#define LOCATION_ONE_LINE 10

static uint32_t line_or_none(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

/* <= 3.9: pairs (bytes of code, signed lines); a line begins at its pair. */
static uint32_t line_lnotab(const unsigned char *t, uint32_t n, int64_t line, int64_t offset)
{
	int64_t at = 0;
	uint32_t i;

	for (i = 0; i + 1 < n; i += 2) {
		at += t[i];
		if (at > offset)
			break;
		line += (signed char)t[i + 1];
	}
	return line_or_none(line);
}

/* 3.10: pairs (bytes of code, signed lines); the line holds for that range. */
static uint32_t line_linetable(const unsigned char *t, uint32_t n, int64_t line, int64_t offset)
{
	int64_t end = 0;
	int delta;
	uint32_t i;

	for (i = 0; i + 1 < n; i += 2) {
		delta = (signed char)t[i + 1];
		end += t[i];
		if (delta != NO_LINE_DELTA)
			line += delta;
		if (end > offset)
			return delta == NO_LINE_DELTA ? 0 : line_or_none(line);
	}
	return 0;
}

struct cursor {
	const unsigned char *t;
	uint32_t at, n;
	bool bad;
};

static unsigned next_byte(struct cursor *c)
{
	if (c->at >= c->n) {
		c->bad = true;
		return 0;
	}
	return c->t[c->at++];
}

static uint32_t next_varint(struct cursor *c)
{
	uint64_t value = 0;
	unsigned byte, shift = 0;

	do {
		byte = next_byte(c);
		if (shift > 30 || byte & 0x80) {
			c->bad = true;
			return 0;
		}
		value |= (uint64_t)(byte & 63) << shift;
		shift += 6;
	} while (byte & 64);
	return (uint32_t)value;
}

static int64_t next_signed(struct cursor *c)
{
	uint32_t value = next_varint(c);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* >= 3.11: entries of a first byte (code, length) and what the code asks for. */
static uint32_t line_locations(const unsigned char *t, uint32_t n, int64_t line, int64_t offset, uint32_t *column)
{
	struct cursor c = { t, 0, n, false };
	int64_t end = 0;
	unsigned first, code;
	uint32_t begin;

	while (c.at < n) {
		first = next_byte(&c);
		if (!(first & 0x80))
			return 0;
		code = (first >> 3) & 15;
		end += ((first & 7) + 1) * 2;
		begin = 0;
		if (code == LOCATION_LONG) {
			line += next_signed(&c);
			next_varint(&c);
			begin = next_varint(&c);
			next_varint(&c);
		} else if (code == LOCATION_NO_COLUMNS) {
			line += next_signed(&c);
		} else if (code >= LOCATION_ONE_LINE && code != LOCATION_NONE) {
			line += code - LOCATION_ONE_LINE;
			begin = next_byte(&c) + 1;
			next_byte(&c);
		} else if (code != LOCATION_NONE) {
			begin = code * 8 + (next_byte(&c) >> 4) + 1;
		}
		if (c.bad)
			return 0;
		if (end > offset) {
			if (code == LOCATION_NONE || !line_or_none(line))
				return 0;
			*column = begin;
			return (uint32_t)line;
		}
	}
	return 0;
}

uint32_t fp_python_line(uint32_t line_table, const char *table, uint32_t n_bytes, uint32_t first_line,
			int64_t offset, uint32_t *ret_column)
{
	const unsigned char *t = (const unsigned char *)table;
	uint32_t column = 0, line = 0;

	if (offset < 0 || !table)
		line = first_line;
	else if (line_table == FP_LINES_LNOTAB)
		line = line_lnotab(t, n_bytes, first_line, offset);
	else if (line_table == FP_LINES_LINETABLE)
		line = line_linetable(t, n_bytes, first_line, offset);
	else if (line_table == FP_LINES_LOCATIONS)
		line = line_locations(t, n_bytes, first_line, offset, &column);
	if (ret_column)
		*ret_column = column;
	return line;
}
