/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the agent in one process image: boot, fork, exec, end. */
#ifndef FP_AGENT_LIFECYCLE_H
#define FP_AGENT_LIFECYCLE_H

#include "agent/run_dir.h"

#include <stdbool.h>

struct fp_thread;

extern struct fp_run_dir fp_run_dir;

/* A capture for this process in the run directory, tables ready; at: mapping
 * to replace (fork child) or NULL.  0 or -errno. */
FP_NODISCARD int fp_lifecycle_open_capture(void *at, uint64_t start_ticks);
/* Recording of memory in a fresh capture, where settings and CPython allow. */
void fp_lifecycle_start_memory(void);
/* Lists loaded objects in the capture; first: all of them. */
void fp_lifecycle_list_modules(bool all);
/* The thread's end is told by a key's destructor. */
void fp_agent_thread_key_set(struct fp_thread *t);
/* Starts `filperf report` for the run and waits for it (end of the first process). */
void fp_render_spawn(const struct fp_run_dir *d);

#endif
