/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture whose lines have CPU, memory, copies and a leak.
 */
#ifndef FP_TESTS_MAKE_LINES_H
#define FP_TESTS_MAKE_LINES_H

/* The capture, and in dir the sources that it names. */
void make_lines(const char *dir, const char *path);

#endif
