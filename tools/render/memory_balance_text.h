/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balance of each process's peak, as text and as JSON.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_BALANCE_TEXT_H
#define FP_TOOLS_RENDER_MEMORY_BALANCE_TEXT_H

#include "tools/read/profile.h"
#include "tools/render/json_out.h"

void fp_memory_balance_put(const struct fp_profile *p, FILE *out);
/* The key "balance". */
void fp_memory_balance_json(struct fp_json_out *j, const struct fp_profile *p);

#endif
