/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What filperf says: one-line errors, colours, progress.  Ordinary program,
 * one thread; writes to stderr only, unless told a stream.
 */
#ifndef FP_TOOLS_CLI_MESSAGE_H
#define FP_TOOLS_CLI_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FP_STATUS_FAILED 1
#define FP_STATUS_USAGE 2

/* "filperf: what: why; what to do" and a line end, in one write.  Control
 * characters become '?'. */
void fp_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Until told otherwise fp_say() is silent. */
void fp_say_nothing(bool silent);

/* Whether to colour what goes to stream: a terminal, and NO_COLOR unset. */
bool fp_may_colour(FILE *stream);

/* Columns of the terminal behind stream; 0: no terminal. */
unsigned int fp_terminal_columns(FILE *stream);

/* For fp_read_options.progress: a line on stderr after 300 ms, when stderr is a
 * terminal; by SIGALRM, until fp_progress_clear(). */
void fp_progress_show(void *ctx, const char *what, uint64_t done, uint64_t all);
/* Takes the line away; call before other output. */
void fp_progress_clear(void);

#endif
