/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory tables of captures become fp_memory.  Reader stage, ordinary
 * program; fp_capture_open has checked every id.
 */
#include "tools/read/memory_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct fp_memory *memory_of(struct fp_profile *p)
{
	if (!p->memory)
		p->memory = calloc(1, sizeof(*p->memory));
	return p->memory;
}

void fp_memory_destroy(struct fp_memory *m)
{
	if (!m)
		return;
	free(m->cells);
	free(m->copies);
	free(m->processes);
	free(m->points);
	free(m);
}

/* Room for n_more items behind n.  0 or -ENOMEM. */
static int make_room(void *items_pointer, size_t n, size_t n_more, size_t item_bytes)
{
	void *items, *moved;

	memcpy(&items, items_pointer, sizeof(items));
	moved = reallocarray(items, n + n_more + 1, item_bytes);
	if (!moved)
		return -ENOMEM;
	memcpy(items_pointer, &moved, sizeof(moved));
	return 0;
}

/* A live writer may be between the two halves of an event. */
static uint64_t above(uint64_t more, uint64_t less)
{
	return more > less ? more - less : 0;
}

static uint64_t counted(const struct fp_mem_cell *s, uint64_t n)
{
	return s->flags & FP_MEM_CELL_SAMPLED ?
	       (n + FP_MEM_SAMPLED_UNIT / 2) / FP_MEM_SAMPLED_UNIT : n;
}

/* Of the capture, in ms since its start; nothing was counted after it. */
static uint64_t end_ms(const struct fp_capture_header *h)
{
	int64_t end_ns = h->end_monotonic_ns ? h->end_monotonic_ns : h->heartbeat_monotonic_ns;
	int64_t since_ns = end_ns - h->start_monotonic_ns;

	if (h->mem.frozen_ns)
		since_ns = h->mem.frozen_ns;
	return since_ns > 0 ? (uint64_t)since_ns / 1000000 : 0;
}

struct cell_view {
	bool peak_is_live; /* the heap is at its largest now */
	uint32_t peak_id;
	uint64_t end_ms;
};

static uint64_t live_heap_bytes(const struct fp_capture *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < c->n_mem_cells; i++) {
		const struct fp_mem_cell *s = &c->mem_cells[i];

		if (fp_memory_is_heap(s->allocator))
			sum += above(s->alloc_bytes, s->freed_bytes);
	}
	return sum;
}

static struct fp_memory_cell cell_of(const struct fp_mem_cell *s, const struct cell_view *view)
{
	uint64_t n_live = above(s->n_allocs, s->n_frees);
	struct fp_memory_cell cell = {
		.allocator = s->allocator, .size_class = s->size_class, .node = s->stack,
		.sampled = s->flags & FP_MEM_CELL_SAMPLED, .n_allocs = counted(s, s->n_allocs),
		.alloc_bytes = s->alloc_bytes, .n_live = counted(s, n_live),
		.live_bytes = above(s->alloc_bytes, s->freed_bytes),
		.n_temporary = counted(s, s->n_temporary), .temporary_bytes = s->temporary_bytes,
		.first_ms = s->first_ms, .ups = s->ups, .downs = s->downs, .last_up = s->last_up,
		.checkpoint_bytes = s->checkpoint_bytes, .lived_byte_ms = s->lived_byte_ms,
	};
	/* A cell that no event touched since the last edge stands as it stood there. */
	bool own_peak = !view->peak_is_live && (int32_t)(s->peak_id - view->peak_id) >= 0;

	cell.n_peak = own_peak ? counted(s, s->n_peak) : cell.n_live;
	cell.peak_bytes = own_peak ? s->peak_bytes : cell.live_bytes;
	if (cell.sampled) {
		cell.alloc_variance = (double)s->alloc_variance;
		cell.live_variance = s->live_variance;
		cell.peak_variance = own_peak ? (double)s->peak_variance : s->live_variance;
	}
	if (n_live)
		cell.age_mean_ms = above(view->end_ms, s->birth_sum_ms / n_live);
	return cell;
}

static int take_cells(const struct fp_memory_intake *in, struct fp_memory *m,
		      struct fp_memory_process *process, struct fp_memory_stream_cell *stream_cells)
{
	const struct fp_capture *c = in->c;
	const struct fp_mem_header *h = &c->header.mem;
	struct cell_view view = { .peak_is_live = live_heap_bytes(c) > h->peak_bytes,
				  .peak_id = h->peak_id, .end_ms = end_ms(&c->header) };
	int err = make_room(&m->cells, m->n_cells, c->n_mem_cells, sizeof(*m->cells));

	process->first_cell = m->n_cells;
	for (uint32_t i = 1; i < c->n_mem_cells && !err; i++) {
		const struct fp_mem_cell *s = &c->mem_cells[i];
		struct fp_memory_stream_cell *id = &stream_cells[i];

		*id = (struct fp_memory_stream_cell){ .cell = UINT32_MAX, .thread = UINT32_MAX,
						      .allocator = s->allocator,
						      .size_class = s->size_class };
		if (s->thread < c->n_threads)
			id->thread = in->thread_of[s->thread];
		if (id->thread == UINT32_MAX || !s->n_allocs || m->n_cells >= UINT32_MAX - 1)
			continue;
		struct fp_memory_cell *cell = &m->cells[m->n_cells];
		*cell = cell_of(s, &view);
		cell->thread = id->thread;
		cell->stack = in->node_of[s->stack];
		id->cell = (uint32_t)m->n_cells++;
	}
	process->n_cells = m->n_cells - process->first_cell;
	return err;
}

static int take_copies(const struct fp_memory_intake *in, struct fp_memory *m)
{
	const struct fp_capture *c = in->c;
	int err = make_room(&m->copies, m->n_copies, c->n_copies, sizeof(*m->copies));

	for (uint32_t i = 0; i < c->n_copies && !err; i++) {
		const struct fp_copy_slot *s = &c->copies[i];
		struct fp_memory_copy copy = { .thread = in->thread_of[s->thread],
					       .stack = in->node_of[s->stack],
					       .variance = s->variance, .n_samples = s->n_samples };
		if (copy.thread == UINT32_MAX)
			continue;
		for (int k = 0; k < FP_COPY_KINDS; k++) {
			copy.bytes[k] = s->bytes[k];
			copy.calls[k] = (s->calls[k] + FP_MEM_SAMPLED_UNIT / 2) / FP_MEM_SAMPLED_UNIT;
		}
		m->copies[m->n_copies++] = copy;
	}
	return err;
}

static int take_points(const struct fp_capture *c, struct fp_memory *m,
		       struct fp_memory_process *process)
{
	int err = make_room(&m->points, m->n_points, c->n_mem_points, sizeof(*m->points));

	if (err)
		return err;
	process->first_point = m->n_points;
	process->n_points = c->n_mem_points;
	if (c->n_mem_points)
		memcpy(&m->points[m->n_points], c->mem_points,
		       c->n_mem_points * sizeof(*m->points));
	m->n_points += c->n_mem_points;
	return 0;
}

static int note_stream(const struct fp_memory_intake *in, struct fp_memory_process *process,
		       const struct fp_memory_stream_cell *cells)
{
	const struct fp_capture *c = in->c;
	struct fp_arena *arena = fp_builder_arena(in->b);
	struct fp_memory_stream *s = fp_arena_take(arena, sizeof(*s));
	uint32_t *threads = fp_arena_take(arena, (c->n_threads + 1ul) * sizeof(*threads));
	struct stat st = { 0 };

	if (!s || !threads)
		return -ENOMEM;
	if (c->n_threads)
		memcpy(threads, in->thread_of, c->n_threads * sizeof(*threads));
	(void)fstat(c->fd, &st);
	*s = (struct fp_memory_stream){ .device = st.st_dev, .inode = st.st_ino,
					.offset_bytes = c->stream_offset_bytes,
					.n_bytes = c->stream_bytes, .cells = cells,
					.n_cells = c->n_mem_cells, .threads = threads,
					.n_threads = c->n_threads };
	process->stream = s;
	return 0;
}

/* The agent writes these down at ticks, at falls from a peak and at the end;
 * cells are always up to date. */
static void complete_header(struct fp_capture_header *h, const struct fp_capture *c)
{
	struct fp_mem_header *m = &h->mem;
	uint64_t live_bytes = live_heap_bytes(c);

	if (c->cut)
		m->heap_bytes = live_bytes;
	if (m->peak_bytes >= live_bytes)
		return;
	m->peak_bytes = live_bytes;
	m->at_peak = m->at_end;
	m->peak_untouched_bytes = m->end_untouched_bytes;
	m->peak_when_ns = m->at_end.when_ns ? m->at_end.when_ns : (int64_t)end_ms(h) * 1000000;
}

int fp_memory_take(const struct fp_memory_intake *in)
{
	const struct fp_capture *c = in->c;
	struct fp_profile *p = fp_builder_profile(in->b);
	struct fp_memory_process process = { .process = in->process, .header = in->header };
	struct fp_memory_stream_cell *cells;
	struct fp_memory *m;
	int err;

	if (c->header.mem.mode == FP_MEM_OFF && !c->n_copies)
		return 0;
	m = memory_of(p);
	if (m && c->header.mem.mode == FP_MEM_OFF)
		return take_copies(in, m);
	process.path = fp_arena_copy(fp_builder_arena(in->b), in->path, strlen(in->path));
	cells = fp_arena_take(fp_builder_arena(in->b), (c->n_mem_cells + 1ul) * sizeof(*cells));
	if (!m || !process.path || !cells)
		return -ENOMEM;
	err = take_cells(in, m, &process, cells);
	if (!err)
		err = take_copies(in, m);
	if (!err)
		err = take_points(c, m, &process);
	if (!err && c->header.mem.stream)
		err = note_stream(in, &process, cells);
	if (!err)
		err = make_room(&m->processes, m->n_processes, 1, sizeof(*m->processes));
	if (err)
		return err;
	m->processes[m->n_processes++] = process;
	complete_header(&p->headers[in->header], c);
	if (c->header.mem.mode > (uint32_t)m->mode)
		m->mode = (enum fp_mem_mode)c->header.mem.mode;
	return 0;
}
