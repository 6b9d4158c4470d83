/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and reads what a command works on.  Ordinary program, one thread. */
#include "tools/cli/input.h"

#include "tools/cli/message.h"
#include "tools/cli/report_files.h"
#include "tools/cli/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int fp_input_path(const struct fp_cli *cli, char *path, size_t n_bytes)
{
	const char *given = cli->flags[FP_FLAG_INPUT];
	int n_given = cli->n_operands + (given != NULL);
	struct fp_run_capture *captures = NULL;
	int64_t changed_ns;
	struct stat st;
	size_t n = 0;

	if (n_given > 1) {
		fp_say("%s: takes one input; see filperf %s --help", cli->command->name, cli->command->name);
		return FP_STATUS_USAGE;
	}
	if (!n_given)
		return fp_runs_default_input(cli->settings.of[FP_OPTION_output_dir].text, path, n_bytes)
			       ? FP_STATUS_FAILED
			       : 0;
	if (!given)
		given = cli->operands[0];
	snprintf(path, n_bytes, "%s", given);
	if (stat(given, &st) < 0) {
		fp_say("%s: cannot be read: %s; give a <label>.filperf directory, a run directory, a capture or a "
		       "report",
		       given, strerror(errno));
		return FP_STATUS_FAILED;
	}
	if (S_ISDIR(st.st_mode) && fp_run_captures(given, &captures, &n) == 0 && n == 0)
		(void)fp_runs_newest_report(given, path, n_bytes, &changed_ns);
	free(captures);
	return 0;
}

struct wish {
	bool samples, memory;
};

static int read_profile(const struct fp_cli *cli, const char *path, const char *what, struct wish wish,
			struct fp_profile **ret_profile)
{
	struct fp_read_options o;
	char error[1024];

	fp_report_read_options(&cli->settings, &o);
	o.only_process = cli->flags[FP_FLAG_PROCESS];
	o.only_thread = cli->flags[FP_FLAG_THREAD];
	o.want_samples = wish.samples;
	o.want_memory = wish.memory;
	if (fp_profile_read(path, &o, ret_profile, error, sizeof(error)) == 0)
		return 0;
	fp_say("%s%s", what, error);
	return FP_STATUS_FAILED;
}

int fp_input_read(const struct fp_cli *cli, const char *path, bool want_samples, struct fp_profile **ret_profile)
{
	return read_profile(cli, path, "", (struct wish){.samples = want_samples}, ret_profile);
}

int fp_input_read_memory(const struct fp_cli *cli, const char *path, struct fp_profile **ret_profile)
{
	return read_profile(cli, path, "", (struct wish){.memory = true}, ret_profile);
}

int fp_input_read_base(const struct fp_cli *cli, struct fp_profile **ret_base)
{
	*ret_base = NULL;
	if (!cli->flags[FP_FLAG_DIFF])
		return 0;
	return read_profile(cli, cli->flags[FP_FLAG_DIFF], "--diff: ", (struct wish){0}, ret_base);
}
