/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads marshal.  Reader stage, ordinary program; depth and counts are
 * bounded by the input's size, so a hostile file costs no more than it is long.
 */
#include "tools/read/marshal.h"

#include "tools/read/key_map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8 /* dict of tuples of dict of tuples of tuples */
#define FLAG_REFERABLE 0x80

struct parser {
	struct fp_marshal *m;
	const unsigned char *at, *end;
	size_t room;
	uint32_t *references;
	size_t n_references, room_references;
};

static int take(struct parser *p, void *dst, size_t n)
{
	if ((size_t)(p->end - p->at) < n)
		return -EBADMSG;
	memcpy(dst, p->at, n);
	p->at += n;
	return 0;
}

/* Little endian, as x86-64 and aarch64 are. */
static int take_size(struct parser *p, size_t width, uint32_t *ret)
{
	uint32_t value = 0;
	int err = take(p, &value, width);

	*ret = value;
	return err;
}

static int new_item(struct parser *p, enum fp_marshal_kind kind, uint32_t *ret_index)
{
	if (p->m->n >= UINT32_MAX - 1 ||
	    fp_grow(&p->m->all, &p->room, p->m->n, sizeof(*p->m->all)))
		return -ENOMEM;
	p->m->all[p->m->n] = (struct fp_marshal_item){ .kind = kind };
	*ret_index = p->m->n++;
	return 0;
}

static int read_number(struct parser *p, char type, double *ret)
{
	uint32_t n;
	int32_t digits;
	double unit = 1;

	if (type == 'i') {
		int err = take_size(p, 4, &n);
		*ret = (int32_t)n;
		return err;
	}
	if (type == 'g')
		return take(p, ret, sizeof(*ret));
	if (take_size(p, 4, &n))
		return -EBADMSG;
	digits = (int32_t)n;
	*ret = 0;
	if (digits > 64 || digits < -64)
		return -EBADMSG;
	for (int32_t left = digits < 0 ? -digits : digits; left; left--, unit *= 32768) {
		if (take_size(p, 2, &n))
			return -EBADMSG;
		*ret += n * unit;
	}
	if (digits < 0)
		*ret = -*ret;
	return 0;
}

static int read_text(struct parser *p, size_t width, uint32_t index)
{
	uint32_t n;

	if (take_size(p, width, &n) || n > (size_t)(p->end - p->at))
		return -EBADMSG;
	p->m->all[index].text = (const char *)p->at;
	p->m->all[index].n = n;
	p->at += n;
	return 0;
}

static int read_item(struct parser *p, int depth, uint32_t *ret_index);

static int read_tuple(struct parser *p, int depth, size_t width, uint32_t index)
{
	uint32_t n, *items;
	int err = take_size(p, width, &n);

	if (err || n > (size_t)(p->end - p->at)) /* an item has at least a byte */
		return -EBADMSG;
	items = calloc((size_t)n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	p->m->all[index].items = items;
	for (uint32_t i = 0; i < n && !err; i++)
		err = read_item(p, depth + 1, &items[i]);
	p->m->all[index].n = err ? 0 : n;
	return err;
}

static int read_dict(struct parser *p, int depth, uint32_t index)
{
	uint32_t n = 0, *items = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && p->at < p->end && *p->at != '0') {
		uint32_t pair[2];

		err = read_item(p, depth + 1, &pair[0]);
		if (!err)
			err = read_item(p, depth + 1, &pair[1]);
		for (int i = 0; i < 2 && !err; i++) {
			err = fp_grow(&items, &room, n, sizeof(*items));
			if (!err)
				items[n++] = pair[i];
		}
	}
	p->m->all[index].items = items;
	p->m->all[index].n = n & ~1u;
	if (!err && p->at == p->end)
		return -EBADMSG;
	p->at++;
	return err;
}

static int read_content(struct parser *p, int depth, char type, uint32_t index)
{
	struct fp_marshal_item *item = &p->m->all[index];

	switch (type) {
	case 'i':
	case 'l':
	case 'g': {
		double number = 0;
		int err = read_number(p, type, &number);
		item->number = number == number ? number : 0; /* no NaN gets further */
		return err;
	}
	case 'u': /* text by its length's width */
	case 's':
	case 'a':
	case 'A':
	case 't':
		item->kind = FP_MARSHAL_TEXT;
		return read_text(p, 4, index);
	case 'z':
	case 'Z':
		item->kind = FP_MARSHAL_TEXT;
		return read_text(p, 1, index);
	case ')':
		item->kind = FP_MARSHAL_TUPLE;
		return read_tuple(p, depth, 1, index);
	case '(':
		item->kind = FP_MARSHAL_TUPLE;
		return read_tuple(p, depth, 4, index);
	case '{':
		item->kind = FP_MARSHAL_DICT;
		return read_dict(p, depth, index);
	case 'N':
	case 'T':
	case 'F':
		item->kind = FP_MARSHAL_OTHER;
		return 0;
	default:
		return -EBADMSG;
	}
}

static int read_item(struct parser *p, int depth, uint32_t *ret_index)
{
	unsigned char byte;
	char type;
	uint32_t index, at;
	int err;

	if (depth > DEPTH_MAX || take(p, &byte, 1))
		return -EBADMSG;
	type = (char)(byte & ~FLAG_REFERABLE);
	if (type == 'r') {
		/* only what is complete may be named: no cycles */
		if (take_size(p, 4, &at) || at >= p->n_references ||
		    p->references[at] == FP_KEY_MISSING)
			return -EBADMSG;
		*ret_index = p->references[at];
		return 0;
	}
	size_t slot = p->n_references;
	if (byte & FLAG_REFERABLE) {
		if (fp_grow(&p->references, &p->room_references, slot, sizeof(*p->references)))
			return -ENOMEM;
		p->references[p->n_references++] = FP_KEY_MISSING;
	}
	err = new_item(p, FP_MARSHAL_NUMBER, &index);
	if (!err)
		err = read_content(p, depth, type, index);
	if (err)
		return err;
	if (byte & FLAG_REFERABLE)
		p->references[slot] = index;
	*ret_index = index;
	return 0;
}

int fp_marshal_read(struct fp_marshal *m, const char *bytes, size_t n_bytes)
{
	struct parser p = { .m = m, .at = (const unsigned char *)bytes };

	memset(m, 0, sizeof(*m));
	p.end = p.at + n_bytes;
	int err = read_item(&p, 0, &m->root);
	free(p.references);
	if (!err && m->all[m->root].kind != FP_MARSHAL_DICT)
		err = -EBADMSG;
	return err;
}

void fp_marshal_free(struct fp_marshal *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		free(m->all[i].items);
	free(m->all);
	memset(m, 0, sizeof(*m));
}
