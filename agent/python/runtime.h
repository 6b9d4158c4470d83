/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What finding an interpreter needs from whoever can look symbols up: the
 * loaded objects of this process (runtime_find.c) or ELF files of another.
 * Private to agent/python and its tests.
 */
#ifndef FP_PYTHON_RUNTIME_H
#define FP_PYTHON_RUNTIME_H

#include "agent/python/layout.h"

#define FP_PY_SYMBOLS(X) \
	X(runtime, "_PyRuntime") \
	X(code_type, "PyCode_Type") \
	X(frame_type, "PyFrame_Type") \
	X(unicode_type, "PyUnicode_Type") \
	X(bytes_type, "PyBytes_Type") \
	X(none, "_Py_NoneStruct") \
	X(version, "Py_Version") \
	X(get_version, "Py_GetVersion") \
	X(get_state, "PyThreadState_GetUnchecked") \
	X(get_state_312, "_PyThreadState_UncheckedGet") \
	X(get_bound, "PyGILState_GetThisThreadState") \
	X(eval, "_PyEval_EvalFrameDefault") \
	X(get_allocator, "PyMem_GetAllocator") \
	X(set_allocator, "PyMem_SetAllocator") \
	X(get_allocator_name, "_PyMem_GetCurrentAllocatorName") \
	X(get_arenas, "PyObject_GetArenaAllocator") \
	X(is_finalizing, "Py_IsFinalizing") \
	X(is_finalizing_312, "_Py_IsFinalizing")

enum fp_py_symbol {
#define X(name, text) FP_PY_SYMBOL_##name,
	FP_PY_SYMBOLS(X)
#undef X
	FP_PY_SYMBOL_MAX
};

struct fp_py_symbols {
	uintptr_t address[FP_PY_SYMBOL_MAX]; /* 0: not found */
	size_t bytes[FP_PY_SYMBOL_MAX];
};

extern const char *const fp_py_symbol_names[FP_PY_SYMBOL_MAX];

/* From symbols (and py->version_hex where Py_Version does not exist) to state
 * FOUND or UNSUPPORTED.  Does not touch TLS, eval ranges beyond the exported
 * function, library and library_path. */
int fp_python_identify(struct fp_python *py, const struct fp_reader *r, const struct fp_py_symbols *s);

/* PY_VERSION_HEX of "3.9.18 (main, …", 0 when it is no version. */
uint32_t fp_python_parse_version(const char *text);

/* Adds [start, end) to the eval ranges, joining neighbours. */
void fp_python_add_eval(struct fp_python *py, uintptr_t start, uintptr_t end);

/* Adds local parts of the eval loop from the file's symbol table (bias: load
 * address minus ELF address).  Opens path; ordinary context. */
void fp_python_eval_from_file(struct fp_python *py, const char *path, uintptr_t bias);

/* Adds the part that the compiler split off the exported function.  Own
 * process, ordinary context; eh_frame_hdr 0: does nothing. */
void fp_python_eval_from_unwind(struct fp_python *py, uintptr_t eh_frame_hdr);

#endif
