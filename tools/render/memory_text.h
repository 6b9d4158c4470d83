/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the texts about memory have in common: the head that says what was
 * measured and how well, numbers, places.
 */
#ifndef FP_TOOLS_RENDER_MEMORY_TEXT_H
#define FP_TOOLS_RENDER_MEMORY_TEXT_H

#include "tools/model/memory_sums.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

/* -ENODATA when the profile has no memory, else 0. */
int fp_memory_text_check(const struct fp_profile *p);

/* Lines that name the run, the mode with its error and its cost, and losses. */
void fp_memory_text_head(const struct fp_profile *p, const char *what, FILE *out);
/* Opens the object that the text's JSON is, with the same facts. */
void fp_memory_json_head(struct fp_json_out *j, const struct fp_profile *p, const char *what);
/* Closes it, ends the line and the stream.  0 or the first failure. */
int fp_memory_json_end(struct fp_json_out *j);
/* "exact: …", "system allocators exact; …". */
void fp_memory_mode_text(const struct fp_profile *p, char *out, size_t out_bytes);

/* "1,234,567".  Returns out. */
#define FP_COUNT_TEXT 32
const char *fp_memory_count_text(uint64_t n, char out[FP_COUNT_TEXT]);
/* The frame in words; "[no stack]" for UINT32_MAX.  Returns out. */
const char *fp_memory_place_text(const struct fp_profile *p, uint32_t frame, bool lines, char *out, size_t out_bytes);
/* Keys function, file and line. */
void fp_memory_json_place(struct fp_json_out *j, const struct fp_profile *p, uint32_t frame, bool lines);
/* Keys <name>bytes, <name>count and, where sampled, <name>interval. */
void fp_memory_json_sum(struct fp_json_out *j, const char *name, const struct fp_memory_sum *sum);

int fp_memory_text_end(FILE *out); /* 0 or -errno of the stream */

#endif
