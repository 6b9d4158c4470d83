/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that the rest of filperf knows of CPython.  Nothing here calls into
 * the interpreter's allocator, takes the GIL or makes an object.
 *
 * Two users: the agent (own memory, fp_reader_own) and tools (another
 * process, process_vm_readv).  Addresses of the target are uintptr_t.
 */
#ifndef FP_PYTHON_PYTHON_H
#define FP_PYTHON_PYTHON_H

#include "agent/base/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FP_OFF_NONE UINT16_MAX

struct fp_text_range {
	uintptr_t start, end; /* [start, end) */
};

#define FP_PYTHON_EVAL_RANGES 8

struct fp_py_layout; /* layout.h: offsets as data, one per minor version */

/* One interpreter in this process; zero-initialised = absent.  Written by
 * fp_python_find and by the live check, read by everybody. */
struct fp_python {
	uint32_t state; /* enum fp_python_state of capture/format.h; written last */
	uint32_t version_hex;
	bool free_threaded;
	const struct fp_py_layout *layout;
	uintptr_t runtime;         /* &_PyRuntime */
	uintptr_t code_type;       /* &PyCode_Type */
	uintptr_t unicode_type, bytes_type, none;
	intptr_t tstate_tls_offset; /* of the attached thread state from the thread pointer; INTPTR_MIN: none */
	uintptr_t get_allocator, set_allocator; /* PyMem_GetAllocator, PyMem_SetAllocator; 0: not exported */
	uintptr_t get_allocator_name; /* _PyMem_GetCurrentAllocatorName, as in PYTHONMALLOC; loads; 0: not exported */
	uintptr_t get_arenas;       /* PyObject_GetArenaAllocator */
	uintptr_t is_finalizing;    /* int f(void): is the interpreter ending?  A load; any context */
	uintptr_t gil_key;          /* address of the autoTSSkey's pthread_key_t, 0: none */
	struct fp_text_range library;
	struct fp_text_range eval[FP_PYTHON_EVAL_RANGES];
	unsigned n_eval;
	char library_path[512];
	char reason[160];           /* why unsupported */
	uint32_t live_failures;     /* of the live check */
	uint64_t private_[32];      /* the chosen layout and what runtime_find.c and thread_state.c keep */
};

/* Looks for CPython among the loaded objects and chooses the layout.
 * Context: ordinary (constructor, after dlopen); uses the loader, never the
 * heap of the host.  Returns 0 and sets state FOUND, or UNSUPPORTED with a
 * reason; -ENOENT when there is none (state ABSENT). */
int fp_python_find(struct fp_python *py);

/* The calling thread's PyThreadState, or 0.  Async-signal-safe.
 * *ret_holds_gil: true when it is the attached one (free-threaded: attached). */
uintptr_t fp_python_thread_state(const struct fp_python *py, bool *ret_holds_gil);

/* Checks the layout against live objects reached from tstate of the calling
 * thread, without side effects.  Async-signal-safe; needs the GIL held by
 * this thread.  0: state is LIVE now.  -EAGAIN: nothing to check yet.
 * -ENOTSUP: state is UNSUPPORTED, reason says which check failed. */
int fp_python_check_live(struct fp_python *py, const struct fp_reader *r, uintptr_t tstate);

enum fp_walk_status {
	FP_WALK_OK,
	FP_WALK_EMPTY,     /* thread state without a Python frame */
	FP_WALK_TRUNCATED, /* more frames than cap; the leaf-most cap are there */
	FP_WALK_TORN,      /* not consistent: frames[] must not be used */
};

struct fp_py_frame {
	uintptr_t code;   /* checked: its type is PyCode_Type */
	uintptr_t frame;  /* address of the frame, to compare with the last walk */
	int32_t offset;   /* of the current instruction from the code's start, bytes; -1 unknown */
	uint32_t is_entry; /* 1: the outermost frame of one C call of the eval loop */
};

/* Walks from the leaf to the root.  Async-signal-safe, bounded by cap.
 * tstate must belong to the calling thread, or to a stopped or foreign one
 * (then TORN is to be expected).  Returns the number of frames. */
unsigned fp_python_walk(const struct fp_python *py, const struct fp_reader *r, uintptr_t tstate,
			struct fp_py_frame *frames, unsigned cap, enum fp_walk_status *ret_status);

/* How many interpreters there are; 1 when that cannot be read. */
unsigned fp_python_interpreters(const struct fp_python *py, const struct fp_reader *r);

/* Where a hook of this process reads frames by itself, with plain loads: at a
 * call of the interpreter's own, where chains are whole.  Only when LIVE. */
struct fp_py_hook_layout {
	uint16_t ts_frame, cf_frame;  /* cf_frame FP_OFF_NONE: ts_frame is the frame */
	uint16_t ts_base_frame;
	uint16_t fr_code, fr_previous, fr_ip;
	uint64_t ip_mask;
	uint64_t code_mask;           /* without the tags of stack references */
	uint16_t co_code;             /* offset = (ip - code - co_code), or ip x ip_unit with ip_unit */
	uint8_t ip_unit;
	bool offset_known;            /* false: threads have copies of the bytecode */
	intptr_t attached;            /* offset of the attached thread state from the thread pointer;
				       * INTPTR_MIN: at address current */
	uintptr_t current;
};
/* 0, or -ENOTSUP: use the checked ways. */
int fp_python_hook_layout(const struct fp_python *py, struct fp_py_hook_layout *ret_layout);

/* One frame at address: 0; -EAGAIN when it is no Python function (an entry or
 * trampoline frame); -EFAULT when it makes no sense. */
int fp_python_frame(const struct fp_python *py, const struct fp_reader *r, uintptr_t address,
		    struct fp_py_frame *ret_frame);

/* What tells one code object from another at the same address. */
struct fp_code_key {
	uintptr_t address, name, file, lines;
	uint32_t first_line;
};
/* Address of the slot tp_dealloc of PyCode_Type; only when LIVE. */
uintptr_t fp_python_code_dealloc(const struct fp_python *py);
int fp_python_code_key(const struct fp_python *py, const struct fp_reader *r, uintptr_t code,
		       struct fp_code_key *ret_key);

/* Copies what a report needs of a code object.  alloc(ctx, n) returns room
 * for n bytes or NULL; each text is asked for once, with its exact size.
 * Texts are UTF-8 (lone surrogates as U+FFFD, control characters kept).
 * Async-signal-safe.  A text that cannot be read or stored is NULL. */
struct fp_code_text {
	const char *name, *qualname, *file, *lines;
	uint32_t name_bytes, qualname_bytes, file_bytes, lines_bytes;
	uint32_t line_table; /* enum fp_line_table */
	uint32_t code_flags;
};
int fp_python_code_copy(const struct fp_python *py, const struct fp_reader *r,
			const struct fp_code_key *key,
			void *(*alloc)(void *ctx, size_t n_bytes), void *ctx,
			struct fp_code_text *ret_text);

/* Line of an instruction offset (bytes) in a copied line table; 0 when the
 * table has none for it.  *ret_column 0 = unknown (1-based).  Pure. */
uint32_t fp_python_line(uint32_t line_table, const char *table, uint32_t n_bytes,
			uint32_t first_line, int64_t offset, uint32_t *ret_column);

#endif
