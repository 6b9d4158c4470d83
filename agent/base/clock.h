/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks in nanoseconds.  Any context; no errno. */
#ifndef FP_BASE_CLOCK_H
#define FP_BASE_CLOCK_H

#include "agent/base/sys.h"

static inline int64_t fp_clock_read(clockid_t id)
{
	struct timespec t = {0, 0};

	(void)fp_sys_call(SYS_clock_gettime, id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* glibc's clock_gettime reads these in the vDSO: 20 ns, no system call, and
 * nothing but a constant clock id that cannot fail, so errno is not touched. */
static inline int64_t fp_clock_monotonic_ns(void)
{
	struct timespec t = {0, 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t fp_clock_realtime_ns(void)
{
	return fp_clock_read(CLOCK_REALTIME);
}

/* CPU of the calling thread. */
static inline uint64_t fp_clock_thread_ns(void)
{
	return (uint64_t)fp_clock_read(CLOCK_THREAD_CPUTIME_ID);
}

/* CPU of any thread of this process; 0 when it is gone.  The clock id is the
 * kernel's encoding of a per-thread scheduler clock (include/linux/posix-timers.h). */
static inline uint64_t fp_clock_other_thread_ns(int tid)
{
	return (uint64_t)fp_clock_read((clockid_t)((~(unsigned int)tid << 3) | 6));
}

#endif
