/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope's own format: a sampled profile per thread, weights in
 * nanoseconds of CPU.  Render stage; streams, equal neighbours merged.  The
 * official schema knows no null: what is unknown is left out.
 */
#include "tools/model/names.h"
#include "tools/model/timeline.h"
#include "tools/read/key_map.h"
#include "tools/render/json_out.h"
#include "tools/render/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_frames(struct fp_json_out *j, const struct fp_profile *p, bool lines)
{
	fp_json_key(j, "shared");
	fp_json_open(j, '{');
	fp_json_key(j, "frames");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < p->n_frames; i++) {
		const struct fp_frame *f = &p->frames[i];

		fp_json_newline(j);
		fp_json_open(j, '{');
		fp_json_key(j, "name");
		fp_json_string(j, f->qualname);
		if (f->file[0]) {
			fp_json_key(j, "file");
			fp_json_string(j, fp_name_short_file(f->file, p->cwd));
		}
		if (lines && f->line) {
			fp_json_key(j, "line");
			fp_json_uint(j, f->line);
		}
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
	fp_json_close(j, '}');
}

static void put_stack(struct fp_json_out *j, const struct fp_profile *p, uint32_t stack,
		      uint32_t *path)
{
	uint32_t n = 0;

	for (; stack; stack = p->nodes[stack].parent)
		path[n++] = p->nodes[stack].frame;
	fp_json_open(j, '[');
	while (n-- > 0)
		fp_json_uint(j, path[n]);
	fp_json_close(j, ']');
}

static int put_thread(struct fp_json_out *j, const struct fp_profile *p, uint32_t thread,
		      uint32_t *path)
{
	const struct fp_profile_thread *t = &p->threads[thread];
	struct fp_timeline line;
	struct fp_slice slice;
	uint64_t sum_us = 0;
	char name[128];

	if (p->n_processes > 1)
		snprintf(name, sizeof(name), "%.60s %d: %s (%d)", p->processes[t->process].title,
			 p->processes[t->process].pid, t->name, t->tid);
	else
		snprintf(name, sizeof(name), "%s (%d)", t->name[0] ? t->name : "thread", t->tid);
	if (fp_timeline_start(&line, p, thread))
		return -ENOMEM;
	fp_json_newline(j);
	fp_json_open(j, '{');
	fp_json_key(j, "type");
	fp_json_string(j, "sampled");
	fp_json_key(j, "name");
	fp_json_string(j, name);
	fp_json_key(j, "unit");
	fp_json_string(j, "nanoseconds");
	fp_json_key(j, "samples");
	fp_json_open(j, '[');
	while (fp_timeline_next(&line, &slice)) {
		put_stack(j, p, slice.stack, path);
		sum_us += slice.weight_us;
	}
	fp_json_close(j, ']');
	fp_timeline_end(&line);
	if (fp_timeline_start(&line, p, thread)) /* weights come in a list of their own */
		return -ENOMEM;
	fp_json_key(j, "weights");
	fp_json_open(j, '[');
	while (fp_timeline_next(&line, &slice))
		fp_json_uint(j, slice.weight_us * 1000);
	fp_json_close(j, ']');
	fp_timeline_end(&line);
	fp_json_key(j, "startValue");
	fp_json_uint(j, 0);
	fp_json_key(j, "endValue");
	fp_json_uint(j, sum_us * 1000);
	fp_json_close(j, '}');
	return 0;
}

/* Threads that burned something, the busiest first: speedscope opens it. */
static uint32_t *order_threads(const struct fp_profile *p, uint32_t *ret_n)
{
	uint64_t *ns = calloc((size_t)p->n_threads + 1, sizeof(*ns));
	uint32_t *order = malloc(((size_t)p->n_threads + 1) * sizeof(*order)), n = 0;

	for (size_t i = 0; ns && i < p->n_cells; i++)
		ns[p->cells[i].thread] += fp_profile_cell_ns(&p->cells[i]);
	for (uint32_t i = 0; ns && order && i < p->n_threads; i++) {
		uint32_t at;

		if (!ns[i] && p->n_threads > 1 && !p->threads[i].is_main)
			continue;
		for (at = n++; at && ns[order[at - 1]] < ns[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	free(ns);
	*ret_n = n;
	return order;
}

static uint32_t deepest(const struct fp_profile *p)
{
	uint32_t most = 0;
	uint32_t *depth = calloc(p->n_nodes, sizeof(*depth));

	for (uint32_t i = 1; depth && i < p->n_nodes; i++) {
		depth[i] = depth[p->nodes[i].parent] + 1;
		most = depth[i] > most ? depth[i] : most;
	}
	free(depth);
	return depth ? most : UINT32_MAX;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_json_out j;
	uint32_t n, depth = deepest(p), *order = order_threads(p, &n);
	uint32_t *path = depth == UINT32_MAX ? NULL : malloc(((size_t)depth + 1) * sizeof(*path));
	int err = order && path ? fp_json_begin(&j, out, false) : -ENOMEM;

	if (err) {
		free(order);
		free(path);
		return err;
	}
	fp_json_open(&j, '{');
	fp_json_key(&j, "$schema");
	fp_json_string(&j, "https://www.speedscope.app/file-format-schema.json");
	fp_json_key(&j, "exporter");
	fp_json_string(&j, "filperf");
	fp_json_key(&j, "name");
	fp_json_string(&j, o->title ? o->title : p->command[0] ? p->command : "filperf");
	fp_json_key(&j, "activeProfileIndex");
	fp_json_uint(&j, 0);
	put_frames(&j, p, o->lines);
	fp_json_key(&j, "profiles");
	fp_json_open(&j, '[');
	for (uint32_t i = 0; i < n && !err; i++)
		err = put_thread(&j, p, order[i], path);
	fp_json_close(&j, ']');
	fp_json_close(&j, '}');
	free(order);
	free(path);
	int ended = fp_json_end(&j);
	return err ? err : ended;
}

const struct fp_renderer fp_render_speedscope = {
	.name = "speedscope", .suffix = ".speedscope.json",
	.what = "speedscope, a profile per thread", .viewer = "https://www.speedscope.app",
	.needs_samples = true, .render = render,
};
