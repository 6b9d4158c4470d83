/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has an order in time in Scalene's JSON: the heap, the samples of a line,
 * the stacks one after the other.  Render stage.
 */
#include "tools/render/scalene_json.h"

#include <errno.h>
#include <stdlib.h>

#define MOST_SPARKS 100u
#define MOST_RUNS 20000u
#define MOST_TIMES 100u
#define MOST_SAMPLES INT32_MAX

void fp_scalene_heap(const struct fp_scalene_job *job)
{
	size_t n = job->s->n_points, step = n / MOST_SPARKS + 1;
	uint64_t last = UINT64_MAX;

	fp_json_key(job->j, "samples");
	fp_json_open(job->j, '[');
	for (size_t i = 0; i < n; i += step) {
		size_t best = i;

		for (size_t k = i; k < i + step && k < n; k++)
			if (job->s->points[k].heap_bytes > job->s->points[best].heap_bytes)
				best = k;
		if (job->s->points[best].when_ns != last)
			fp_scalene_pair(job->j, job->s->points[best].when_ns, job->s->points[best].heap_bytes);
		last = job->s->points[best].when_ns;
	}
	fp_json_close(job->j, ']');
}

int fp_scalene_times_begin(struct fp_scalene_job *job)
{
	const struct fp_profile *p = job->p;
	uint32_t n_lines = job->s->n_lines, *seen = calloc((size_t)n_lines + 1, sizeof(*seen)), sum = 0;

	job->first_time = calloc((size_t)n_lines + 1, sizeof(*job->first_time));
	job->times = NULL;
	if (!seen || !job->first_time) {
		free(seen);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n_samples && i < MOST_SAMPLES; i++) {
		uint32_t line = job->s->line_of_node[p->samples[i].stack];

		if (line != FP_SOURCE_NONE)
			seen[line]++;
	}
	for (uint32_t i = 0; i < n_lines; i++) {
		job->first_time[i] = sum;
		sum += seen[i];
		seen[i] = 0;
	}
	job->first_time[n_lines] = sum;
	job->times = malloc(((size_t)sum + 1) * sizeof(*job->times));
	for (size_t i = 0; job->times && i < p->n_samples && i < MOST_SAMPLES; i++) {
		uint32_t line = job->s->line_of_node[p->samples[i].stack];

		if (line != FP_SOURCE_NONE)
			job->times[job->first_time[line] + seen[line]++] = (uint32_t)(p->samples[i].when_us / 1000);
	}
	free(seen);
	return job->times ? 0 : -ENOMEM;
}

void fp_scalene_times(const struct fp_scalene_job *job, uint32_t line)
{
	uint32_t first = job->first_time[line], n = job->first_time[line + 1] - first;
	uint32_t step = (n + MOST_TIMES - 1) / MOST_TIMES;

	for (uint32_t i = 0; i < n; i += step)
		fp_json_fixed(job->j, job->times[first + i], 3);
}

struct run {
	uint64_t when_us;
	uint32_t index, count;
	int32_t tid;
};

static int by_when(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->when_us < y->when_us ? -1 : x->when_us > y->when_us ? 1 : x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* Of each thread's samples, every step-th stands for the ones up to the next. */
static size_t find_runs(const struct fp_profile *p, const uint32_t *index_of, size_t step, struct run *runs)
{
	size_t n = 0;

	for (uint32_t k = 0; k < p->n_threads; k++) {
		const struct fp_profile_thread *t = &p->threads[k];
		size_t first = n;

		for (size_t i = 0; i < t->n_samples; i += step) {
			const struct fp_profile_sample *sample = &p->samples[t->first_sample + i];
			uint32_t index = index_of[sample->stack];
			uint32_t count = (uint32_t)(t->n_samples - i < step ? t->n_samples - i : step);

			if (index == UINT32_MAX)
				continue;
			if (n > first && runs[n - 1].index == index)
				runs[n - 1].count += count;
			else
				runs[n++] = (struct run){ sample->when_us, index, count, t->tid };
		}
	}
	return n;
}

int fp_scalene_timeline(const struct fp_scalene_job *job, const uint32_t *index_of)
{
	const struct fp_profile *p = job->p;
	struct fp_json_out *j = job->j;
	size_t step = p->n_samples / MOST_RUNS + 1, n;
	struct run *runs = calloc(p->n_samples / step + p->n_threads + 1, sizeof(*runs));

	if (!runs)
		return -ENOMEM;
	n = find_runs(p, index_of, step, runs);
	qsort(runs, n, sizeof(*runs), by_when);
	fp_json_key(j, "combined_stacks_timeline");
	fp_json_open(j, '[');
	for (size_t i = 0; i < n; i++) {
		fp_json_open(j, '{');
		fp_json_key(j, "t_sec");
		fp_json_fixed(j, runs[i].when_us, 6);
		fp_json_key(j, "stack_index");
		fp_json_uint(j, runs[i].index);
		fp_json_key(j, "count");
		fp_json_uint(j, runs[i].count);
		fp_json_key(j, "thread_id");
		fp_json_int(j, runs[i].tid);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
	fp_json_newline(j);
	free(runs);
	return 0;
}
