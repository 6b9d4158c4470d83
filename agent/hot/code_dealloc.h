/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of code objects: whoever gave one a name by its address must know when the
 * address may be another's (mem_ledger.h, fp_mem_watch_code).
 */
#ifndef FP_HOT_CODE_DEALLOC_H
#define FP_HOT_CODE_DEALLOC_H

#include <stdbool.h>

/* Stands in tp_dealloc of PyCode_Type from now on; again: nothing happens.  LIVE.  A
 * hook.  False: what is there is not the interpreter's, and nothing was changed. */
bool fp_code_dealloc_watch(void);

#endif
