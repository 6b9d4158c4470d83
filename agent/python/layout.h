/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CPython keeps what a walk reads: offsets as data, one table per minor
 * version.  3.8 to 3.12 are constants (layout_38.c …); 3.13 and later are read
 * from _Py_DebugOffsets of the running interpreter by the index maps in
 * layout_313.c ….  No table is ever used for another version.
 */
#ifndef FP_PYTHON_LAYOUT_H
#define FP_PYTHON_LAYOUT_H

#include "agent/python/python.h"

enum fp_frame_style {
	FP_FRAMES_OBJECT, /* 3.8-3.10: PyFrameObject, tstate->frame, f_back */
	FP_FRAMES_ENTRY,  /* 3.11: cframe; the outermost frame of an eval call has is_entry */
	FP_FRAMES_CFRAME, /* 3.12: cframe; an entry frame lies on the C stack */
	FP_FRAMES_LINKED, /* 3.13-: tstate->current_frame; entry frames as in 3.12 */
};

/* All offsets in bytes; FP_OFF_NONE where this version has no such field. */
struct fp_py_layout {
	uint8_t minor;
	uint8_t style;      /* enum fp_frame_style */
	uint8_t lines;      /* enum fp_line_table of capture/format.h */
	uint8_t lasti_unit; /* style OBJECT: bytes per step of f_lasti */
	uint8_t object_head; /* sizeof(PyObject); the type is its last pointer */
	uint8_t kind_shift; /* of unicode kind in the state word; compact +3, ascii +4 */
	uint8_t owner_entry; /* frame owner: entry frame of an eval call */
	uint8_t owner_base; /* frame owner: sentinel under all frames, or UINT8_MAX */

	uint16_t rt_interpreters, rt_tstate_current, rt_key;
	uint16_t in_threads, in_next;
	uint16_t ts_next, ts_interp, ts_thread_id, ts_native_id;
	uint16_t ts_frame; /* frame, cframe or current_frame, by style */
	uint16_t ts_base_frame;
	uint16_t ts_root_cframe, ts_datastack_top; /* 3.11, 3.12 */
	uint16_t cf_frame, cf_previous;

	uint16_t fr_read, fr_read_bytes; /* one read covers every fr_ field */
	uint16_t fr_code, fr_previous, fr_ip, fr_func, fr_owner, fr_is_entry, fr_tlbc;

	uint16_t co_basicsize; /* of PyCode_Type */
	uint16_t co_flags, co_first_line, co_file, co_name, co_qualname, co_lines;
	uint16_t co_code; /* style OBJECT: pointer to bytes; else the code itself */
	uint16_t co_stacksize, co_nlocalsplus; /* 3.11, 3.12: size of a frame */
	uint16_t co_tlbc;
	uint16_t frame_basicsize; /* of PyFrame_Type, FP_OFF_NONE: not checked */

	uint16_t un_length, un_state, un_ascii, un_compact, un_any;
	uint16_t by_size, by_data;
};

#define FP_OB_TYPE(l) ((size_t)(l)->object_head - sizeof(uintptr_t))

extern const struct fp_py_layout fp_layout_38, fp_layout_39, fp_layout_310, fp_layout_311, fp_layout_312;

/* Index of each field in _Py_DebugOffsets seen as uint64_t[]; 0 = absent. */
struct fp_debug_map {
	uint8_t minor, n_words;
	uint8_t owner_entry, owner_base;
	uint8_t kind_shift, kind_shift_free_threaded;
	uint16_t frame_func;      /* f_funcobj is not published */
	uint16_t code_flags, code_flags_free_threaded; /* co_flags is not published */
	uint8_t rt_interpreters, in_next, in_threads;
	uint8_t ts_size, ts_next, ts_interp, ts_frame, ts_base_frame, ts_thread_id, ts_native_id;
	uint8_t fr_size, fr_previous, fr_code, fr_ip, fr_locals, fr_owner, fr_tlbc;
	uint8_t co_size, co_file, co_name, co_qualname, co_lines, co_first_line, co_code, co_tlbc;
	uint8_t ob_size, ob_type;
	uint8_t by_size, by_data;
	uint8_t un_size, un_state, un_length, un_ascii;
};

extern const struct fp_debug_map fp_debug_map_313, fp_debug_map_314, fp_debug_map_315;

/* 0, or -ENOTSUP with py->reason for a version that no layout is for, which
 * may lack symbols besides. */
int fp_layout_refuse_old(struct fp_python *py);

/* Chooses the table of py->version_hex and fills *ret_layout.  On refusal
 * returns -ENOTSUP and writes py->reason.  Ordinary context. */
int fp_layout_choose(struct fp_python *py, const struct fp_reader *r, struct fp_py_layout *ret_layout);

/* Compares the layout with what PyCode_Type and PyFrame_Type say of
 * themselves.  0, or -ENOTSUP with py->reason. */
int fp_layout_check_static(struct fp_python *py, const struct fp_reader *r, uintptr_t frame_type);

/* py->reason from a text and at most one number.  Async-signal-safe. */
void fp_python_refuse(struct fp_python *py, const char *check, const char *detail);

#endif
