/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture becomes a process of the profile: its threads, the stacks that
 * are wanted, its cells, samples and memory.  Reader stage, ordinary program.
 */
#include "tools/read/capture_frames.h"
#include "tools/read/capture_intake.h"
#include "tools/read/memory_in.h"
#include "tools/read/title.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct intake {
	const struct fp_read_job *job;
	struct fp_capture *c;
	struct fp_capture_frames *frames;
	uint32_t process;          /* of the profile */
	int64_t base_monotonic_ns; /* zero of the profile's times */
	uint32_t *thread_of;       /* capture's thread -> profile's, UINT32_MAX: not wanted */
	uint32_t *node_of;         /* capture's node -> profile's, UINT32_MAX: not needed */
};

static uint64_t share(uint64_t part, uint64_t whole, uint64_t of)
{
	return whole ? (uint64_t)((unsigned __int128)of * part / whole) : 0;
}

static int take_threads(struct intake *in)
{
	const struct fp_capture *c = in->c;

	for (uint32_t i = 0; i < c->n_threads; i++) {
		const struct fp_thread_record *r = &c->threads[i];
		struct fp_profile_thread t = { .process = in->process, .tid = r->tid,
					       .is_main = r->flags & FP_THREAD_MAIN,
					       .record = *r };
		const char *name = fp_builder_string(in->job->b, r->name,
						     strnlen(r->name, sizeof(r->name)));
		if (!name)
			return -ENOMEM;
		snprintf(t.name, sizeof(t.name), "%s", name);
		t.record.name[sizeof(r->name) - 1] = 0;
		in->thread_of[i] = UINT32_MAX;
		if (!fp_read_wants_thread(in->job->options, t.name, t.tid))
			continue;
		in->thread_of[i] = fp_builder_thread(in->job->b, &t);
		if (in->thread_of[i] == UINT32_MAX)
			return -ENOMEM;
	}
	return 0;
}

static bool is_wanted(const struct intake *in, const struct fp_cpu_slot *s)
{
	return in->thread_of[s->thread] != UINT32_MAX &&
	       (!in->job->options->gil_only || s->gil_ns || s->gil_samples);
}

/* The stack and all that lead to it are needed. */
static void mark(const struct fp_capture *c, uint32_t *node_of, uint32_t stack)
{
	for (uint32_t n = stack; node_of[n]; n = c->nodes[n].parent)
		node_of[n] = 0;
}

static void mark_cpu(struct intake *in)
{
	const struct fp_capture *c = in->c;

	for (uint32_t i = 0; i < c->n_cells; i++)
		if (is_wanted(in, &c->cells[i]))
			mark(c, in->node_of, c->cells[i].stack);
}

static void mark_memory(struct intake *in)
{
	const struct fp_capture *c = in->c;

	for (uint32_t i = 1; i < c->n_mem_cells; i++)
		if (c->mem_cells[i].n_allocs && in->thread_of[c->mem_cells[i].thread] != UINT32_MAX)
			mark(c, in->node_of, c->mem_cells[i].stack);
	for (uint32_t i = 0; i < c->n_copies; i++)
		if (in->thread_of[c->copies[i].thread] != UINT32_MAX)
			mark(c, in->node_of, c->copies[i].stack);
}

/* A stack of nothing but how threads begin is shown after all. */
static int complete(struct intake *in, uint32_t stack)
{
	if (!stack || in->node_of[stack])
		return 0;
	in->node_of[stack] = fp_capture_frames_push_alone(in->frames, in->c->nodes[stack].key);
	return in->node_of[stack] == UINT32_MAX ? -ENOMEM : 0;
}

/* Stacks that nothing wanted names are not resolved.  CPU and memory may have
 * been recorded differently, so each has its own nodes. */
static int take_nodes(struct intake *in, bool memory)
{
	const struct fp_capture *c = in->c;
	int err = 0;

	if (!c->n_nodes)
		return 0;
	for (uint32_t i = 0; i < c->n_nodes; i++)
		in->node_of[i] = UINT32_MAX;
	in->node_of[0] = 0;
	(memory ? mark_memory : mark_cpu)(in);
	fp_capture_frames_are_native(in->frames, memory ? c->header.mem.native : c->header.settings.native);
	for (uint32_t i = 1; i < c->n_nodes && !err; i++) {
		if (in->node_of[i] == UINT32_MAX)
			continue;
		in->node_of[i] = fp_capture_frames_push(in->frames, in->node_of[c->nodes[i].parent],
							c->nodes[i].key);
		err = in->node_of[i] == UINT32_MAX ? -ENOMEM : 0;
	}
	for (uint32_t i = 0; i < c->n_cells && !memory && !err; i++)
		err = complete(in, c->cells[i].stack);
	for (uint32_t i = 1; i < c->n_mem_cells && memory && !err; i++)
		err = complete(in, c->mem_cells[i].stack);
	for (uint32_t i = 0; i < c->n_copies && memory && !err; i++)
		err = complete(in, c->copies[i].stack);
	return err;
}

static int take_cells(struct intake *in)
{
	const struct fp_capture *c = in->c;
	int err = 0;

	for (uint32_t i = 0; i < c->n_cells && !err; i++) {
		const struct fp_cpu_slot *s = &c->cells[i];
		struct fp_profile_cell cell = { .samples = s->samples, .gil_ns = s->gil_ns,
						.gil_samples = s->gil_samples };
		if (!is_wanted(in, s))
			continue;
		cell.thread = in->thread_of[s->thread];
		cell.stack = in->node_of[s->stack];
		memcpy(cell.ns, s->ns, sizeof(cell.ns));
		uint64_t all_ns = fp_profile_cell_ns(&cell);
		if (cell.gil_ns > all_ns) /* a slot being written: the GIL's part came first */
			cell.gil_ns = all_ns;
		if (in->job->options->gil_only) {
			cell.samples = s->gil_samples;
			for (int k = 0; k < FP_CPU_KINDS; k++)
				cell.ns[k] = share(cell.gil_ns, all_ns, s->ns[k]);
		}
		err = fp_builder_cell_append(in->job->b, &cell);
	}
	return err;
}

static int take_sample(void *ctx, uint32_t thread, const struct fp_sample *s)
{
	struct intake *in = ctx;
	uint64_t flags = s->when >> FP_SAMPLE_WHEN_BITS;
	int64_t shift_us = (in->c->header.start_monotonic_ns - in->base_monotonic_ns) / 1000;

	if (in->thread_of[thread] == UINT32_MAX || in->node_of[s->stack] == UINT32_MAX ||
	    (in->job->options->gil_only && !(flags & FP_SAMPLE_GIL)))
		return 0;
	struct fp_profile_sample sample = {
		.when_us = (s->when & ((1ull << FP_SAMPLE_WHEN_BITS) - 1)) + (uint64_t)shift_us,
		.flags = flags,
		.stack = in->node_of[s->stack],
		.weight_us = s->weight_us,
	};
	return fp_builder_sample(in->job->b, in->thread_of[thread], &sample);
}

static int take_process(struct intake *in, uint32_t header)
{
	const struct fp_capture_header *h = &in->c->header;
	struct fp_builder *b = in->job->b;
	char title[256], quoted[4096];
	struct fp_profile_process process = {
		.pid = h->pid, .ppid = h->ppid, .image = h->image, .capture = header,
		.is_python = h->python_state != FP_PYTHON_ABSENT, .is_first = h->is_first,
		.cut = in->c->cut, .running = in->c->running,
	};

	fp_title_of_cmdline(h->exe, h->cmdline, h->cmdline_bytes, process.is_python, title,
			    sizeof(title));
	fp_title_quote(h->cmdline, h->cmdline_bytes, quoted, sizeof(quoted));
	process.exe = fp_builder_string(b, h->exe, strlen(h->exe));
	process.title = fp_builder_string(b, title, strlen(title));
	process.cmdline = fp_builder_string(b, quoted, strlen(quoted));
	if (!process.exe || !process.title || !process.cmdline)
		return -ENOMEM;
	in->process = fp_builder_process(b, &process);
	return in->process == UINT32_MAX ? -ENOMEM : 0;
}

static int take_memory(struct intake *in, uint32_t header, const char *path)
{
	struct fp_memory_intake memory = { .b = in->job->b, .c = in->c, .path = path,
					   .process = in->process, .header = header,
					   .thread_of = in->thread_of, .node_of = in->node_of };
	int err = take_nodes(in, true);

	return err ? err : fp_memory_take(&memory);
}

int fp_capture_take(const struct fp_read_job *job, struct fp_capture *c, const char *path,
		    uint32_t header, int64_t base_monotonic_ns, struct fp_symbols *symbols)
{
	struct intake in = { .job = job, .c = c,
			     .base_monotonic_ns = base_monotonic_ns };
	int err = -ENOMEM;

	in.thread_of = calloc((size_t)c->n_threads + 1, sizeof(*in.thread_of));
	in.node_of = calloc((size_t)c->n_nodes + 1, sizeof(*in.node_of));
	in.frames = fp_capture_frames_create(job->b, c, job->options, c->header.settings.native, symbols);
	if (in.thread_of && in.node_of && in.frames)
		err = take_process(&in, header);
	if (!err)
		err = take_threads(&in);
	if (!err && job->options->want_memory && (c->header.mem.mode != FP_MEM_OFF || c->n_copies))
		err = take_memory(&in, header, path);
	if (!err)
		err = take_nodes(&in, false);
	if (!err)
		err = take_cells(&in);
	/* samples need room of their own */
	fp_capture_frames_destroy(in.frames);
	fp_capture_drop_tables(c);
	if (!err && job->options->want_samples)
		err = fp_capture_samples(c, take_sample, &in);
	free(in.thread_of);
	free(in.node_of);
	return err;
}
