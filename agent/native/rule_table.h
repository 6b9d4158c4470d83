/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that walks of all threads share, by code address.  Lock-free, of
 * a fixed size, any context: a rule that finds no room is asked for again.
 */
#ifndef FP_NATIVE_RULE_TABLE_H
#define FP_NATIVE_RULE_TABLE_H

#include "agent/native/unwind_rule.h"

/* epoch: of the module map; a rule of an older one is not found, and gives way. */
bool fp_rule_recall(uint32_t epoch, uintptr_t pc, struct fp_rule *ret_rule);
void fp_rule_keep(uint32_t epoch, uintptr_t pc, struct fp_rule rule);

#endif
