/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See code_dealloc.h.  A code object ends through its type's slot, in every version
 * (3.8 to 3.15, Objects/object.c, _Py_Dealloc), with the GIL held (free-threaded:
 * attached): never in a hook, in a signal handler or below malloc.  Ours looks the address up and
 * goes on to what stood there.  It stays for good: once the switch is off it passes on.
 * In a fork child the table of watched addresses is a new one.
 */
#include "agent/hot/code_dealloc.h"

#include "agent/agent.h"
#include "agent/hot/allocations.h"

static void (*dealloc_below)(void *code);

static void code_dealloc(void *code)
{
	struct fp_thread *t = *fp_agent_memory ? fp_memory_enter() : NULL;

	if (t) {
		fp_mem_code_freed((uintptr_t)code);
		fp_memory_leave(t);
	}
	dealloc_below(code);
}

bool fp_code_dealloc_watch(void)
{
	const struct fp_python *py = &fp_context.python;
	uintptr_t *slot = (uintptr_t *)fp_python_code_dealloc(py), there = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (there == (uintptr_t)code_dealloc)
		return true;
	if (there < py->library.start || there >= py->library.end ||
	    (dealloc_below && (uintptr_t)dealloc_below != there))
		return false;
	dealloc_below = (void (*)(void *))there;
	__atomic_store_n(slot, (uintptr_t)code_dealloc, __ATOMIC_RELEASE);
	return true;
}
