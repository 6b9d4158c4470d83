/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples in time order, thread by thread, for the formats that need it.
 * A profile without order (collapsed text, .prof) gets one made of its cells,
 * laid end to end, and says so.
 */
#ifndef FP_TOOLS_MODEL_TIMELINE_H
#define FP_TOOLS_MODEL_TIMELINE_H

#include "tools/read/profile.h"

/* A run of equal consecutive stacks of one thread. */
struct fp_slice {
	uint64_t start_us;      /* since the profile's start */
	uint64_t end_us;        /* start + weight, never past the next slice's start */
	uint64_t weight_us;     /* CPU */
	uint32_t stack;
	uint32_t n_samples;
	uint32_t n_gil_samples;
};

struct fp_timeline {
	const struct fp_profile *p;
	const struct fp_profile_sample *samples;
	size_t n, at;
	uint64_t merge_gap_us;  /* samples further apart are not merged */
	uint64_t floor_us;      /* end of the last slice */
	bool made;              /* of cells: order is not the program's */
	struct fp_profile_sample *owned;
};

/* Starts over thread's samples.  0 or -ENOMEM. */
int fp_timeline_start(struct fp_timeline *t, const struct fp_profile *p, uint32_t thread);
/* The next slice; false at the end. */
bool fp_timeline_next(struct fp_timeline *t, struct fp_slice *ret_slice);
void fp_timeline_end(struct fp_timeline *t);

#endif
