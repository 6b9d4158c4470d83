/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's signal masks beside the kernel's: where the host blocks
 * everything, our signal stays deliverable, and every call that shows a mask,
 * waits for signals or hands a mask to a child shows the host its own.
 */
#ifndef FP_HOT_HOST_MASK_H
#define FP_HOT_HOST_MASK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct fp_thread;

/* The calling thread starts to be sampled: our signal is unblocked in it.
 * True when it was blocked, that is: the host believes so. */
bool fp_host_mask_adopt(void);

/* A thread that inherits a belief begins, or any ends: without a slot nobody knows what
 * the host believes, so that it is real before and after.  In the thread itself. */
void fp_host_mask_begin(const struct fp_thread *t);
void fp_host_mask_end(const struct fp_thread *t);

/* Our signal becomes another: *mask (of the calling thread) follows. */
void fp_host_mask_moved(int old, int fresh, uint64_t *mask);

/* A signal with our number that is not ours.  True when the host believes it
 * blocked here: *mask blocks it from now on, and it is queued again. */
bool fp_host_mask_postpone(int number, siginfo_t *info, uint64_t *mask);

#endif
