/* SPDX-License-Identifier: Apache-2.0 */
/* What a run is called, in its file names and summary.  Ordinary program. */
#ifndef FP_TOOLS_CLI_RUN_LABEL_H
#define FP_TOOLS_CLI_RUN_LABEL_H

#include "tools/cli/runs.h"

/* Text as a part of a file name: no separators, blanks or shell characters. */
void fp_run_file_name(const char *from, char *label, size_t n_bytes);

/* The label of a run: as set, else the title of its first Python process,
 * else of its first process.  Safe as a file name. */
void fp_run_label(const struct fp_run *run, const struct fp_run_capture *captures, size_t n, char *label,
		  size_t n_bytes);

#endif
