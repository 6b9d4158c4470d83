/* SPDX-License-Identifier: Apache-2.0 */
/* IN of the commands that read: -i, an operand, or the newest run. */
#ifndef FP_TOOLS_CLI_INPUT_H
#define FP_TOOLS_CLI_INPUT_H

#include "tools/cli/cli.h"
#include "tools/read/profile.h"

/* The path; an output directory stands for its newest run.  0, or the exit
 * status after a line. */
int fp_input_path(const struct fp_cli *cli, char *path, size_t n_bytes);

/* Reads it with the command's settings and selections, with memory for the
 * second.  0, or the exit status after a line. */
int fp_input_read(const struct fp_cli *cli, const char *path, bool want_samples, struct fp_profile **ret_profile);
int fp_input_read_memory(const struct fp_cli *cli, const char *path, struct fp_profile **ret_profile);

/* --diff BASE, read alike; *ret_base is NULL without. */
int fp_input_read_base(const struct fp_cli *cli, struct fp_profile **ret_base);

#endif
