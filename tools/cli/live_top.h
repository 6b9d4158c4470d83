/* SPDX-License-Identifier: Apache-2.0 */
/* The table of `filperf top --live`, repainted; keys on a terminal. */
#ifndef FP_TOOLS_CLI_LIVE_TOP_H
#define FP_TOOLS_CLI_LIVE_TOP_H

#include "tools/cli/cli.h"
#include "tools/render/top.h"

/* Reads path each every_s seconds and paints until the run ends, a signal
 * comes or q is pressed.  The exit status. */
int fp_live_top(const struct fp_cli *cli, const char *path, const struct fp_top_options *o, double every_s);

#endif
