/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a chosen layout: at find time against what PyCode_Type and
 * PyFrame_Type say of themselves (static data, no interpreter needed), later
 * against live objects.  fp_layout_check_static: ordinary context;
 * fp_python_check_live: async-signal-safe, GIL held by this thread.
 */
#include "agent/python/layout.h"
#include "agent/python/thread_state.h"

#include "agent/capture/format.h"

#include <errno.h>
#include <string.h>

#define MEMBERS_MAX 48
#define MEMBER_BYTES 40 /* PyMemberDef: name, type, offset, flags, doc */
#define LIVE_TRIES 200

struct expected_member {
	const char *name;
	uint16_t offset;
};

static uint64_t load_word(const struct fp_reader *r, uintptr_t addr)
{
	uint64_t word = 0;

	if (r->read(r, addr, &word, sizeof(word)))
		return 0;
	return word;
}

/* The offset that the type's tp_members gives for name; -1: no such member. */
static int64_t member_offset(const struct fp_reader *r, uintptr_t members, const char *name)
{
	size_t length = strlen(name) + 1;
	uint64_t def[MEMBER_BYTES / 8];
	char text[32];
	unsigned i;

	for (i = 0; i < MEMBERS_MAX; i++) {
		if (r->read(r, members + i * MEMBER_BYTES, def, sizeof(def)) || !def[0])
			return -1;
		if (!r->read(r, def[0], text, length) && !memcmp(text, name, length))
			return (int64_t)def[2];
	}
	return -1;
}

static int check_members(struct fp_python *py, const struct fp_reader *r, uintptr_t type,
			 const struct expected_member *list)
{
	/* PyTypeObject: PyVarObject head, tp_name, tp_basicsize, … tp_members */
	uintptr_t members = load_word(r, type + py->layout->object_head + 224);

	for (; list->name; list++) {
		if (list->offset == FP_OFF_NONE)
			continue;
		if (member_offset(r, members, list->name) != list->offset) {
			fp_python_refuse(py, "its types give another offset for", list->name);
			return -ENOTSUP;
		}
	}
	return 0;
}

int fp_layout_check_static(struct fp_python *py, const struct fp_reader *r, uintptr_t frame_type)
{
	const struct fp_py_layout *l = py->layout;
	const struct expected_member code[] = {
		{ "co_flags", l->co_flags },
		{ "co_firstlineno", l->co_first_line },
		{ "co_filename", l->co_file },
		{ "co_name", l->co_name },
		{ "co_qualname", l->co_qualname },
		{ l->lines == FP_LINES_LNOTAB ? "co_lnotab" : "co_linetable", l->co_lines },
		{ "co_code", l->style == FP_FRAMES_OBJECT ? l->co_code : FP_OFF_NONE },
		{ NULL, 0 },
	};
	const struct expected_member frame[] = {
		{ "f_back", l->fr_previous },
		{ "f_code", l->fr_code },
		{ "f_lasti", l->minor <= 9 ? l->fr_ip : FP_OFF_NONE },
		{ NULL, 0 },
	};
	size_t basicsize = (size_t)l->object_head + 16;

	if (load_word(r, py->code_type + basicsize) != l->co_basicsize) {
		fp_python_refuse(py, "its code objects have another size", NULL);
		return -ENOTSUP;
	}
	if (check_members(py, r, py->code_type, code))
		return -ENOTSUP;
	if (l->frame_basicsize == FP_OFF_NONE || !frame_type)
		return 0;
	if (load_word(r, frame_type + basicsize) != l->frame_basicsize) {
		fp_python_refuse(py, "its frame objects have another size", NULL);
		return -ENOTSUP;
	}
	if (l->style == FP_FRAMES_OBJECT)
		return check_members(py, r, frame_type, frame);
	return 0;
}

static bool has_type(const struct fp_python *py, const struct fp_reader *r, uintptr_t object, uintptr_t type)
{
	return object && load_word(r, object + FP_OB_TYPE(py->layout)) == type;
}

/* What is wrong with a code object that a walk has found, or NULL. */
static const char *check_code(const struct fp_python *py, const struct fp_reader *r, const struct fp_py_frame *f)
{
	const struct fp_py_layout *l = py->layout;
	struct fp_code_key key;
	uint64_t units;
	uintptr_t code;

	if (fp_python_code_key(py, r, f->code, &key))
		return "a code object cannot be read";
	if (!has_type(py, r, key.name, py->unicode_type))
		return "co_name is not a str";
	if (!has_type(py, r, key.file, py->unicode_type))
		return "co_filename is not a str";
	if (!has_type(py, r, key.lines, py->bytes_type))
		return "the line table is not bytes";
	if (key.first_line > 0x7fffffffu)
		return "co_firstlineno is negative";
	if (l->style == FP_FRAMES_OBJECT) {
		code = load_word(r, f->code + l->co_code);
		if (!has_type(py, r, code, py->bytes_type))
			return "co_code is not bytes";
		units = load_word(r, code + l->by_size) / 2;
	} else {
		units = load_word(r, f->code + l->object_head);
	}
	if (f->offset >= 0 && (uint64_t)f->offset >= units * 2)
		return "an instruction offset lies outside of its code";
	return NULL;
}

static int live_failed(struct fp_python *py, const char *what)
{
	if (++py->live_failures < LIVE_TRIES)
		return -EAGAIN;
	fp_python_refuse(py, "check against live objects failed", what);
	__atomic_store_n(&py->state, FP_PYTHON_UNSUPPORTED, __ATOMIC_RELEASE);
	return -ENOTSUP;
}

int fp_python_check_live(struct fp_python *py, const struct fp_reader *r, uintptr_t tstate)
{
	struct fp_py_frame frames[8];
	enum fp_walk_status status;
	const char *wrong;
	unsigned i, n;

	if (__atomic_load_n(&py->state, __ATOMIC_ACQUIRE) == FP_PYTHON_LIVE)
		return 0;
	if (py->state != FP_PYTHON_FOUND)
		return -ENOTSUP;
	if (!tstate)
		return -EAGAIN;
	if (load_word(r, tstate + py->layout->ts_thread_id) != fp_thread_pointer())
		return live_failed(py, "thread_id of the thread state is not this thread");
	n = fp_python_walk(py, r, tstate, frames, 8, &status);
	if (status == FP_WALK_EMPTY)
		return -EAGAIN;
	if (status == FP_WALK_TORN || !n)
		return live_failed(py, "the frame chain cannot be followed");
	for (i = 0; i < n; i++) {
		wrong = check_code(py, r, &frames[i]);
		if (wrong)
			return live_failed(py, wrong);
	}
	fp_thread_state_check_key(py, r, tstate);
	__atomic_store_n(&py->state, FP_PYTHON_LIVE, __ATOMIC_RELEASE);
	return 0;
}
