/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_sums.h.  Model stage, pure.
 */
#include "tools/model/memory_sums.h"

#include <math.h>
#include <stdio.h>

struct fp_memory_sum fp_memory_cell_sum(const struct fp_memory_cell *c, enum fp_memory_view view)
{
	double share;

	switch (view) {
	case FP_VIEW_PEAK:
		return (struct fp_memory_sum){c->n_peak, c->peak_bytes, c->peak_variance};
	case FP_VIEW_LEAKS:
		return (struct fp_memory_sum){c->n_live, c->live_bytes, c->live_variance};
	case FP_VIEW_ALL:
		return (struct fp_memory_sum){c->n_allocs, c->alloc_bytes, c->alloc_variance};
	case FP_VIEW_TEMPORARY:
		break;
	}
	/* of the same blocks, some of them */
	share = c->alloc_bytes ? (double)c->temporary_bytes / (double)c->alloc_bytes : 0;
	return (struct fp_memory_sum){c->n_temporary, c->temporary_bytes, c->alloc_variance * share};
}

void fp_memory_sum_add(struct fp_memory_sum *sum, const struct fp_memory_sum *more)
{
	sum->n += more->n;
	sum->bytes += more->bytes;
	sum->variance += more->variance;
}

void fp_memory_each(const struct fp_profile *p, const struct fp_memory_choice *choice,
		    void (*take)(void *ctx, const struct fp_memory_cell *c, const struct fp_memory_sum *sum), void *ctx)
{
	const struct fp_memory *m = p->memory;

	for (uint32_t i = 0; i < m->n_processes; i++) {
		const struct fp_memory_cell *c = m->cells + m->processes[i].first_cell;

		if (choice->process != UINT32_MAX && choice->process != i)
			continue;
		for (size_t k = 0; k < m->processes[i].n_cells; k++, c++) {
			struct fp_memory_sum sum;

			if (!fp_memory_is_heap(c->allocator))
				continue;
			sum = fp_memory_cell_sum(c, choice->view);
			if (sum.n || sum.bytes)
				take(ctx, c, &sum);
		}
	}
}

uint64_t fp_memory_half_interval(double variance)
{
	double half = variance > 0 ? 1.96 * sqrt(variance) : 0;

	return half < 1e18 ? (uint64_t)(half + 0.5) : UINT64_MAX / 16;
}

const char *fp_memory_allocator_name(uint8_t allocator)
{
	static const char *const names[FP_ALLOCATOR_MAX] = {
		[FP_ALLOCATOR_PYTHON_MALLOC] = "python malloc",
		[FP_ALLOCATOR_PYTHON_CALLOC] = "python calloc",
		[FP_ALLOCATOR_PYTHON_REALLOC] = "python realloc",
		[FP_ALLOCATOR_MALLOC] = "malloc",
		[FP_ALLOCATOR_REALLOC] = "realloc",
		[FP_ALLOCATOR_CALLOC] = "calloc",
		[FP_ALLOCATOR_POSIX_MEMALIGN] = "posix_memalign",
		[FP_ALLOCATOR_ALIGNED_ALLOC] = "aligned_alloc",
		[FP_ALLOCATOR_MEMALIGN] = "memalign",
		[FP_ALLOCATOR_VALLOC] = "valloc",
		[FP_ALLOCATOR_PVALLOC] = "pvalloc",
		[FP_ALLOCATOR_MMAP] = "mmap",
		[FP_ALLOCATOR_BRK] = "brk",
		[FP_ALLOCATOR_FILE_MAP] = "file mapping",
		[FP_ALLOCATOR_CARRIER] = "arena",
	};

	return allocator < FP_ALLOCATOR_MAX && names[allocator] ? names[allocator] : "unknown";
}

const char *fp_memory_view_name(enum fp_memory_view view)
{
	static const char *const names[] = {
		[FP_VIEW_PEAK] = "live at the peak",
		[FP_VIEW_LEAKS] = "still live at the end",
		[FP_VIEW_ALL] = "allocated in all",
		[FP_VIEW_TEMPORARY] = "temporary",
	};

	return names[view];
}

/* 1024^k, the largest that the number reaches; its name. */
static double unit_of(uint64_t n_bytes, const char **ret_name)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double unit = 1;
	unsigned k = 0;

	/* 1023.97 KiB would be printed as 1024.0 */
	while (k < 6 && (double)n_bytes / unit >= (k ? 1023.95 : 1024)) {
		unit *= 1024;
		k++;
	}
	*ret_name = names[k];
	return unit;
}

const char *fp_memory_bytes_text(uint64_t n_bytes, char out[FP_BYTES_TEXT])
{
	const char *name;
	double unit = unit_of(n_bytes, &name);

	snprintf(out, FP_BYTES_TEXT, unit > 1 ? "%.1f %s" : "%.0f %s", (double)n_bytes / unit, name);
	return out;
}

const char *fp_memory_sum_text(const struct fp_memory_sum *sum, char out[FP_SUM_TEXT])
{
	uint64_t half = fp_memory_half_interval(sum->variance);
	const char *name;
	double unit = unit_of(sum->bytes > half ? sum->bytes : half, &name);

	if (!half)
		return fp_memory_bytes_text(sum->bytes, out);
	snprintf(out, FP_SUM_TEXT, unit > 1 ? "%.1f +- %.1f %s" : "%.0f +- %.0f %s", (double)sum->bytes / unit,
		 (double)half / unit, name);
	return out;
}

/* Of one that was killed or still runs the newest point knows the time, also
 * when no CPU was sampled. */
int64_t fp_memory_end_ns(const struct fp_profile *p, const struct fp_memory_process *process)
{
	const struct fp_capture_header *h = &p->headers[process->header];
	int64_t seen_ns = h->heartbeat_monotonic_ns - h->start_monotonic_ns, point_ns = 0;

	if (h->mem.frozen_ns)
		return h->mem.frozen_ns;
	if (h->end_monotonic_ns)
		return h->end_monotonic_ns - h->start_monotonic_ns;
	if (process->n_points)
		point_ns = (int64_t)p->memory->points[process->first_point + process->n_points - 1].when_ns;
	return point_ns > seen_ns ? point_ns : seen_ns;
}
