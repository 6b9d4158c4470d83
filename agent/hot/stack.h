/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a thread at this instant to the id of its stack.  Signal handlers and
 * hooks; the calling thread's own stack only.
 */
#ifndef FP_HOT_STACK_H
#define FP_HOT_STACK_H

#include "agent/hot/thread.h"

struct fp_stack_sample {
	uint32_t stack;
	enum fp_cpu_kind kind;
	bool gil;
	bool python;  /* the thread has a Python thread state */
};

/* ucontext: the interrupted context, NULL when called from a hook (Python
 * frames only, kind NATIVE).  Never fails: what cannot be read ends on a mark. */
struct fp_stack_sample fp_stack_take(struct fp_thread *t, void *ucontext);

/* From a hook, native frames too: those below the hook's own. */
uint32_t fp_stack_of_hook(struct fp_thread *t);

#endif
