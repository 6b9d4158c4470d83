/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and small tables that live as long as a profile: taken one by one,
 * freed together.  Reader stage, ordinary program, one thread.
 */
#ifndef FP_TOOLS_READ_ARENA_H
#define FP_TOOLS_READ_ARENA_H

#include <stddef.h>

struct fp_arena;

/* NULL when out of memory. */
struct fp_arena *fp_arena_create(void);
void fp_arena_destroy(struct fp_arena *a);

/* Zeroed, 16-aligned room for n bytes, or NULL. */
void *fp_arena_take(struct fp_arena *a, size_t n_bytes);

/* A NUL-ended copy of n bytes, or NULL.  Embedded NULs end the string early
 * for every C reader of it; the caller replaces them first where they matter. */
char *fp_arena_copy(struct fp_arena *a, const char *bytes, size_t n_bytes);

/* printf into the arena, or NULL. */
char *fp_arena_format(struct fp_arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A copy in which invalid UTF-8 became U+FFFD and control characters became
 * spaces: what every name goes through on its way in. */
char *fp_arena_text(struct fp_arena *a, const char *bytes, size_t n_bytes);

#endif
