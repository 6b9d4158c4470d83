/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signals that the agent shares with its host: SIGSEGV and SIGBUS (faults
 * of fault-safe loads, a capture cut by somebody) and the sampling signal.
 * The host sees its own dispositions only; signals that are not ours reach it
 * as without us.
 */
#ifndef FP_HOT_FAULTS_H
#define FP_HOT_FAULTS_H

#include "agent/base/attrs.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Installs the handlers and chooses the sampling signal: SIGPROF, or a
 * real-time signal when the process inherited a use of SIGPROF.  Constructor. */
void fp_faults_install(bool sampling);

/* May a fault-safe load fault here and now?  False when SIGSEGV or SIGBUS are
 * blocked in the interrupted context or handled behind our back. */
bool fp_faults_caught(const void *ucontext);

/* Our signal becomes another, or sampling stops when none is left.  The first
 * is for handlers: *mask, of the interrupted context, follows, and what the
 * host has pending stays pending. */
void fp_faults_leave_signal(uint64_t *mask);
void fp_faults_move_away(void);

#endif
