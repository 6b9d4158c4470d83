/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of the interactive memory page's data: the run, its processes,
 * their balance and timeline.  Render stage, ordinary program.
 */
#include "tools/render/memory_html_data.h"

#include "tools/model/memory_balance.h"
#include "tools/model/names.h"
#include "tools/render/json_out.h"
#include "tools/render/memory_text.h"

#include <errno.h>
#include <stdlib.h>

#define MOST_POINTS 12000u /* of all processes */
#define LEAST_POINTS 64u   /* of one */

static void put_text(struct fp_json_out *j, const char *key, const char *text)
{
	fp_json_key(j, key);
	fp_json_string(j, text ? text : "");
}

static void put_number(struct fp_json_out *j, const char *key, uint64_t value)
{
	fp_json_key(j, key);
	fp_json_uint(j, value);
}

/* The same words as at the top of the texts. */
static void put_lines(struct fp_json_out *j, const struct fp_profile *p)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *f = open_memstream(&text, &n_bytes);

	if (f) {
		fp_memory_text_head(p, "memory", f);
		if (fclose(f) == 0)
			put_text(j, "lines", text);
	}
	if (!f || !text)
		j->err = -ENOMEM;
	free(text);
}

static void put_allocators(struct fp_json_out *j)
{
	fp_json_key(j, "allocators");
	fp_json_open(j, '[');
	for (uint8_t i = 0; i < FP_ALLOCATOR_MAX; i++)
		fp_json_string(j, fp_memory_allocator_name(i));
	fp_json_close(j, ']');
}

static void put_threads(struct fp_json_out *j, const struct fp_profile *p)
{
	char name[96];

	fp_json_key(j, "threads");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < p->n_threads; i++) {
		uint32_t k = 0;

		while (k < p->memory->n_processes && p->memory->processes[k].process != p->threads[i].process)
			k++;
		fp_name_thread(&p->threads[i], name, sizeof(name));
		fp_json_newline(j);
		fp_json_open(j, '[');
		fp_json_uint(j, k);
		fp_json_string(j, name);
		fp_json_close(j, ']');
	}
	fp_json_close(j, ']');
}

static void put_balance(struct fp_json_out *j, const struct fp_mem_header *h)
{
	struct fp_balance b;

	fp_json_key(j, "balance");
	fp_json_open(j, '[');
	if (fp_balance_make(h, &b))
		for (int i = 0; i < FP_BALANCE_ITEMS; i++) {
			fp_json_open(j, '[');
			fp_json_string(j, b.items[i].key);
			fp_json_string(j, b.items[i].name);
			fp_json_int(j, b.items[i].n_bytes);
			fp_json_close(j, ']');
		}
	fp_json_close(j, ']');
}

static uint64_t point_value(const struct fp_mem_point *at, int column)
{
	switch (column) {
	case 0:
		return at->when_ns / 1000000;
	case 1:
		return at->rss_bytes;
	case 2:
		return at->heap_bytes;
	default:
		return at->python_bytes;
	}
}

/* Of each group of points the one with the largest heap, and the last one. */
static void put_points(struct fp_json_out *j, const struct fp_memory *m, const struct fp_memory_process *process)
{
	static const char *const names[] = {"t", "rss", "heap", "python"};
	const struct fp_mem_point *points = m->points + process->first_point;
	size_t most = MOST_POINTS / m->n_processes, n = process->n_points;
	size_t group;

	most = most < LEAST_POINTS ? LEAST_POINTS : most;
	group = (n + most - 1) / most;
	for (int column = 0; column < 4; column++) {
		fp_json_key(j, names[column]);
		fp_json_open(j, '[');
		for (size_t i = 0; i < n; i += group) {
			size_t best = i;

			for (size_t k = i; k < n && k < i + group; k++)
				if (points[k].heap_bytes > points[best].heap_bytes)
					best = k;
			fp_json_uint(j, point_value(&points[best], column));
		}
		if (n && group > 1)
			fp_json_uint(j, point_value(&points[n - 1], column));
		fp_json_close(j, ']');
	}
}

static void put_process(struct fp_json_out *j, const struct fp_profile *p, const struct fp_memory_process *process,
			int64_t zero_ns)
{
	const struct fp_profile_process *of = &p->processes[process->process];
	const struct fp_capture_header *h = &p->headers[process->header];

	fp_json_newline(j);
	fp_json_open(j, '{');
	put_number(j, "pid", (uint64_t)of->pid);
	put_text(j, "title", of->title);
	put_text(j, "command", of->cmdline);
	put_number(j, "start", h->start_monotonic_ns > zero_ns ?
		   (uint64_t)(h->start_monotonic_ns - zero_ns) / 1000000 : 0);
	put_number(j, "peak", h->mem.peak_bytes);
	put_number(j, "peak_when", h->mem.peak_when_ns > 0 ? (uint64_t)h->mem.peak_when_ns / 1000000 : 0);
	put_number(j, "frozen", h->mem.frozen_ns > 0 ? (uint64_t)h->mem.frozen_ns / 1000000 : 0);
	put_number(j, "hwm", h->mem.vm_hwm_bytes);
	put_number(j, "inherited", h->mem.inherited_bytes);
	put_number(j, "temporary", h->mem.temporary_threshold);
	put_number(j, "stream", h->mem.stream);
	put_number(j, "stream_stopped", h->mem.stream_stopped_ns / 1000000);
	fp_json_key(j, "sampled");
	fp_json_bool(j, h->mem.mode == FP_MEM_SAMPLED);
	fp_json_key(j, "cut");
	fp_json_bool(j, of->cut);
	put_balance(j, &h->mem);
	put_points(j, p->memory, process);
	fp_json_close(j, '}');
}

static void put_processes(struct fp_json_out *j, const struct fp_profile *p)
{
	const struct fp_memory *m = p->memory;
	int64_t zero_ns = INT64_MAX;

	for (uint32_t i = 0; i < m->n_processes; i++)
		if (p->headers[m->processes[i].header].start_monotonic_ns < zero_ns)
			zero_ns = p->headers[m->processes[i].header].start_monotonic_ns;
	fp_json_key(j, "processes");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < m->n_processes; i++)
		put_process(j, p, &m->processes[i], zero_ns);
	fp_json_close(j, ']');
}

void fp_memory_data_head(const struct fp_profile *p, const struct fp_render_options *o,
			 const struct fp_page_tree *t, struct fp_pack *out)
{
	struct fp_json_out j;
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *f = open_memstream(&text, &n_bytes);
	int err = f ? fp_json_begin(&j, f, false) : -ENOMEM;

	if (!err) {
		fp_json_open(&j, '{');
		put_text(&j, "label", p->label);
		put_text(&j, "title", o->title);
		put_lines(&j, p);
		put_number(&j, "view", o->view);
		put_number(&j, "folded", t->n_folded);
		fp_json_key(&j, "folded_share");
		fp_json_fixed(&j, (uint64_t)(t->folded_share * 1e12), 12);
		put_allocators(&j);
		put_threads(&j, p);
		put_processes(&j, p);
		fp_json_close(&j, '}');
		err = fp_json_end(&j);
	}
	if (f && fclose(f) != 0 && !err)
		err = -ENOMEM;
	if (!err)
		fp_pack_bytes(out, text, n_bytes);
	else if (!out->err)
		out->err = err;
	free(text);
}
