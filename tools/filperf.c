/* SPDX-License-Identifier: Apache-2.0 */
/* filperf: the table of subcommands.  Ordinary program, one thread. */
#include "tools/cli/commands.h"
#include "tools/cli/heap.h"
#include "tools/cli/message.h"

#include <signal.h>
#include <string.h>

const struct fp_command *const fp_commands[] = {
	&fp_command_run,    &fp_command_report, &fp_command_flamegraph, &fp_command_convert, &fp_command_top,
	&fp_command_memory, &fp_command_snapshot, &fp_command_ps,	    &fp_command_config, &fp_command_doctor,	&fp_command_generate, NULL,
};

const struct fp_command *fp_command_find(const char *name)
{
	for (const struct fp_command *const *c = fp_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct fp_command *command;
	struct fp_cli cli;
	int status;

	if (argc < 2) {
		fp_help_all(stderr);
		return FP_STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		command = argc > 2 ? fp_command_find(argv[2]) : NULL;
		if (command)
			fp_help_command(command, stdout);
		else
			fp_help_all(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("filperf " FP_VERSION);
		return 0;
	}
	command = fp_command_find(argv[1]);
	if (!command) {
		fp_say("%s: no such command; filperf --help lists them", argv[1]);
		return FP_STATUS_USAGE;
	}
	/* a file size limit is an error to report, not a death; run must hand on
	 * the signal as it came */
	if (command != &fp_command_run)
		(void)signal(SIGXFSZ, SIG_IGN);
	fp_heap_prepare();
	status = fp_cli_parse(&cli, command, argc - 1, argv + 1);
	if (status < 0)
		status = command->run(&cli);
	fp_cli_free(&cli);
	if (status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
		fp_say("cannot write to stdout: the disk is full, or the reader is gone");
		status = FP_STATUS_FAILED;
	}
	return status;
}
