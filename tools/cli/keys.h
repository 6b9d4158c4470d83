/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single keys from the terminal on stdin, for views that repaint.  Ordinary
 * program, one thread; signals still come from Ctrl-C and Ctrl-Z.
 */
#ifndef FP_TOOLS_CLI_KEYS_H
#define FP_TOOLS_CLI_KEYS_H

#include <stdbool.h>

enum fp_key {
	FP_KEY_NONE,     /* time is up, a signal came, or a key without a name here */
	FP_KEY_UP = 256, /* below: the character itself */
	FP_KEY_DOWN,
	FP_KEY_PAGE_UP,
	FP_KEY_PAGE_DOWN,
	FP_KEY_HOME,
	FP_KEY_END,
};

/* False, and nothing changed, when stdin is no terminal or not ours to read
 * (a job in the background). */
bool fp_keys_begin(void);
/* The terminal as it was; also without a begin. */
void fp_keys_end(void);

/* Waits at most so long for a key; returns at once when a signal comes. */
int fp_keys_wait(int milliseconds);

#endif
