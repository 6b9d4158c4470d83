/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples of a thread as slices of equal stacks.  Model stage, ordinary
 * program; nothing per sample is allocated.
 */
#include "tools/model/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Cells of the thread laid end to end, one sample each. */
static int lay_out_cells(struct fp_timeline *t, uint32_t thread)
{
	const struct fp_profile *p = t->p;
	size_t n = 0;
	uint64_t at_us = 0;

	for (size_t i = 0; i < p->n_cells; i++)
		n += p->cells[i].thread == thread;
	t->owned = calloc(n + 1, sizeof(*t->owned));
	if (!t->owned)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_cells; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		uint64_t us = fp_profile_cell_ns(c) / 1000;

		if (c->thread != thread)
			continue;
		if (us > UINT32_MAX) /* more than an hour on one stack: as long as a slice can be */
			us = UINT32_MAX;
		t->owned[t->n++] = (struct fp_profile_sample){
			.when_us = at_us, .stack = c->stack, .weight_us = (uint32_t)us,
			.flags = c->gil_samples * 2 > c->samples ? FP_SAMPLE_GIL : 0 };
		at_us += us;
	}
	t->samples = t->owned;
	t->made = true;
	return 0;
}

int fp_timeline_start(struct fp_timeline *t, const struct fp_profile *p, uint32_t thread)
{
	memset(t, 0, sizeof(*t));
	t->p = p;
	/* a thread that waited in between is two slices, not one */
	t->merge_gap_us = 2500000u / (p->rate_hz ? p->rate_hz : 100);
	if (!p->n_samples)
		return lay_out_cells(t, thread);
	t->samples = p->samples + p->threads[thread].first_sample;
	t->n = p->threads[thread].n_samples;
	return 0;
}

/* A sample stands for the CPU before it, so its slice ends at the sample. */
static uint64_t start_of(const struct fp_timeline *t, const struct fp_profile_sample *s)
{
	if (t->made)
		return s->when_us;
	return s->when_us > s->weight_us ? s->when_us - s->weight_us : 0;
}

bool fp_timeline_next(struct fp_timeline *t, struct fp_slice *ret_slice)
{
	struct fp_slice slice;

	if (t->at >= t->n)
		return false;
	const struct fp_profile_sample *s = &t->samples[t->at++];
	slice = (struct fp_slice){ .start_us = start_of(t, s), .stack = s->stack,
				   .weight_us = s->weight_us, .n_samples = 1,
				   .n_gil_samples = (s->flags & FP_SAMPLE_GIL) != 0 };
	if (slice.start_us < t->floor_us)
		slice.start_us = t->floor_us;
	slice.end_us = t->made ? s->when_us + s->weight_us : s->when_us;
	for (; t->at < t->n; t->at++) {
		s = &t->samples[t->at];
		if (s->stack != slice.stack || start_of(t, s) > slice.end_us + t->merge_gap_us)
			break;
		slice.weight_us += s->weight_us;
		slice.n_samples++;
		slice.n_gil_samples += (s->flags & FP_SAMPLE_GIL) != 0;
		uint64_t end_us = t->made ? s->when_us + s->weight_us : s->when_us;
		if (end_us > slice.end_us)
			slice.end_us = end_us;
	}
	if (slice.end_us < slice.start_us)
		slice.end_us = slice.start_us;
	t->floor_us = slice.end_us;
	*ret_slice = slice;
	return true;
}

void fp_timeline_end(struct fp_timeline *t)
{
	free(t->owned);
	t->owned = NULL;
}
