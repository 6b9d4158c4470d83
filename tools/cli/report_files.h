/* SPDX-License-Identifier: Apache-2.0 */
/* The report files of a profile.  Ordinary program. */
#ifndef FP_TOOLS_CLI_REPORT_FILES_H
#define FP_TOOLS_CLI_REPORT_FILES_H

#include "tools/cli/report.h"
#include "tools/render/render.h"

/* How settings say to read. */
void fp_report_read_options(const struct fp_settings *s, struct fp_read_options *ret_options);
/* The renderers that settings ask for, in the order of the settings' lists,
 * without those that this filperf does not have; their number. */
#define FP_REPORT_WANTED_MAX 24
size_t fp_report_wanted(const struct fp_settings *s, const struct fp_renderer *ret_wanted[FP_REPORT_WANTED_MAX]);
void fp_report_render_options(const struct fp_settings *s, const struct fp_profile *p,
			      struct fp_render_options *ret_options);

struct fp_report_render {
	const struct fp_profile *profile;
	const struct fp_settings *settings;
	struct fp_report_files *files; /* label, output_dir in; files out */
	const char *output_file;       /* py-spy's one report's path; "" or NULL: by label */
	const char *run_cwd;           /* what relative paths of the run's settings mean */
	const char *diff;              /* BASE, or NULL */
	struct fp_render_shared *shared; /* empty; the caller drops it */
};

/* Writes each report that is wanted and has something to show.  0; -errno
 * with the path that failed; a positive exit status after a line. */
int fp_report_render_all(const struct fp_report_render *render, char *ret_failed, size_t n_bytes);

/* Writes one file whole or not at all; "-" is stdout.  0 or -errno. */
int fp_report_render_one(const struct fp_renderer *r, const struct fp_profile *p, const struct fp_render_options *o,
			 const char *path);

/* path as one would type it here. */
void fp_report_shown_path(const char *path, char *shown, size_t n_bytes);

#endif
