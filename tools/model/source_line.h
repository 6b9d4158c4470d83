/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of a program's source, for texts that quote it.
 */
#ifndef FP_TOOLS_MODEL_SOURCE_LINE_H
#define FP_TOOLS_MODEL_SOURCE_LINE_H

#include <stddef.h>
#include <stdint.h>

/* Line number `line` of the file without the blanks around it; "" when path is
 * not absolute, no regular file, cannot be read, or is shorter. */
void fp_source_line(const char *path, uint32_t line, char *text, size_t n_bytes);

#endif
