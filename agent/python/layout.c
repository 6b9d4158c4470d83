/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the layout of the interpreter that was found, or refuses it by
 * name.  From 3.13 on it is made of _Py_DebugOffsets, which is not trusted:
 * every word is checked for cookie, version, alignment and bounds.
 * Context: ordinary (find time); fp_python_refuse anywhere.
 */
#include "agent/python/layout.h"

#include "agent/capture/format.h"

#include <errno.h>
#include <string.h>

#define MAX_DEBUG_WORDS 128
#define VERSION_MINOR(hex) (((hex) >> 16) & 0xffu)
#define VERSION_FINAL 0xfu

static size_t append(char *to, size_t at, size_t size, const char *text)
{
	while (*text && at + 1 < size)
		to[at++] = *text++;
	to[at] = '\0';
	return at;
}

static size_t append_number(char *to, size_t at, size_t size, unsigned value)
{
	char digits[12];
	unsigned n = sizeof(digits) - 1;

	digits[n] = '\0';
	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value && n);
	return append(to, at, size, digits + n);
}

void fp_python_refuse(struct fp_python *py, const char *check, const char *detail)
{
	size_t size = sizeof(py->reason);
	size_t at = append(py->reason, 0, size, "CPython ");
	unsigned level = (py->version_hex >> 4) & 0xfu;

	at = append_number(py->reason, at, size, py->version_hex >> 24);
	at = append(py->reason, at, size, ".");
	at = append_number(py->reason, at, size, VERSION_MINOR(py->version_hex));
	at = append(py->reason, at, size, ".");
	at = append_number(py->reason, at, size, (py->version_hex >> 8) & 0xffu);
	if (level && level != VERSION_FINAL) {
		at = append(py->reason, at, size, level == 0xa ? "a" : level == 0xb ? "b" : "rc");
		at = append_number(py->reason, at, size, py->version_hex & 0xfu);
	}
	at = append(py->reason, at, size, py->free_threaded ? "t: " : ": ");
	at = append(py->reason, at, size, check);
	if (detail) {
		at = append(py->reason, at, size, ": ");
		append(py->reason, at, size, detail);
	}
}

/* A field of n bytes at an offset published in words[index], inside size. */
static int field(uint16_t *ret, const uint64_t *words, unsigned index, uint64_t size, unsigned n)
{
	if (!index) {
		*ret = FP_OFF_NONE;
		return 0;
	}
	if (words[index] >= FP_OFF_NONE || words[index] % n || words[index] + n > size)
		return -ENOTSUP;
	*ret = (uint16_t)words[index];
	return 0;
}

static int take_thread_state(struct fp_py_layout *l, const struct fp_debug_map *m, const uint64_t *w)
{
	uint64_t ts = w[m->ts_size], rt = w[3], in = w[6];
	int bad = 0;

	bad |= field(&l->rt_interpreters, w, m->rt_interpreters, rt, 8);
	bad |= field(&l->in_next, w, m->in_next, in, 8);
	bad |= field(&l->in_threads, w, m->in_threads, in, 8);
	bad |= field(&l->ts_next, w, m->ts_next, ts, 8);
	bad |= field(&l->ts_interp, w, m->ts_interp, ts, 8);
	bad |= field(&l->ts_frame, w, m->ts_frame, ts, 8);
	bad |= field(&l->ts_base_frame, w, m->ts_base_frame, ts, 8);
	bad |= field(&l->ts_thread_id, w, m->ts_thread_id, ts, 8);
	bad |= field(&l->ts_native_id, w, m->ts_native_id, ts, 8);
	return bad;
}

static int take_frame(struct fp_py_layout *l, const struct fp_debug_map *m, const uint64_t *w)
{
	uint64_t fr = w[m->fr_size];
	int bad = 0;

	bad |= field(&l->fr_previous, w, m->fr_previous, fr, 8);
	bad |= field(&l->fr_code, w, m->fr_code, fr, 8);
	bad |= field(&l->fr_ip, w, m->fr_ip, fr, 8);
	bad |= field(&l->fr_owner, w, m->fr_owner, fr, 1);
	l->fr_tlbc = FP_OFF_NONE;
	if (m->fr_tlbc && w[2])
		bad |= field(&l->fr_tlbc, w, m->fr_tlbc, fr, 4);
	l->fr_func = m->frame_func;
	l->fr_is_entry = FP_OFF_NONE;
	l->fr_read = 0;
	l->fr_read_bytes = (uint16_t)w[m->fr_locals];
	/* The walk reads a frame up to its locals into a fixed buffer. */
	if (w[m->fr_locals] > 96 || w[m->fr_locals] % 8 || l->fr_owner >= w[m->fr_locals] ||
	    l->fr_ip >= w[m->fr_locals] || l->fr_previous >= w[m->fr_locals])
		bad = -ENOTSUP;
	return bad;
}

static int take_objects(struct fp_py_layout *l, const struct fp_debug_map *m, const uint64_t *w)
{
	uint64_t co = w[m->co_size];
	int bad = 0;

	bad |= field(&l->co_file, w, m->co_file, co, 8);
	bad |= field(&l->co_name, w, m->co_name, co, 8);
	bad |= field(&l->co_qualname, w, m->co_qualname, co, 8);
	bad |= field(&l->co_lines, w, m->co_lines, co, 8);
	bad |= field(&l->co_first_line, w, m->co_first_line, co, 4);
	bad |= field(&l->co_code, w, m->co_code, co, 2);
	l->co_tlbc = FP_OFF_NONE;
	if (m->co_tlbc && w[2])
		bad |= field(&l->co_tlbc, w, m->co_tlbc, co, 8);
	l->co_basicsize = l->co_code;
	l->co_flags = w[2] ? m->code_flags_free_threaded : m->code_flags;
	bad |= field(&l->by_size, w, m->by_size, 256, 8);
	bad |= field(&l->by_data, w, m->by_data, 256, 8);
	bad |= field(&l->un_state, w, m->un_state, w[m->un_size], 4);
	bad |= field(&l->un_length, w, m->un_length, w[m->un_size], 8);
	bad |= field(&l->un_ascii, w, m->un_ascii, w[m->un_size], 8);
	l->un_compact = (uint16_t)(l->un_ascii + 16); /* + utf8_length, utf8 */
	l->un_any = FP_OFF_NONE;
	if (w[m->ob_size] > 64 || w[m->ob_type] + 8 != w[m->ob_size])
		return -ENOTSUP;
	l->object_head = (uint8_t)w[m->ob_size];
	return bad;
}

static int from_debug_offsets(struct fp_python *py, const struct fp_reader *r, const struct fp_debug_map *m,
			      struct fp_py_layout *ret)
{
	static const char cookie[8] = "xdebugpy";
	uint64_t w[MAX_DEBUG_WORDS];
	struct fp_py_layout l;

	memset(&l, 0, sizeof(l));
	if (r->read(r, py->runtime, w, m->n_words * sizeof(w[0]))) {
		fp_python_refuse(py, "_Py_DebugOffsets cannot be read", NULL);
		return -ENOTSUP;
	}
	if (memcmp(w, cookie, sizeof(cookie)) || w[1] != py->version_hex) {
		fp_python_refuse(py, "_Py_DebugOffsets has an unknown cookie or version", NULL);
		return -ENOTSUP;
	}
	py->free_threaded = w[2] != 0;
	l.minor = m->minor;
	l.style = FP_FRAMES_LINKED;
	l.lines = FP_LINES_LOCATIONS;
	l.lasti_unit = 1;
	l.kind_shift = py->free_threaded ? m->kind_shift_free_threaded : m->kind_shift;
	l.owner_entry = m->owner_entry;
	l.owner_base = m->owner_base;
	l.rt_tstate_current = l.rt_key = FP_OFF_NONE;
	l.ts_datastack_top = l.co_stacksize = l.co_nlocalsplus = FP_OFF_NONE;
	l.ts_root_cframe = l.cf_frame = l.cf_previous = FP_OFF_NONE;
	l.frame_basicsize = FP_OFF_NONE;
	if (w[2] > 1 || take_thread_state(&l, m, w) || take_frame(&l, m, w) || take_objects(&l, m, w)) {
		fp_python_refuse(py, "_Py_DebugOffsets has a field out of bounds", NULL);
		return -ENOTSUP;
	}
	*ret = l;
	return 0;
}

int fp_layout_refuse_old(struct fp_python *py)
{
	if (py->version_hex >> 24 == 3 && VERSION_MINOR(py->version_hex) >= 8)
		return 0;
	fp_python_refuse(py, "versions before 3.8 are not supported", NULL);
	return -ENOTSUP;
}

int fp_layout_choose(struct fp_python *py, const struct fp_reader *r, struct fp_py_layout *ret_layout)
{
	unsigned minor = VERSION_MINOR(py->version_hex);

	if (fp_layout_refuse_old(py))
		return -ENOTSUP;
	if (((py->version_hex >> 4) & 0xfu) != VERSION_FINAL) {
		fp_python_refuse(py, "not a final release, its layout is not known", NULL);
		return -ENOTSUP;
	}
	switch (minor) {
	case 8:
		*ret_layout = fp_layout_38;
		return 0;
	case 9:
		*ret_layout = fp_layout_39;
		return 0;
	case 10:
		*ret_layout = fp_layout_310;
		return 0;
	case 11:
		*ret_layout = fp_layout_311;
		return 0;
	case 12:
		*ret_layout = fp_layout_312;
		return 0;
	case 13:
		return from_debug_offsets(py, r, &fp_debug_map_313, ret_layout);
	case 14:
		return from_debug_offsets(py, r, &fp_debug_map_314, ret_layout);
	case 15:
		return from_debug_offsets(py, r, &fp_debug_map_315, ret_layout);
	}
	fp_python_refuse(py, "this minor version is not known", NULL);
	return -ENOTSUP;
}
