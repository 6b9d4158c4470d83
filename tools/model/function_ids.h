/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames are one function, and which one line of it.
 */
#ifndef FP_TOOLS_MODEL_FUNCTION_IDS_H
#define FP_TOOLS_MODEL_FUNCTION_IDS_H

#include "tools/read/profile.h"

enum fp_ids_by {
	FP_IDS_LINE,     /* names, file and line alike */
	FP_IDS_FUNCTION, /* names, file and first line alike */
	FP_IDS_CODE_NAME /* as FUNCTION, but co_name instead of the qualified name */
};

/* For each frame its class: the first frame of the class (as_frames), or a
 * number counting classes from 0 (*ret_n of them).  Freed by the caller;
 * NULL: out of memory. */
uint32_t *fp_function_ids(const struct fp_profile *p, enum fp_ids_by by, bool as_frames,
			  uint32_t *ret_n);

#endif
