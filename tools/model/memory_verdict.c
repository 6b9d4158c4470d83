/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict on what is held.  Four tests, each against one kind of honest
 * program; a leak passes all.  Model stage, pure.
 */
#include "tools/model/memory_leaks.h"

#include <math.h>

#define LEAST_BYTES (64u << 10)
#define LEAST_SPAN_MS 1000.0
#define LEAST_SCORE 0.95
#define GROWS_SCORE 0.75
#define CHANCE 0.001          /* of a steady growth that fails a test */
#define PAUSE_ALLOWED 0.05    /* of the checkpoints: work at the end of a run */
#define PACE_ALLOWED 0.07     /* growth that is a little uneven */
#define PACE_BY_CHANCE (2.8 * 0.28867513) /* of one growth: 99.5 % of what is spread evenly over 0..1 */
#define WALL_ALLOWED 0.22     /* where the pace is even by the CPU that was spent */
#define CHECKPOINT_SCALE_MS 2560.0 /* checkpoints are 20 ms apart at first and twice as far at this time */

const char *fp_leak_verdict_name(enum fp_leak_verdict verdict)
{
	return verdict == FP_LEAK_YES ? "leak" : verdict == FP_LEAK_GROWS ? "grows" : "held";
}

double fp_leak_score(const struct fp_leak_facts *f)
{
	return (f->ups + 1) / (f->ups + f->downs + 2);
}

/* Where the first allocation lay among the checkpoints. */
static double first_checkpoint(const struct fp_leak_facts *f, const struct fp_leak_clock *clock)
{
	double all = log1p(clock->end_ms / CHECKPOINT_SCALE_MS);

	if (all <= 0 || f->first_ms >= clock->end_ms)
		return clock->n_checkpoints;
	return clock->n_checkpoints * log1p((double)f->first_ms / CHECKPOINT_SCALE_MS) / all;
}

/* A cache that filled, a data set that was loaded, a pool, a warm-up: the last
 * growth lies longer back than chance gives a growth that goes on. */
static bool goes_on(const struct fp_leak_facts *f, const struct fp_leak_clock *clock)
{
	double first = first_checkpoint(f, clock), grew_for = f->last_up - first;
	double per_checkpoint = grew_for > f->ups ? f->ups / grew_for : 1;
	double allowed = PAUSE_ALLOWED * (clock->n_checkpoints - first) + 2;
	double by_chance;

	if (f->ups <= 0)
		return false;
	by_chance = per_checkpoint < 0.95 ? log(CHANCE) / log1p(-per_checkpoint) : 0;
	return clock->n_checkpoints - f->last_up <= (by_chance > allowed ? by_chance : allowed);
}

/* How many growths there were: checkpoints that saw some say how often there was none, and
 * what comes at random comes so often, then. */
static double growths(const struct fp_leak_facts *f, const struct fp_leak_clock *clock)
{
	double grew_for = f->last_up - first_checkpoint(f, clock);

	if (grew_for < f->ups)
		grew_for = f->ups;
	return grew_for > 0 ? -grew_for * log1p(-f->ups / (grew_for + 1)) : 0;
}

/* What grew steadily has an age of half its time on average: a cache that fills
 * ever more slowly is older, what is given back in batches is younger.  A busy machine makes the pace
 * uneven by the clock, not by the CPU spent; a program that waits after its
 * warm-up makes it even by the CPU alone. */
static bool is_steady(const struct fp_leak_facts *f, const struct fp_leak_clock *clock)
{
	double span_ms = clock->end_ms - f->first_ms, uneven;
	double allowed = PACE_ALLOWED + PACE_BY_CHANCE / sqrt(fmax(growths(f, clock), 1));

	if (span_ms <= 0)
		return false;
	uneven = fabs(f->age_ms / span_ms - 0.5);
	return uneven <= allowed || (f->cpu_age >= 0 && fabs(f->cpu_age - 0.5) <= allowed && uneven <= WALL_ALLOWED);
}

enum fp_leak_verdict fp_leak_judge(const struct fp_leak_facts *f, const struct fp_leak_clock *clock)
{
	double score = fp_leak_score(f);

	if (score < GROWS_SCORE || f->live.bytes < LEAST_BYTES ||
	    f->live.bytes <= fp_memory_half_interval(f->live.variance) || !goes_on(f, clock))
		return FP_LEAK_HELD;
	if (score >= LEAST_SCORE && clock->end_ms - f->first_ms >= LEAST_SPAN_MS &&
	    is_steady(f, clock))
		return FP_LEAK_YES;
	return FP_LEAK_GROWS;
}
