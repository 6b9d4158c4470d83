/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a profile: interns frames, stacks and cells.  Every reader (captures,
 * text, .json, .prof) goes through this, so that equal frames and equal
 * stacks are one, whatever they came from.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_READ_BUILDER_H
#define FP_TOOLS_READ_BUILDER_H

#include "tools/read/arena.h"
#include "tools/read/profile.h"

struct fp_builder;

/* Makes an empty profile (root node only).  NULL when out of memory. */
struct fp_builder *fp_builder_create(void);
/* Frees the builder and its unfinished profile. */
void fp_builder_destroy(struct fp_builder *b);

struct fp_profile *fp_builder_profile(struct fp_builder *b);
struct fp_arena *fp_builder_arena(struct fp_builder *b);

/* A string that lives as long as the profile; equal text gives the same
 * pointer.  Cleaned as by fp_arena_text().  NULL when out of memory. */
const char *fp_builder_string(struct fp_builder *b, const char *bytes, size_t n_bytes);

/* All that follow return an index, or UINT32_MAX when out of memory.  Strings
 * of *f must come from fp_builder_string(). */
uint32_t fp_builder_frame(struct fp_builder *b, const struct fp_frame *f);
uint32_t fp_builder_node(struct fp_builder *b, uint32_t parent, uint32_t frame);
uint32_t fp_builder_process(struct fp_builder *b, const struct fp_profile_process *p);
uint32_t fp_builder_thread(struct fp_builder *b, const struct fp_profile_thread *t);

/* Adds to the cell of (thread, stack).  0 or -ENOMEM. */
int fp_builder_cell(struct fp_builder *b, const struct fp_profile_cell *c);

/* The same without looking whether there is one already: for sources whose
 * cells differ anyway.  Models add equal cells up. */
int fp_builder_cell_append(struct fp_builder *b, const struct fp_profile_cell *c);

/* Appends to the samples; calls must come thread by thread, in order.  The
 * thread's range is kept up to date.  0 or -ENOMEM. */
int fp_builder_sample(struct fp_builder *b, uint32_t thread, const struct fp_profile_sample *s);

/* Hands over the profile and frees the builder. */
struct fp_profile *fp_builder_finish(struct fp_builder *b);

#endif
