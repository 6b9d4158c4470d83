/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the calling thread's PyThreadState is.  Private to agent/python.
 */
#ifndef FP_PYTHON_THREAD_STATE_H
#define FP_PYTHON_THREAD_STATE_H

#include "agent/base/thread_pointer.h"
#include "agent/python/layout.h"

/* A thread-local variable of libpython. */
struct fp_tls_place {
	intptr_t offset;  /* from the thread pointer; INTPTR_MIN: not static */
	uint64_t module;  /* else: TLS module id, 0 = unknown */
	uint64_t index;   /* and offset in that module's block */
};

/* What find time keeps in fp_python.private_. */
struct fp_py_private {
	struct fp_py_layout layout;
	const struct fp_reader *own; /* fault-safe reader of this process, or NULL */
	struct fp_tls_place attached; /* _Py_tss_tstate, 3.12- */
	struct fp_tls_place bound;    /* _Py_tss_gilstate, where the key is gone */
};

_Static_assert(sizeof(struct fp_py_private) <= sizeof(((struct fp_python *)0)->private_), "enlarge private_");

static inline const struct fp_py_private *fp_py_private(const struct fp_python *py)
{
	return (const struct fp_py_private *)(const void *)py->private_;
}

/* Reads the machine code of a function that only returns a thread-local
 * variable.  Own process, ordinary context.  0, or -ENOTSUP when the code has
 * another shape; *ret_place is then untouched. */
int fp_tls_decode(uintptr_t function, struct fp_tls_place *ret_place);

/* Place of a variable that lies index bytes into the block of a module. */
void fp_tls_place_in_module(uint64_t module, uint64_t index, uintptr_t block, struct fp_tls_place *ret_place);

/* Address of the variable in the calling thread, 0 when it has none yet.
 * Async-signal-safe. */
uintptr_t fp_tls_address(const struct fp_tls_place *place);

/* Address of the pthread_key_t that PyGILState_GetThisThreadState uses, read
 * from its machine code; 0 when the code has another shape or the address does
 * not lie in [runtime, runtime + 64 KiB).  Own process, ordinary context. */
uintptr_t fp_key_decode(uintptr_t function, uintptr_t runtime);

/* Is py->gil_key the key of the bound thread state?  If its value in this
 * thread is not tstate, looks in _PyRuntime for the one pair {1, key} of which
 * that is true; 0 when none or several are.  Async-signal-safe; GIL held. */
void fp_thread_state_check_key(struct fp_python *py, const struct fp_reader *r, uintptr_t tstate);

#endif
