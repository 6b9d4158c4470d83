/* SPDX-License-Identifier: Apache-2.0 */
/* fp_reader of another process, and finding CPython there. */
#ifndef FP_PYTHON_READER_REMOTE_H
#define FP_PYTHON_READER_REMOTE_H

#include "agent/python/python.h"

/* Needs the right to ptrace pid; each read is one system call. */
struct fp_reader fp_reader_remote(int pid);

#endif
