/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of IN behind fp_profile_read(); one file each.  All of them fill
 * a builder.  0, or -errno with one line in error.
 */
#ifndef FP_TOOLS_READ_READERS_H
#define FP_TOOLS_READ_READERS_H

#include "tools/read/builder.h"

struct fp_read_job {
	struct fp_builder *b;
	const struct fp_read_options *options;
	char *error;
	size_t error_bytes;
};

/* Writes the error line and returns err. */
int fp_read_refuse(const struct fp_read_job *job, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* True when name or number passes only_thread and the include and exclude lists. */
bool fp_read_wants_thread(const struct fp_read_options *o, const char *name, int tid);
bool fp_read_wants_process(const struct fp_read_options *o, const char *title, const char *exe,
			   int pid);
/* "a*,b" matches text? */
bool fp_read_glob_list(const char *list, const char *text);

/* profile.c: the captures of one run. */
int fp_read_captures(const struct fp_read_job *job, const char *const *paths, uint32_t n_paths);
/* collapsed.c: root;...;leaf COUNT. */
int fp_read_collapsed(const struct fp_read_job *job, const char *path, const char *text,
		      size_t n_bytes);
/* json_in.c: what render/json.c wrote. */
int fp_read_json(const struct fp_read_job *job, const char *path, const char *text,
		 size_t n_bytes);
/* prof_in.c: a marshalled pstats dictionary, ours or cProfile's. */
int fp_read_prof(const struct fp_read_job *job, const char *path, const char *bytes,
		 size_t n_bytes);

/* Takes "name (file:line)" apart into an interned frame; UINT32_MAX: memory.
 * lines: keep the line. */
uint32_t fp_read_frame_text(struct fp_builder *b, const char *text, size_t n_bytes, bool lines);

/* For sources without processes: one process of this title and one thread,
 * made at the first call.  UINT32_MAX: memory. */
uint32_t fp_read_single_thread(struct fp_builder *b, const char *title);

#endif
