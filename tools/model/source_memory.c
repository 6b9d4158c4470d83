/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of the process tree over time, and leaks on their lines.  Model
 * stage, ordinary program.
 */
#include "tools/model/memory_leaks.h"
#include "tools/model/source_parts.h"

#include <errno.h>
#include <stdlib.h>

struct step {
	uint64_t when_ns;
	uint32_t process;         /* of memory */
	uint64_t heap_bytes, rss_bytes;
};

static int by_time(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return x->when_ns < y->when_ns ? -1 : x->when_ns > y->when_ns ? 1 : x->process < y->process ? -1 :
	       x->process > y->process;
}

static int64_t first_start(const struct fp_profile *p)
{
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < p->n_headers; i++)
		if (p->headers[i].start_monotonic_ns < first)
			first = p->headers[i].start_monotonic_ns;
	return first;
}

static bool is_python_domain(uint8_t allocator)
{
	return allocator >= FP_ALLOCATOR_PYTHON_MALLOC && allocator <= FP_ALLOCATOR_PYTHON_REALLOC;
}

static double byte_ns_of(const struct fp_memory_cell *c)
{
	return 1e6 * ((double)c->lived_byte_ms + (double)c->live_bytes * (double)c->age_mean_ms);
}

static void add_memory(struct fp_source_sums *to, const struct fp_memory_cell *c)
{
	to->n_allocs += c->n_allocs;
	to->n_frees += c->n_allocs > c->n_live ? c->n_allocs - c->n_live : 0;
	to->n_live += c->n_live;
	to->alloc_bytes += c->alloc_bytes;
	if (is_python_domain(c->allocator))
		to->python_bytes += c->alloc_bytes;
	to->peak_bytes += c->peak_bytes;
	to->live_bytes += c->live_bytes;
	to->alloc_variance += c->alloc_variance;
}

void fp_source_sum_memory(const struct fp_profile *p, const uint32_t *frame_of_node, struct fp_source_sums *sums)
{
	const struct fp_memory *m = p->memory;
	int64_t zero = first_start(p);

	for (uint32_t i = 0; i < m->n_processes; i++) {
		const struct fp_memory_process *process = &m->processes[i];
		uint64_t start = (uint64_t)(p->headers[process->header].start_monotonic_ns - zero);

		for (size_t k = process->first_cell; k < process->first_cell + process->n_cells; k++) {
			const struct fp_memory_cell *c = &m->cells[k];
			uint32_t frame = frame_of_node[c->stack];
			struct fp_source_sums times = { .byte_ns = byte_ns_of(c),
							.first_ns = c->n_allocs ? start + 1000000ull * c->first_ms + 1 : 0 };

			if (!fp_memory_is_heap(c->allocator))
				continue;
			frame = frame == FP_SOURCE_NONE ? p->n_frames : frame;
			add_memory(&sums[frame], c);
			fp_source_sums_add(&sums[frame], &times);
		}
	}
}

/* Each process's points, and its peak and its end, after which it has nothing. */
static size_t list_steps(const struct fp_profile *p, struct step *steps)
{
	const struct fp_memory *m = p->memory;
	int64_t zero = first_start(p);
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_processes; i++) {
		const struct fp_memory_process *process = &m->processes[i];
		const struct fp_capture_header *h = &p->headers[process->header];
		uint64_t start = h->start_monotonic_ns > zero ? (uint64_t)(h->start_monotonic_ns - zero) : 0;
		uint64_t rss = 0;

		for (size_t k = process->first_point; k < process->first_point + process->n_points; k++) {
			rss = m->points[k].rss_bytes;
			steps[n++] = (struct step){ start + m->points[k].when_ns, i, m->points[k].heap_bytes, rss };
		}
		if (h->mem.peak_when_ns >= 0)
			steps[n++] = (struct step){ start + (uint64_t)h->mem.peak_when_ns, i, h->mem.peak_bytes, rss };
		if (h->end_monotonic_ns > h->start_monotonic_ns)
			steps[n++] = (struct step){ (uint64_t)(h->end_monotonic_ns - zero), i, 0, 0 };
	}
	qsort(steps, n, sizeof(*steps), by_time);
	return n;
}

int fp_source_timeline(const struct fp_profile *p, struct fp_source_lines *s)
{
	const struct fp_memory *m = p->memory;
	struct step *steps = calloc(m->n_points + 2 * (size_t)m->n_processes + 1, sizeof(*steps));
	struct step *last = calloc((size_t)m->n_processes + 1, sizeof(*last));
	uint64_t heap = 0, rss = 0;
	size_t n;

	s->points = calloc(m->n_points + 2 * (size_t)m->n_processes + 1, sizeof(*s->points));
	if (!steps || !last || !s->points) {
		free(steps);
		free(last);
		return -ENOMEM;
	}
	n = list_steps(p, steps);
	for (size_t i = 0; i < n; i++) {
		struct step *of = &last[steps[i].process];

		heap += steps[i].heap_bytes - of->heap_bytes;
		rss += steps[i].rss_bytes - of->rss_bytes;
		*of = steps[i];
		s->points[s->n_points++] = (struct fp_source_point){ steps[i].when_ns, heap, rss };
		if (heap > s->peak_bytes) {
			s->peak_bytes = heap;
			s->peak_when_ns = steps[i].when_ns;
		}
	}
	free(steps);
	free(last);
	return 0;
}

int fp_source_mark_leaks(const struct fp_profile *p, const struct fp_leaks *leaks, const uint32_t *frame_of_node,
			 struct fp_source_sums *sums)
{
	struct fp_leaks *made = NULL;
	int err = leaks ? 0 : fp_leaks_make(p, UINT32_MAX, &made);

	if (err)
		return err;
	leaks = leaks ? leaks : made;
	for (uint32_t i = 0; i < leaks->n_leaks && i < leaks->n_rows; i++) {
		const struct fp_leak *leak = &leaks->rows[i];
		struct fp_source_sums mark = { .leak_likelihood = leak->score };

		if (leak->span_ms > 0)
			mark.leak_bytes_s = 1e3 * (double)leak->facts.live.bytes / leak->span_ms;
		if (leak->verdict == FP_LEAK_YES && frame_of_node[leak->stack] != FP_SOURCE_NONE)
			fp_source_sums_add(&sums[frame_of_node[leak->stack]], &mark);
	}
	fp_leaks_destroy(made);
	return 0;
}
