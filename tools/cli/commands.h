/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, one per tools/cmd_*.c. */
#ifndef FP_TOOLS_CLI_COMMANDS_H
#define FP_TOOLS_CLI_COMMANDS_H

#include "tools/cli/cli.h"

extern const struct fp_command fp_command_run, fp_command_report, fp_command_flamegraph, fp_command_convert,
	fp_command_top, fp_command_ps, fp_command_config, fp_command_doctor, fp_command_generate,
	fp_command_memory, fp_command_snapshot;

#endif
