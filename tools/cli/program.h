/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program file is, told from its bytes: whether a preloaded agent can
 * work in it.  Ordinary program.
 */
#ifndef FP_TOOLS_CLI_PROGRAM_H
#define FP_TOOLS_CLI_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

enum fp_program_kind {
	FP_PROGRAM_DYNAMIC,   /* glibc, 64 bit: the agent works */
	FP_PROGRAM_STATIC,
	FP_PROGRAM_32_BIT,
	FP_PROGRAM_FOREIGN,   /* another machine's */
	FP_PROGRAM_MUSL,
	FP_PROGRAM_SETUID,    /* set-user-ID, set-group-ID or file capabilities */
	FP_PROGRAM_SCRIPT,    /* #!, see interpreter */
	FP_PROGRAM_OTHER,     /* no program format we know */
};

struct fp_program {
	enum fp_program_kind kind;
	char interpreter[512]; /* of a script, or the loader of an ELF file */
};

/* 0 or -errno when path cannot be read. */
int fp_program_inspect(const char *path, struct fp_program *ret_program);

/* Follows #! (also through env) to the program that will run. */
int fp_program_inspect_deep(const char *path, struct fp_program *ret_program, char *final, size_t n_bytes);

/* Why no agent can work in it, and what to do; NULL when it can. */
const char *fp_program_obstacle(enum fp_program_kind kind);

/* As execvp would find it.  0; -ENOENT (127 in a shell) or -EACCES (126). */
int fp_program_find(const char *name, char *path, size_t n_bytes);

/* The agent beside this executable, or where it was installed.  0 or -ENOENT;
 * tried names both places then. */
int fp_agent_find(char *path, size_t n_bytes, char *tried, size_t tried_bytes);

#endif
