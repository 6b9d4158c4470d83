/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files written whole or not at all, and captures copied without their
 * reserve.  Functions return 0 or -errno.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_CLI_STORE_H
#define FP_TOOLS_CLI_STORE_H

#include <limits.h>
#include <stdio.h>

/* mkdir -p. */
int fp_store_make_dir(const char *path);
/* How many of the path's bytes name a directory that is there. */
size_t fp_store_there(const char *path);
/* Removes what fp_store_make_dir() made below the first n_there bytes, as far as
 * it is empty. */
void fp_store_unmake_dir(const char *path, size_t n_there);

/* A temporary file beside path; fp_store_commit() syncs nothing, renames, and
 * fails when any write failed. */
struct fp_store_file {
	FILE *stream;
	char path[PATH_MAX];
	char temporary[PATH_MAX];
};
int fp_store_begin(const char *path, struct fp_store_file *f);
int fp_store_commit(struct fp_store_file *f);
void fp_store_abandon(struct fp_store_file *f);

/* Copies the used parts of a capture, close together.  A file that is no
 * capture of this version is copied byte by byte. */
int fp_store_copy_capture(const char *from, const char *to);
int fp_store_copy_file(const char *from, const char *to);

/* Puts the directory made at `made` in the place of `path`. */
int fp_store_replace_dir(const char *made, const char *path);
/* Removes a directory of plain files (and directories of such). */
int fp_store_remove_dir(const char *path);

#endif
