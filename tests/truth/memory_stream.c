/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_stream IN: the sums of every process's cells against its stream of
 * allocations; of sampled cells only the totals.  A line of figures for each process and one for each difference;
 * status 1 when there is any, 2 when nothing could be compared.
 */
#include "tools/read/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 10

static const char *const loss_names[] = {
#define X(name, text) #name,
	FP_LOSSES(X)
#undef X
};

struct sums {
	uint64_t n_allocs, alloc_bytes, n_frees, freed_bytes;
	uint64_t peak_bytes; /* live at the process's peak */
};

struct replay {
	const struct fp_profile *p;
	const struct fp_memory_process *process;
	struct sums *sums;
	uint64_t n_events, heap_bytes;
	uint64_t largest_bytes, largest_at; /* the event that made the heap largest first */
	uint64_t last_event;                /* the peaks are taken after it */
};

static int add_event(void *ctx, const struct fp_memory_event *e)
{
	struct replay *r = ctx;
	struct sums *s = &r->sums[e->cell - r->process->first_cell];

	if (e->kind == FP_MEMORY_TIME || e->cell == UINT32_MAX)
		return 0;
	if (e->kind == FP_MEMORY_ALLOC) {
		s->n_allocs++;
		s->alloc_bytes += e->size;
		r->heap_bytes += e->size;
	} else {
		s->n_frees++;
		s->freed_bytes += e->size;
		r->heap_bytes -= e->size;
	}
	if (r->heap_bytes > r->largest_bytes) {
		r->largest_bytes = r->heap_bytes;
		r->largest_at = r->n_events;
	}
	if (r->n_events++ == r->last_event)
		for (size_t i = 0; i < r->process->n_cells; i++)
			r->sums[i].peak_bytes = r->sums[i].alloc_bytes - r->sums[i].freed_bytes;
	return 0;
}

static void replay(struct replay *r, uint64_t last_event)
{
	memset(r->sums, 0, (r->process->n_cells + 1) * sizeof(*r->sums));
	r->n_events = r->heap_bytes = r->largest_bytes = 0;
	r->last_event = last_event;
	if (fp_memory_events(r->p, r->process, add_event, r)) {
		fprintf(stderr, "memory_stream: cannot read the stream of %s\n", r->process->path);
		exit(2);
	}
}

static unsigned differs(const struct fp_profile *p, const struct fp_memory_cell *c, const char *what,
			uint64_t in_cell, uint64_t in_stream, unsigned n_before)
{
	const struct fp_frame *f = c->stack ? &p->frames[p->nodes[c->stack].frame] : NULL;

	if (in_cell == in_stream)
		return 0;
	if (n_before < SHOWN_MAX)
		printf("differs: %s %" PRIu64 " in the cell, %" PRIu64 " in the stream: allocator %u, class %u, "
		       "at %s (%s:%u)\n", what, in_cell, in_stream, c->allocator, c->size_class,
		       f ? f->name : "", f ? f->file : "", f ? f->line : 0);
	return 1;
}

/* A mapping that ends in parts has no count of its own. */
static unsigned compare_cell(const struct fp_profile *p, const struct fp_memory_cell *c, const struct sums *s,
			     unsigned n)
{
	bool is_exact = p->memory->mode == FP_MEM_EXACT; /* else the stream has no peak */
	bool is_map = c->allocator == FP_ALLOCATOR_MMAP || c->allocator == FP_ALLOCATOR_BRK;

	n += differs(p, c, "allocated bytes", c->alloc_bytes, s->alloc_bytes, n);
	n += differs(p, c, "live bytes", c->live_bytes, s->alloc_bytes - s->freed_bytes, n);
	if (is_exact)
		n += differs(p, c, "bytes at the peak", c->peak_bytes, s->peak_bytes, n);
	if (!is_map) {
		n += differs(p, c, "allocations", c->n_allocs, s->n_allocs, n);
		n += differs(p, c, "live blocks", c->n_live, s->n_allocs - s->n_frees, n);
	}
	return n;
}

static unsigned compare(struct replay *r)
{
	const struct fp_memory_process *process = r->process;
	const struct fp_mem_header *m = &r->p->headers[process->header].mem;
	uint64_t live_bytes = 0, peak_bytes = 0;
	unsigned n = 0;

	replay(r, UINT64_MAX);
	uint64_t largest = r->largest_bytes;
	replay(r, r->largest_at);
	for (size_t i = 0; i < process->n_cells; i++) {
		const struct fp_memory_cell *c = &r->p->memory->cells[process->first_cell + i];

		if (!fp_memory_is_heap(c->allocator))
			continue;
		live_bytes += c->live_bytes;
		peak_bytes += c->peak_bytes;
		if (!c->sampled)
			n = compare_cell(r->p, c, &r->sums[i], n);
	}
	printf("process %d.%u: %" PRIu64 " events, %zu cells; heap %" PRIu64 " in the header, %" PRIu64 " in cells, %"
	       PRIu64 " in the stream; peak %" PRIu64 ", %" PRIu64 ", %" PRIu64 "; %u differences\n",
	       r->p->processes[process->process].pid, r->p->processes[process->process].image, r->n_events,
	       process->n_cells, m->heap_bytes, live_bytes, r->heap_bytes, m->peak_bytes, peak_bytes, largest, n);
	n += m->heap_bytes != live_bytes || m->peak_bytes != peak_bytes;
	if (r->p->memory->mode == FP_MEM_EXACT)
		n += live_bytes != r->heap_bytes || peak_bytes != largest;
	return n;
}

int main(int argc, char **argv)
{
	struct fp_read_options options = { .lines = true, .subprocesses = true, .want_memory = true };
	struct fp_profile *p = NULL;
	char error[512] = "";
	unsigned n = 0;

	if (argc != 2 || fp_profile_read(argv[1], &options, &p, error, sizeof(error)) < 0) {
		fprintf(stderr, "memory_stream: %s\n", error);
		return 2;
	}
	if (!p->memory) {
		fprintf(stderr, "memory_stream: %s has no memory\n", argv[1]);
		return 2;
	}
	for (uint32_t i = 0; i < p->memory->n_processes; i++) {
		struct replay r = { .p = p, .process = &p->memory->processes[i] };

		r.sums = calloc(r.process->n_cells + 1, sizeof(*r.sums));
		if (!r.sums)
			return 2;
		n += compare(&r);
		free(r.sums);
	}
	for (int i = 0; i < FP_LOSS_MAX; i++)
		if (p->losses[i])
			printf("lost: %s %" PRIu64 "\n", loss_names[i], p->losses[i]);
	if (*p->damage)
		printf("%s\n", p->damage);
	fp_profile_destroy(p);
	return n != 0;
}
