/* SPDX-License-Identifier: Apache-2.0 */
/* The constructor's part of hook_copy.c. */
#ifndef FP_SHIM_HOOK_COPY_H
#define FP_SHIM_HOOK_COPY_H

#include <stdbool.h>

/* The originals are resolved (real.h): hooks jump there from now on, and count
 * before they do when count is set.  Ordinary context, one thread. */
void fp_shim_copy_begin(bool count);

#endif
