/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process of a run started which.  Pure data over a profile, ordinary
 * program.
 */
#ifndef FP_TOOLS_MODEL_PROCESS_TREE_H
#define FP_TOOLS_MODEL_PROCESS_TREE_H

#include "tools/read/profile.h"

#define FP_PROCESS_NONE UINT32_MAX

/* The parent of each process, an index or FP_PROCESS_NONE (it started the run,
 * or its parent is not in the profile); never in a circle.  The images of a
 * process that called exec are siblings.  Freed by the caller; NULL: out of
 * memory. */
uint32_t *fp_parents_of_processes(const struct fp_profile *p);

#endif
