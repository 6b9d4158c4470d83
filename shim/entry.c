/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constructor and destructor of the preloaded object: after the libraries
 * that it needs, before main; and among the last at exit().
 */
#include "agent/agent.h"
#include "shim/hook_copy.h"
#include "shim/real.h"

__attribute__((constructor)) static void enter_program(void)
{
	fp_real_resolve();
	fp_agent_allocator((const void *)fp_real_find(FP_HOOK_malloc));
	fp_shim_copy_begin(false);
	fp_agent_boot();
	fp_shim_copy_begin(fp_agent_counts_copies());
}

__attribute__((destructor)) static void leave_program(void)
{
	fp_agent_exit();
}
