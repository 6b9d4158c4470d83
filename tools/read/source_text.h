/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a source file, for reports that show code.  Names come from
 * captures: anything but a regular file of text is refused.
 */
#ifndef FP_TOOLS_READ_SOURCE_TEXT_H
#define FP_TOOLS_READ_SOURCE_TEXT_H

#include <stdint.h>

struct fp_arena;

struct fp_source_text {
	const char **lines;    /* without line ends; valid UTF-8, no control characters */
	uint32_t n_lines;      /* 0: not readable */
	int64_t changed_ns;    /* when the file was written last, realtime; 0 unknown */
};

/* path, or cwd/path.  Never fails: what cannot be read has no lines.  The
 * strings live in the arena, or as long as the program. */
void fp_source_text_read(struct fp_arena *a, const char *path, const char *cwd, struct fp_source_text *ret_text);

#endif
