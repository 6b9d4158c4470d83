/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to step from a frame at one code address to its caller, as a word.
 *
 * libunwind is asked once per address, over a made-up stack: what it reads
 * there, and where it says the caller's registers are, gives the rule; no
 * byte of the real stack is involved.  Any context, a signal handler too.
 */
#ifndef FP_NATIVE_UNWIND_RULE_H
#define FP_NATIVE_UNWIND_RULE_H

#include "agent/native/modules.h"

enum fp_rule_kind {
	FP_RULE_UNKNOWN,  /* no unwind information, or of a shape that has no rule */
	FP_RULE_OFFSET,   /* CFA = base + cfa_offset */
	FP_RULE_LOAD,     /* CFA = *(base + cfa_offset): realigned stacks */
	FP_RULE_SIGNAL,   /* sp points at the ucontext of a signal */
	FP_RULE_END,      /* outermost frame */
};

enum fp_rule_saved {
	FP_SAVED_SAME,    /* the frame pointer is the caller's */
	FP_SAVED_AT_CFA,  /* *(CFA + fp_offset) */
	FP_SAVED_AT_FP,   /* *(fp + fp_offset), old fp */
};

enum fp_rule_base {
	FP_BASE_SP,
	FP_BASE_FP,
	FP_BASE_R10,      /* prologues that realign the stack; only where r10 is known */
};

/* The return address is at CFA - 8 in all of them. */
struct fp_rule {
	uint64_t kind : 3;
	uint64_t base : 2;
	uint64_t saved : 2;
	int64_t fp_offset : 25;
	int64_t cfa_offset : 32;
};

struct fp_rule_room; /* zeroed memory of the caller, fp_rule_room_bytes() */
size_t fp_rule_room_bytes(void);

/* called: pc is a return address minus 1.  Returns 0, or -EBUSY when another
 * thread is asking libunwind and did not finish soon; nothing is known then. */
int fp_rule_learn(struct fp_rule_room *room, const struct fp_module_map *map, uintptr_t pc, bool called,
		  struct fp_rule *ret_rule);

/* fork child. */
void fp_rule_forked(void);

#endif
