/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler of the program that interrupted a hook may jump away (siglongjmp),
 * and the hook never ends.  Such a hook is told by where it stood: what runs at
 * its depth or above it has taken its place.  To call one left that still lives would
 * let two at once into the tables, so every doubt answers no, and costs events that
 * are counted as lost until a hook runs that leaves none:
 *
 * - The agent calls no hook, so only a handler can run one while another lives.
 *   On the same stack it runs below what it interrupted, by a signal frame at least.
 * - On an alternate stack, which may be an array above the hook, depth says nothing.
 * - A handler may switch to another coroutine.  One whose stack is its own mapping
 *   lies beyond this thread's, and is never compared with.
 *
 * Not told apart: an array in the thread's own stack, above the hook, that is an alternate
 * stack with SS_AUTODISARM, or the stack of a coroutine to which a handler switches.
 *
 * Any hook; a system call, but only where the answer is about to be yes.
 */
#include "agent/hot/allocations.h"

#include "agent/base/sys.h"

/* Of a signal frame: what the kernel saves of the vector unit alone; two hooks
 * that the program calls at one depth stand less than this apart. */
#define SIGNAL_FRAME_LEAST 512u

/* Low bits of inside: held shut (a fork, an end). */
#define HELD_MASK 7u

static bool is_on_alternate_stack(void)
{
	stack_t now;

	return fp_sys_call(SYS_sigaltstack, NULL, &now) < 0 || now.ss_flags & SS_ONSTACK;
}

FP_COLD bool fp_memory_was_left(const struct fp_thread *t, uintptr_t here)
{
	uintptr_t at = t->inside;

	return !(at & HELD_MASK) && t->stack_low && at >= t->stack_low && at < t->stack_high &&
	       here > at - SIGNAL_FRAME_LEAST && here < t->stack_high && !is_on_alternate_stack();
}
