/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How frames are written for people: short file names, py-spy's frame text,
 * where a file comes from.  Pure text, ordinary program.
 */
#ifndef FP_TOOLS_MODEL_NAMES_H
#define FP_TOOLS_MODEL_NAMES_H

#include "tools/read/profile.h"

enum fp_origin {
	FP_ORIGIN_USER,    /* the program's own */
	FP_ORIGIN_SITE,    /* site-packages or dist-packages */
	FP_ORIGIN_STDLIB,  /* lib/python3.N, <frozen …>, built in */
	FP_ORIGIN_NATIVE,
	FP_ORIGIN_MARK,
};

enum fp_origin fp_name_origin(const struct fp_frame *f);

/* The part of file after site-packages/, dist-packages/ or lib/python3.N/,
 * else after cwd/, else the whole.  Points into file. */
const char *fp_name_short_file(const char *file, const char *cwd);

/* "qualname (file.py:LINE)" as py-spy writes it; line left out when 0 or not
 * wanted, the brackets when there is no file.  snprintf's return value. */
int fp_name_frame(const struct fp_profile *p, const struct fp_frame *f, bool lines,
		  char *out, size_t out_bytes);

/* Root frames: process PID:"cmdline" and thread (0xTID): NAME. */
int fp_name_process(const struct fp_profile_process *process, char *out, size_t out_bytes);
int fp_name_thread(const struct fp_profile_thread *thread, char *out, size_t out_bytes);

/* The top package of a file: "filare", "stdlib", "" for the program's own.
 * Written to out. */
void fp_name_package(const char *file, char *out, size_t out_bytes);

#endif
