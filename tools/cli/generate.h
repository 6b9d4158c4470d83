/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is written from the command and option tables.  Ordinary
 * program.  A failed write shows in ferror(out).
 */
#ifndef FP_TOOLS_CLI_GENERATE_H
#define FP_TOOLS_CLI_GENERATE_H

#include "tools/cli/cli.h"

void fp_generate_man(const struct fp_command *c, FILE *out); /* c NULL: filperf.1 */
void fp_generate_bash(FILE *out);
void fp_generate_zsh(FILE *out);
void fp_generate_fish(FILE *out);
void fp_generate_settings_table(FILE *out); /* Markdown */
void fp_generate_pydantic(FILE *out);

#endif
