/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity and texts of a code object.  Async-signal-safe: reads through
 * fp_reader, takes room from the caller, transcodes in small pieces.
 */
#include "agent/python/layout.h"

#include "agent/capture/format.h"

#include <errno.h>
#include <string.h>

#define TEXT_BYTES_MAX (1u << 16)  /* a name or a path */
#define TABLE_BYTES_MAX (1u << 24) /* a line table */
#define CHUNK_BYTES 512
#define REPLACEMENT 0xfffdu

struct room {
	void *(*alloc)(void *ctx, size_t n_bytes);
	void *ctx;
};

static int load_word(const struct fp_reader *r, uintptr_t addr, uintptr_t *ret)
{
	return r->read(r, addr, ret, sizeof(*ret));
}

uintptr_t fp_python_code_dealloc(const struct fp_python *py)
{
	/* PyTypeObject (cpython/object.h): ob_size, tp_name, tp_basicsize, tp_itemsize, tp_dealloc */
	return py->code_type + py->layout->object_head + 32;
}

int fp_python_code_key(const struct fp_python *py, const struct fp_reader *r, uintptr_t code,
		       struct fp_code_key *ret_key)
{
	const struct fp_py_layout *l = py->layout;
	unsigned char b[192];
	struct fp_code_key key = { .address = code };

	/* One read: all of these lie in the first bytes of every known layout. */
	if (l->co_lines + sizeof(uintptr_t) > sizeof(b) || r->read(r, code, b, l->co_lines + sizeof(uintptr_t)))
		return -EFAULT;
	memcpy(&key.name, b + l->co_name, sizeof(key.name));
	memcpy(&key.file, b + l->co_file, sizeof(key.file));
	memcpy(&key.lines, b + l->co_lines, sizeof(key.lines));
	memcpy(&key.first_line, b + l->co_first_line, sizeof(key.first_line));
	*ret_key = key;
	return 0;
}

struct unicode {
	uintptr_t data;
	uint64_t length;
	unsigned kind; /* bytes per character: 1, 2, 4 */
};

static int open_unicode(const struct fp_python *py, const struct fp_reader *r, uintptr_t object, struct unicode *u)
{
	const struct fp_py_layout *l = py->layout;
	uintptr_t type;
	uint32_t state;

	if (!object || load_word(r, object + FP_OB_TYPE(l), &type) || type != py->unicode_type)
		return -EINVAL;
	if (r->read(r, object + l->un_length, &u->length, sizeof(u->length)) ||
	    r->read(r, object + l->un_state, &state, sizeof(state)))
		return -EFAULT;
	u->kind = (state >> l->kind_shift) & 7;
	if ((u->kind != 1 && u->kind != 2 && u->kind != 4) || u->length > TEXT_BYTES_MAX)
		return -EINVAL;
	if ((state >> (l->kind_shift + 3)) & 1) {
		u->data = object + ((state >> (l->kind_shift + 4)) & 1 ? l->un_ascii : l->un_compact);
		return 0;
	}
	if (l->un_any == FP_OFF_NONE)
		return -EINVAL;
	return load_word(r, object + l->un_any, &u->data);
}

static unsigned encode(uint32_t c, unsigned char *to)
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = REPLACEMENT;
	if (c < 0x80) {
		to[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (unsigned char)(0xc0 | c >> 6);
		to[1] = (unsigned char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (unsigned char)(0xe0 | c >> 12);
		to[1] = (unsigned char)(0x80 | (c >> 6 & 63));
		to[2] = (unsigned char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (unsigned char)(0xf0 | c >> 18);
	to[1] = (unsigned char)(0x80 | (c >> 12 & 63));
	to[2] = (unsigned char)(0x80 | (c >> 6 & 63));
	to[3] = (unsigned char)(0x80 | (c & 63));
	return 4;
}

static uint32_t character(const unsigned char *chunk, unsigned kind, size_t i)
{
	uint16_t two;
	uint32_t four;

	if (kind == 1)
		return chunk[i];
	if (kind == 2) {
		memcpy(&two, chunk + i * 2, sizeof(two));
		return two;
	}
	memcpy(&four, chunk + i * 4, sizeof(four));
	return four;
}

/* Writes UTF-8 to `to` (NULL: only counts), never more than limit bytes. */
static int transcode(const struct fp_reader *r, const struct unicode *u, unsigned char *to, uint32_t limit,
		     uint32_t *ret_bytes)
{
	unsigned char chunk[CHUNK_BYTES], encoded[4];
	uint64_t done = 0;
	uint32_t bytes = 0;
	unsigned n;
	size_t i, part;

	while (done < u->length) {
		part = CHUNK_BYTES / u->kind;
		if (part > u->length - done)
			part = u->length - done;
		if (r->read(r, u->data + done * u->kind, chunk, part * u->kind))
			return -EFAULT;
		for (i = 0; i < part; i++) {
			n = encode(character(chunk, u->kind, i), encoded);
			if (bytes + n > limit)
				return -EAGAIN; /* it changed between the two passes */
			if (to)
				memcpy(to + bytes, encoded, n);
			bytes += n;
		}
		done += part;
	}
	*ret_bytes = bytes;
	return 0;
}

static const char *copy_unicode(const struct fp_python *py, const struct fp_reader *r, uintptr_t object,
				const struct room *room, uint32_t *ret_bytes)
{
	struct unicode u;
	uint32_t bytes, again;
	char *to;

	if (open_unicode(py, r, object, &u) || transcode(r, &u, NULL, UINT32_MAX, &bytes))
		return NULL;
	to = room->alloc(room->ctx, bytes);
	if (!to)
		return NULL;
	if (transcode(r, &u, (unsigned char *)to, bytes, &again) || again != bytes) {
		/* The room is taken and recorded: never leave it undefined. */
		memset(to, '?', bytes);
	}
	*ret_bytes = bytes;
	return to;
}

static const char *copy_bytes(const struct fp_python *py, const struct fp_reader *r, uintptr_t object,
			      const struct room *room, uint32_t *ret_bytes)
{
	const struct fp_py_layout *l = py->layout;
	uintptr_t type;
	uint64_t n;
	char *to;

	if (!object || load_word(r, object + FP_OB_TYPE(l), &type) || type != py->bytes_type)
		return NULL;
	if (load_word(r, object + l->by_size, &n) || n > TABLE_BYTES_MAX)
		return NULL;
	to = room->alloc(room->ctx, n);
	if (!to)
		return NULL;
	if (r->read(r, object + l->by_data, to, n))
		memset(to, 0, n);
	*ret_bytes = (uint32_t)n;
	return to;
}

int fp_python_code_copy(const struct fp_python *py, const struct fp_reader *r, const struct fp_code_key *key,
			void *(*alloc)(void *ctx, size_t n_bytes), void *ctx, struct fp_code_text *ret_text)
{
	const struct fp_py_layout *l = py->layout;
	struct room room = { alloc, ctx };
	struct fp_code_text t;
	uintptr_t type, qualname = 0;

	memset(&t, 0, sizeof(t));
	if (load_word(r, key->address + FP_OB_TYPE(l), &type))
		return -EFAULT;
	if (type != py->code_type)
		return -EINVAL;
	if (r->read(r, key->address + l->co_flags, &t.code_flags, sizeof(t.code_flags)))
		return -EFAULT;
	t.line_table = l->lines;
	t.name = copy_unicode(py, r, key->name, &room, &t.name_bytes);
	t.file = copy_unicode(py, r, key->file, &room, &t.file_bytes);
	if (l->co_qualname != FP_OFF_NONE && !load_word(r, key->address + l->co_qualname, &qualname)) {
		if (qualname == key->name) {
			t.qualname = t.name;
			t.qualname_bytes = t.name_bytes;
		} else {
			t.qualname = copy_unicode(py, r, qualname, &room, &t.qualname_bytes);
		}
	}
	t.lines = copy_bytes(py, r, key->lines, &room, &t.lines_bytes);
	*ret_text = t;
	return 0;
}
