/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame keys of one capture become frames of the profile: Python lines by the
 * line tables, natives by symbols, marks by FP_MARKS.  Each key is resolved
 * once.
 */
#ifndef FP_TOOLS_READ_CAPTURE_FRAMES_H
#define FP_TOOLS_READ_CAPTURE_FRAMES_H

#include "tools/read/builder.h"
#include "tools/read/capture.h"

struct fp_capture_frames;

struct fp_symbols;

/* c, o and symbols must outlive it.  native: native stacks were recorded.
 * symbols NULL: native frames stay module+offset.  NULL: out of memory. */
struct fp_capture_frames *fp_capture_frames_create(struct fp_builder *b,
						   const struct fp_capture *c,
						   const struct fp_read_options *o,
						   bool native, struct fp_symbols *symbols);
/* The same for the stacks that follow, of a kind that was recorded otherwise. */
void fp_capture_frames_are_native(struct fp_capture_frames *f, bool native);
void fp_capture_frames_destroy(struct fp_capture_frames *f);

/* The node for key under parent; a native key may add several frames, as
 * inlined functions are.  How threads and programs begin adds nothing below the
 * root: parent is returned.  In a Python process recorded without native stacks, what
 * runs outside any Python frame is one mark.  UINT32_MAX: out of memory. */
uint32_t fp_capture_frames_push(struct fp_capture_frames *f, uint32_t parent, uint64_t key);

/* The node of a stack that has nothing but key, which is shown whatever it
 * is.  UINT32_MAX: out of memory. */
uint32_t fp_capture_frames_push_alone(struct fp_capture_frames *f, uint64_t key);

#endif
