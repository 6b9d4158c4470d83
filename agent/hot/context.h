/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every hot path reads of this process: one object, written by
 * agent/lifecycle.c (boot, fork child, end), read in any context.
 */
#ifndef FP_HOT_CONTEXT_H
#define FP_HOT_CONTEXT_H

#include "agent/base/segment.h"
#include "agent/python/python.h"

/* OFF -> LIVE -> ENDED.  ENDED is final for the image, except that a failed
 * exec returns to LIVE. */
enum fp_state {
	FP_STATE_OFF,   /* not booted, disabled, or booting failed: nothing is recorded */
	FP_STATE_LIVE,
	FP_STATE_ENDED, /* everything is booked; handlers return at once */
};

struct fp_context {
	uint32_t state; /* enum fp_state */
	int pid;        /* that the capture belongs to */
	struct fp_segment segment;
	struct fp_python python;
	uint64_t interval_ns;
	uint64_t duration_ns;
	bool native;    /* FIL_PERF_SPY_NATIVE */
	bool sampling;  /* CPU timers are wanted */
	bool memory_native;   /* FIL_PERF_MEMRAY_NATIVE */
	uint32_t temporary_threshold;
	int signal_number;
	uint32_t frames_cap;  /* per walk */
	uint32_t timers_cap;  /* at most half of RLIMIT_SIGPENDING */
	uint32_t n_timers;
	/* One word of a MADV_WIPEONFORK page: 0 in a child that no handler saw. */
	volatile uint32_t *fork_word;
};

extern FP_OWN struct fp_context fp_context;

/* False in a fork or vfork child that has no capture of its own: nothing may
 * be written.  A system call: for rare paths only. */
bool fp_context_is_own(void);

static inline bool fp_context_live(void)
{
	return __atomic_load_n(&fp_context.state, __ATOMIC_ACQUIRE) == FP_STATE_LIVE && *fp_context.fork_word;
}

#endif
