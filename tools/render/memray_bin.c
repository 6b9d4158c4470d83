/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture for Memray 1.20 of one process: all events where they were
 * recorded one by one, else the sums.  Render stage, ordinary program.
 */
#include "tools/render/memray_bin.h"

#include "tools/read/key_map.h"
#include "tools/render/memray_paths.h"
#include "tools/render/render.h"

#include <errno.h>
#include <stdlib.h>

void fp_memray_put_map(const struct fp_memray_bin *b, uint32_t map)
{
	const struct fp_memray_stacks *s = b->stacks;

	fp_memray_put_map_start(b->out);
	for (size_t i = 0; i < s->maps[map].n; i++) {
		uint32_t module = s->maps[map].modules[i];

		fp_memray_put_module(b->out, s->module_paths[module], &s->modules[module]);
	}
}

/* The system gives a thread id out again; to Memray an id is one thread. */
static uint64_t *make_tids(const struct fp_profile *p, uint32_t process)
{
	uint64_t *tids = calloc((size_t)p->n_threads + 1, sizeof(*tids));
	struct fp_key_map seen = { 0 };
	int err = tids ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < p->n_threads && !err; i++) {
		if (p->threads[i].process != process)
			continue;
		tids[i] = (uint32_t)p->threads[i].tid;
		if (!tids[i] || fp_key_map_find(&seen, tids[i], NULL, NULL) != FP_KEY_MISSING)
			tids[i] |= (uint64_t)(i + 1) << 32;
		err = fp_key_map_add(&seen, tids[i], i);
	}
	fp_key_map_free(&seen);
	if (err) {
		free(tids);
		return NULL;
	}
	return tids;
}

static uint64_t find_main_tid(const struct fp_memray_bin *b)
{
	const struct fp_profile *p = b->p;

	for (uint32_t i = 0; i < p->n_threads; i++)
		if (p->threads[i].process == b->process->process && p->threads[i].is_main)
			return b->tids[i];
	return (uint32_t)b->header->pid;
}

static int64_t end_ms(const struct fp_capture_header *h)
{
	int64_t last_ns = h->end_monotonic_ns ? h->end_monotonic_ns : h->heartbeat_monotonic_ns;
	int64_t span_ns = last_ns > h->start_monotonic_ns ? last_ns - h->start_monotonic_ns : 0;

	return h->start_realtime_ns / 1000000 + span_ns / 1000000;
}

static struct fp_memray_header describe(const struct fp_memray_bin *b)
{
	const struct fp_capture_header *h = b->header;
	uint32_t allocator = h->mem.python_allocator;

	return (struct fp_memray_header){
		.native = b->stacks->has_native,
		.python_version_hex = h->python_version_hex,
		.n_frames = b->stacks->n_codes,
		.start_ms = h->start_realtime_ns / 1000000,
		.end_ms = end_ms(h),
		.command_line = b->p->processes[b->process->process].cmdline,
		.pid = h->pid,
		.main_tid = find_main_tid(b),
		.python_allocator = allocator >= 1 && allocator <= 6 ? (uint8_t)allocator : 4,
	};
}

/* Counts, then writes: LZ4 lets nobody come back to the header. */
static int write_capture(struct fp_memray_bin *b, FILE *file)
{
	struct fp_memray_header head = describe(b);
	struct fp_memray_path_list *paths;
	int err = -ENOENT, ended;

	if (b->header->mem.mode == FP_MEM_EXACT && b->header->mem.stream)
		err = fp_memray_stream_count(b, &head.n_records);
	if (err == -ENOENT) {
		head.format = FP_MEMRAY_AGGREGATED;
		err = fp_memray_sums_count(b, &head.n_records);
	}
	if (err)
		return err;
	paths = fp_memray_paths_find(b->stacks, b->header->cwd, &head.paths);
	b->out = paths ? fp_memray_out_begin(file) : NULL;
	if (!b->out) {
		fp_memray_paths_free(paths);
		return -ENOMEM;
	}
	fp_memray_put_header(b->out, &head);
	fp_memray_paths_free(paths);
	err = head.format == FP_MEMRAY_ALL ? fp_memray_stream_put(b) : fp_memray_sums_put(b);
	ended = fp_memray_out_end(b->out);
	return err ? err : ended;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *file)
{
	struct fp_memray_stacks stacks;
	struct fp_memray_bin b = { .p = p, .stacks = &stacks };
	uint64_t *tids;
	int err;

	if (!p->memory || o->memory_process >= p->memory->n_processes)
		return -ENODATA;
	b.process = &p->memory->processes[o->memory_process];
	b.header = &p->headers[b.process->header];
	err = fp_memray_stacks_make(&stacks, p, b.process);
	if (err)
		return err;
	b.tids = tids = make_tids(p, b.process->process);
	err = tids ? write_capture(&b, file) : -ENOMEM;
	free(tids);
	fp_memray_stacks_free(&stacks);
	return err;
}

const struct fp_renderer fp_render_memray_bin = {
	.family = FP_FAMILY_MEMRAY, .name = "bin", .suffix = ".bin",
	.what = "a capture for Memray 1.20",
	.viewer = "memray flamegraph FILE", .per_process = true, .render = render,
};
