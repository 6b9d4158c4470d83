/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a run directory (or a .filperf directory) to the report files and the
 * summary.  Ordinary program.
 */
#ifndef FP_TOOLS_CLI_REPORT_H
#define FP_TOOLS_CLI_REPORT_H

#include "tools/cli/cli.h"
#include "tools/cli/runs.h"
#include "tools/read/profile.h"

struct fp_report_request {
	const struct fp_cli *cli;    /* options above the run's own settings */
	bool environment;            /* … and the environment too */
	FILE *summary;               /* where to show the summary; NULL: nowhere */
	const char *process, *thread, *diff; /* selections; NULL */
};

/* Renders run.  The exit status; errors are said. */
int fp_report_run(struct fp_run *run, const struct fp_report_request *request);

/* Names of what was written, for the summary. */
struct fp_report_files {
	char label[FP_LABEL_BYTES];
	char output_dir[PATH_MAX];
	char shown_dir[PATH_MAX];    /* output_dir as the user would type it */
	char files[2048];            /* names, separated by blanks */
	bool rendered;               /* false: FIL_PERF_RENDER=0 */
	size_t n_outlived;           /* processes of the run that still run */
	uint64_t render_ns;
};

struct fp_leaks;

/* At most 12 lines, with the marks of a terminal around what is bold; for
 * free().  leaks: of all processes, NULL when nobody made them.  NULL: out of
 * memory. */
char *fp_summary_make(const struct fp_profile *p, const struct fp_report_files *files, const struct fp_leaks *leaks);
/* bold false: without the marks.  0 or -errno of the stream. */
int fp_summary_write(const char *summary, bool bold, FILE *out);

#endif
