/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another process's CPython: its memory, finding it, its threads.  For tools
 * and tests, never linked into a path of the agent that runs in the host.
 */
#ifndef FP_PYTHON_REMOTE_READER_REMOTE_H
#define FP_PYTHON_REMOTE_READER_REMOTE_H

#include "agent/python/python.h"

/* Needs the right to ptrace pid; each read is one system call. */
struct fp_reader fp_reader_remote(int pid);

/* As fp_python_find, for a process.  Thread states come from the list below. */
int fp_python_find_remote(struct fp_python *py, int pid);

/* Thread states of all interpreters, newest first; returns how many. */
unsigned fp_python_remote_threads(const struct fp_python *py, const struct fp_reader *r, uintptr_t *states,
				  unsigned cap);

#endif
