/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See source_lines.h.  Model stage, ordinary program.
 */
#include "tools/model/source_lines.h"

#include "tools/model/function_ids.h"
#include "tools/model/source_parts.h"
#include "tools/read/arena.h"
#include "tools/read/key_map.h"
#include "tools/read/readers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_SHARE 0.01
#define MOST_MEAN 1e18 /* a damaged capture may say anything */

static bool is_wanted(const struct fp_source_options *o, const struct fp_frame *f)
{
	return f->kind == FP_FRAME_PYTHON && f->file[0] &&
	       (!o->only_files || !o->only_files[0] || fp_read_glob_list(o->only_files, f->file)) &&
	       (!o->not_files || !o->not_files[0] || !fp_read_glob_list(o->not_files, f->file));
}

/* The frame each node counts on; FP_SOURCE_NONE: none.  Parents come first. */
static uint32_t *find_frames(const struct fp_profile *p, const struct fp_source_options *o)
{
	uint32_t *frame_of_node = malloc(((size_t)p->n_nodes + 1) * sizeof(*frame_of_node));
	bool *wanted = malloc((size_t)p->n_frames + 1);

	for (uint32_t i = 0; wanted && i < p->n_frames; i++)
		wanted[i] = is_wanted(o, &p->frames[i]);
	for (uint32_t i = 0; frame_of_node && wanted && i < p->n_nodes; i++) {
		const struct fp_stack_node *n = &p->nodes[i];

		frame_of_node[i] = !i ? FP_SOURCE_NONE : wanted[n->frame] ? n->frame : frame_of_node[n->parent];
	}
	if (!wanted) {
		free(frame_of_node);
		frame_of_node = NULL;
	}
	free(wanted);
	return frame_of_node;
}

static void add_cpu(struct fp_source_sums *to, const struct fp_profile_cell *c, double utilisation)
{
	to->python_ns += c->ns[FP_CPU_PYTHON] + c->ns[FP_CPU_LIBRARY];
	to->native_ns += c->ns[FP_CPU_NATIVE];
	to->system_ns += c->ns[FP_CPU_SYSTEM];
	to->samples += c->samples;
	to->busy += (double)fp_profile_cell_ns(c) * utilisation;
}

void fp_source_sums_add(struct fp_source_sums *to, const struct fp_source_sums *more)
{
	to->python_ns += more->python_ns;
	to->native_ns += more->native_ns;
	to->system_ns += more->system_ns;
	to->samples += more->samples;
	to->n_allocs += more->n_allocs;
	to->n_frees += more->n_frees;
	to->n_live += more->n_live;
	to->alloc_bytes += more->alloc_bytes;
	to->python_bytes += more->python_bytes;
	to->peak_bytes += more->peak_bytes;
	to->live_bytes += more->live_bytes;
	to->copy_bytes += more->copy_bytes;
	to->alloc_variance += more->alloc_variance;
	to->byte_ns += more->byte_ns;
	if (more->first_ns && (!to->first_ns || more->first_ns < to->first_ns))
		to->first_ns = more->first_ns;
	to->busy += more->busy;
	if (more->leak_likelihood > to->leak_likelihood)
		to->leak_likelihood = more->leak_likelihood;
	to->leak_bytes_s += more->leak_bytes_s;
}

/* Of each thread: its CPU over its time. */
static double thread_utilisation(const struct fp_profile *p, const struct fp_profile_thread *t)
{
	const struct fp_thread_record *r = &t->record;
	uint64_t cpu = r->cpu_clock_ns > r->cpu_begin_ns ? r->cpu_clock_ns - r->cpu_begin_ns : r->booked_ns;
	uint32_t capture = p->processes[t->process].capture;
	int64_t end = r->end_ns;
	double wall;

	if (!end && capture < p->n_headers) {
		const struct fp_capture_header *h = &p->headers[capture];

		end = (h->end_monotonic_ns ? h->end_monotonic_ns : h->heartbeat_monotonic_ns) - h->start_monotonic_ns;
	}
	wall = (double)end - (double)r->start_ns;
	return wall > 0 && (double)cpu < wall ? (double)cpu / wall : wall > 0 ? 1 : 0;
}

/* The profile's sums by the frame they count on; [n_frames] is nowhere. */
static struct fp_source_sums *sum_frames(const struct fp_profile *p, const struct fp_source_options *o,
					 const uint32_t *frame_of_node)
{
	struct fp_source_sums *sums = calloc((size_t)p->n_frames + 1, sizeof(*sums));
	double *utilisation = calloc((size_t)p->n_threads + 1, sizeof(*utilisation));

	if (!sums || !utilisation) {
		free(sums);
		free(utilisation);
		return NULL;
	}
	for (uint32_t i = 0; i < p->n_threads; i++)
		utilisation[i] = thread_utilisation(p, &p->threads[i]);
#define PLACE(stack) (frame_of_node[stack] == FP_SOURCE_NONE ? &sums[p->n_frames] : &sums[frame_of_node[stack]])
	for (size_t i = 0; i < p->n_cells; i++)
		add_cpu(PLACE(p->cells[i].stack), &p->cells[i], utilisation[p->cells[i].thread]);
	for (size_t i = 0; o->copies && p->memory && i < p->memory->n_copies; i++) {
		const struct fp_memory_copy *c = &p->memory->copies[i];

		PLACE(c->stack)->copy_bytes += c->bytes[FP_COPY_PYTHON] + c->bytes[FP_COPY_NATIVE];
	}
#undef PLACE
	if (o->memory && p->memory)
		fp_source_sum_memory(p, frame_of_node, sums);
	free(utilisation);
	return sums;
}

double fp_source_cpu_share(const struct fp_source_lines *s, const struct fp_source_sums *sums)
{
	uint64_t all = s->all.python_ns + s->all.native_ns + s->all.system_ns;

	return all ? (double)(sums->python_ns + sums->native_ns + sums->system_ns) / (double)all : 0;
}

static bool has_share(uint64_t part, uint64_t whole)
{
	return part && (double)part >= SHOWN_SHARE * (double)whole;
}

bool fp_source_is_shown(const struct fp_source_lines *s, const struct fp_source_sums *sums)
{
	return fp_source_cpu_share(s, sums) >= SHOWN_SHARE || has_share(sums->alloc_bytes, s->all.alloc_bytes) ||
	       has_share(sums->peak_bytes, s->all.peak_bytes) || has_share(sums->live_bytes, s->all.live_bytes) ||
	       has_share(sums->copy_bytes, s->all.copy_bytes) || sums->leak_likelihood > 0;
}

double fp_source_utilisation(const struct fp_source_sums *sums)
{
	double cpu = (double)(sums->python_ns + sums->native_ns + sums->system_ns);

	return cpu > 0 && sums->busy < cpu ? sums->busy / cpu : cpu > 0 ? 1 : 0;
}

uint64_t fp_source_mean_bytes(const struct fp_source_sums *sums, uint64_t wall_ns)
{
	double mean = wall_ns ? sums->byte_ns / (double)wall_ns : 0;

	return mean < MOST_MEAN ? (uint64_t)mean : (uint64_t)MOST_MEAN;
}

int fp_source_lines_make(const struct fp_profile *p, const struct fp_source_options *o,
			 struct fp_source_lines **ret_lines)
{
	struct fp_source_lines *s = calloc(1, sizeof(*s));
	uint32_t *frame_of_node = find_frames(p, o);
	struct fp_source_sums *sums = frame_of_node ? sum_frames(p, o, frame_of_node) : NULL;
	int err = s && sums && (s->arena = fp_arena_create()) ? 0 : -ENOMEM;

	if (!err && o->memory && p->memory)
		err = fp_source_mark_leaks(p, o->leaks, frame_of_node, sums);
	for (uint32_t i = 0; !err && i <= p->n_frames; i++)
		fp_source_sums_add(&s->all, &sums[i]);
	if (!err) {
		s->elsewhere = sums[p->n_frames];
		err = fp_source_group(p, sums, frame_of_node, s);
	}
	if (!err && o->memory && p->memory)
		err = fp_source_timeline(p, s);
	free(frame_of_node);
	free(sums);
	if (!err)
		*ret_lines = s;
	else
		fp_source_lines_destroy(s);
	return err;
}

void fp_source_lines_destroy(struct fp_source_lines *s)
{
	if (!s)
		return;
	free(s->files);
	free(s->lines);
	free(s->functions);
	free(s->line_of_node);
	free(s->points);
	fp_arena_destroy(s->arena);
	free(s);
}
