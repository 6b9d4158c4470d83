/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory tables of a capture.  Reader stage, ordinary program; the file
 * may be hostile, cut or still written.
 */
#include "tools/read/capture_file.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static void bound(uint64_t *sum)
{
	if (*sum > FP_CAPTURE_SUM_MAX)
		*sum = 0;
}

static void bound_balance(struct fp_mem_balance *b)
{
	uint64_t *sums[] = { &b->heap_bytes, &b->python_bytes, &b->python_small_bytes, &b->map_bytes,
			     &b->carrier_bytes, &b->file_map_bytes, &b->rss_anon_bytes,
			     &b->rss_file_bytes, &b->rss_shmem_bytes, &b->agent_anon_bytes,
			     &b->agent_capture_bytes, &b->stack_bytes };

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		bound(sums[i]);
	if (b->when_ns < 0 || (uint64_t)b->when_ns > FP_CAPTURE_SUM_MAX)
		b->when_ns = 0;
}

void fp_capture_memory_bound(struct fp_mem_header *m)
{
	uint64_t *sums[] = { &m->sample_bytes, &m->copy_sample_bytes, &m->heap_bytes, &m->peak_bytes,
			     &m->n_unknown_frees, &m->inherited_bytes, &m->stream_stopped_ns,
			     &m->vm_hwm_bytes, &m->peak_untouched_bytes, &m->end_untouched_bytes };

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		bound(sums[i]);
	if (m->mode > FP_MEM_EXACT)
		m->mode = FP_MEM_OFF;
	if (m->peak_when_ns < 0 || (uint64_t)m->peak_when_ns > FP_CAPTURE_SUM_MAX)
		m->peak_when_ns = 0;
	if (m->frozen_ns < 0 || (uint64_t)m->frozen_ns > FP_CAPTURE_SUM_MAX)
		m->frozen_ns = 0;
	bound_balance(&m->at_peak);
	bound_balance(&m->at_end);
}

static int copy_table(struct fp_capture *c, enum fp_region_id id, size_t item_bytes,
		      void *ret_items, uint32_t *ret_n)
{
	uint64_t n;
	int err = fp_capture_region_copy(c, id, item_bytes, ret_items, &n);

	*ret_n = (uint32_t)n;
	return err;
}

/* The stream names cells, so its end is taken first.  The header's sums are
 * read right after the cells that they are compared with. */
int fp_capture_memory_copy(struct fp_capture *c)
{
	const struct fp_region *stream = &c->header.regions[FP_REGION_MEM_STREAM];
	struct fp_mem_header *m = &c->header.mem;
	size_t n_known = c->header.header_bytes;
	int err;

	/* Copies may be all that was recorded. */
	if (m->mode == FP_MEM_OFF)
		return !m->copies ? 0 :
		       copy_table(c, FP_REGION_COPIES, sizeof(*c->copies), &c->copies, &c->n_copies);
	if (m->stream) {
		c->stream_offset_bytes = stream->offset_bytes;
		c->stream_bytes = stream->used_bytes < stream->reserved_bytes ?
				  stream->used_bytes : stream->reserved_bytes;
	}
	fp_capture_regions_refresh(c, FP_REGION_MEM_CELLS, FP_REGION_MEM_CELLS);
	err = copy_table(c, FP_REGION_MEM_CELLS, sizeof(*c->mem_cells), &c->mem_cells,
			 &c->n_mem_cells);
	if (n_known >= offsetof(struct fp_capture_header, mem) + sizeof(*m)) {
		(void)fp_capture_read_at(c->fd, m, sizeof(*m),
					 offsetof(struct fp_capture_header, mem));
		fp_capture_memory_bound(m);
	}
	if (!err)
		err = copy_table(c, FP_REGION_COPIES, sizeof(*c->copies), &c->copies, &c->n_copies);
	if (!err)
		err = copy_table(c, FP_REGION_MEM_POINTS, sizeof(*c->mem_points), &c->mem_points,
				 &c->n_mem_points);
	return err;
}

static double bound_variance(double variance)
{
	return isfinite(variance) && variance > 0 ? variance : 0;
}

static bool is_sane_cell(const struct fp_capture *c, const struct fp_mem_cell *s)
{
	return s->stack < c->n_nodes && s->thread < c->n_threads &&
	       s->allocator < FP_ALLOCATOR_MAX && s->size_class <= fp_size_class(UINT64_MAX) &&
	       s->n_allocs <= FP_CAPTURE_SUM_MAX && s->alloc_bytes <= FP_CAPTURE_SUM_MAX &&
	       s->n_frees <= FP_CAPTURE_SUM_MAX && s->freed_bytes <= FP_CAPTURE_SUM_MAX &&
	       s->n_peak <= FP_CAPTURE_SUM_MAX && s->peak_bytes <= FP_CAPTURE_SUM_MAX &&
	       s->temporary_bytes <= FP_CAPTURE_SUM_MAX && s->checkpoint_bytes <= FP_CAPTURE_SUM_MAX;
}

static void check_cells(struct fp_capture *c)
{
	if (c->n_mem_cells)
		memset(&c->mem_cells[0], 0, sizeof(c->mem_cells[0]));
	for (uint32_t i = 1; i < c->n_mem_cells; i++) {
		struct fp_mem_cell *s = &c->mem_cells[i];

		if (!is_sane_cell(c, s)) {
			memset(s, 0, sizeof(*s));
			c->n_damaged++;
		}
		s->alloc_variance = (float)bound_variance((double)s->alloc_variance);
		s->live_variance = bound_variance(s->live_variance);
		s->peak_variance = (float)bound_variance((double)s->peak_variance);
	}
}

static void check_copies(struct fp_capture *c)
{
	uint32_t kept = 0;

	for (uint32_t i = 1; i < c->n_copies; i++) {
		struct fp_copy_slot *s = &c->copies[i];
		bool sane = s->stack < c->n_nodes && s->thread < c->n_threads;

		for (int k = 0; k < FP_COPY_KINDS; k++)
			sane = sane && s->bytes[k] <= FP_CAPTURE_SUM_MAX &&
			       s->calls[k] <= FP_CAPTURE_SUM_MAX;
		s->variance = bound_variance(s->variance);
		if (sane)
			c->copies[kept++] = *s;
		else
			c->n_damaged++;
	}
	c->n_copies = kept;
}

static void check_points(struct fp_capture *c)
{
	uint64_t last_ns = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->n_mem_points; i++) {
		const struct fp_mem_point *p = &c->mem_points[i];

		if (p->when_ns < last_ns || p->when_ns > FP_CAPTURE_SUM_MAX ||
		    p->rss_bytes > FP_CAPTURE_SUM_MAX || p->heap_bytes > FP_CAPTURE_SUM_MAX ||
		    p->python_bytes > FP_CAPTURE_SUM_MAX || p->carrier_bytes > FP_CAPTURE_SUM_MAX ||
		    p->cpu_ns > FP_CAPTURE_SUM_MAX) {
			c->n_damaged++;
			continue;
		}
		last_ns = p->when_ns;
		c->mem_points[kept++] = *p;
	}
	c->n_mem_points = kept;
}

void fp_capture_memory_check(struct fp_capture *c)
{
	check_cells(c);
	check_copies(c);
	check_points(c);
}
