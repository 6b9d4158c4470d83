/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the summary says of memory.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_CLI_SUMMARY_MEMORY_H
#define FP_TOOLS_CLI_SUMMARY_MEMORY_H

#include "tools/cli/report.h"

#include <stdio.h>

#define FP_SUMMARY_MEMORY_LINES 2 /* at the most */

/* How many lines it will be; 0 without memory. */
unsigned int fp_summary_memory_lines(const struct fp_profile *p, const struct fp_report_files *files);
void fp_summary_memory_put(const struct fp_profile *p, const struct fp_report_files *files, FILE *out);

/* "x.py:5 holds 12.3 MiB and grows to the end"; false: nothing leaks.  leaks: of
 * all processes; NULL: they are made. */
bool fp_summary_memory_leak(const struct fp_profile *p, const struct fp_leaks *leaks, char *out, size_t out_bytes);

#endif
