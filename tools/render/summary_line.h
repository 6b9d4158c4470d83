/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one line about the run that stands under titles, and why a graph has
 * nothing in it.
 */
#ifndef FP_TOOLS_RENDER_SUMMARY_LINE_H
#define FP_TOOLS_RENDER_SUMMARY_LINE_H

#include "tools/read/profile.h"

/* "wall 7.1 s, CPU 6.9 s, 690 samples at 100 Hz, 3 processes, 5 threads". */
void fp_summary_line(const struct fp_profile *p, const struct fp_profile *base, char *out,
		     size_t out_bytes);

/* Whether the run was told not to sample CPU. */
bool fp_summary_is_off(const struct fp_profile *p);

/* What p->cut means, as far as it is known: "still running", or "cut: …". */
const char *fp_summary_cut(const struct fp_profile *p);

/* Lines for a graph without samples; their number. */
int fp_summary_why_empty(const struct fp_profile *p, char (*lines)[256], int n);

/* CPU in the profile's cells, and of the processes by their own clocks. */
uint64_t fp_summary_sampled_ns(const struct fp_profile *p);
uint64_t fp_summary_cpu_ns(const struct fp_profile *p);

#endif
