/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to call a process: its script, module or program.  Pure text.
 */
#ifndef FP_TOOLS_READ_TITLE_H
#define FP_TOOLS_READ_TITLE_H

#include <stdbool.h>
#include <stddef.h>

/* cmdline: NUL-separated arguments.  "python -m x" gives x, "python p/s.py"
 * s.py, anything else the program's own name. */
void fp_title_of_cmdline(const char *exe, const char *cmdline, size_t n_bytes, bool is_python,
			 char *out, size_t out_bytes);

/* The arguments as one would type them; cut to fit. */
void fp_title_quote(const char *cmdline, size_t n_bytes, char *out, size_t out_bytes);

#endif
