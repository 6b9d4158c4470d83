/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's own memory.  Ordinary program. */
#ifndef FP_TOOLS_CLI_HEAP_H
#define FP_TOOLS_CLI_HEAP_H

/* Before other threads: from here on what is freed is used again and not given
 * back, and memory comes in large pages where the system has them.  Nothing is
 * lost where it does not work. */
void fp_heap_prepare(void);

#endif
