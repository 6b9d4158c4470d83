/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes captures with allocations, and beside each what they hold by a model
 * of this program's own, for validate_memray.py.  Usage:
 * make_memray_captures DIR LIBRARY OTHER: DIR/exact (a stream of events),
 * DIR/sampled (sums alone), DIR/native and DIR/native_sums (stacks with native
 * frames; LIBRARY and OTHER lie at the same addresses one after the other),
 * DIR/cut (killed, the file ends within the stream); DIR/X.json is of DIR/X.
 */
#include "tests/render/memray_model.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEAK_ID 3u
#define FIRST_AT 0x7f1200000000ull
#define EVAL_AT 0x7f3400000000ull

static void fill_cells(struct capture_writer *w, const struct model *m, bool sampled)
{
	for (uint32_t i = 0; i < m->n_cells; i++) {
		const struct model_cell *c = &m->cells[i];
		struct fp_mem_cell *out = writer_mem_cell_at(w, c->id);
		uint64_t unit = sampled && c->key.allocator < FP_ALLOCATOR_MALLOC ? FP_MEM_SAMPLED_UNIT : 1;

		out->n_allocs = (c->n_allocs + c->n_splits) * unit;
		out->alloc_bytes = c->alloc_bytes;
		out->n_frees = (c->n_allocs + c->n_splits - c->n_live) * unit;
		out->freed_bytes = c->alloc_bytes - c->live_bytes;
		out->n_peak = c->n_peak * unit;
		out->peak_bytes = c->peak_bytes;
		out->peak_id = PEAK_ID;
		out->flags = unit > 1 ? FP_MEM_CELL_SAMPLED : 0;
	}
}

static void finish(struct capture_writer *w, struct model *m, const char *dir, const char *name,
		   bool sampled)
{
	char path[1024];

	if (sampled) {
		w->header.mem.mode = FP_MEM_SAMPLED;
		w->header.mem.stream = 0;
		w->regions[FP_REGION_MEM_STREAM].n = 0;
	}
	w->header.mem.peak_id = PEAK_ID;
	w->header.mem.heap_bytes = m->heap_bytes;
	w->header.mem.peak_bytes = m->peak_bytes;
	fill_cells(w, m, sampled);
	snprintf(path, sizeof(path), "%s/%s.json", dir, name);
	model_describe(m, path);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/4242.0.fpc", dir, name);
	writer_finish(w, path);
}

static void start(struct capture_writer *w, struct model *m)
{
	writer_start(w, 4242, "/usr/bin/python3.12", "python3.12 /home/u/project/app.py it's");
	w->header.is_first = 1;
	model_start(m, w);
	model_thread(m, writer_thread(w, 4242, "python3.12", FP_THREAD_MAIN | FP_THREAD_PYTHON), 4242,
		     "python3.12");
	model_thread(m, writer_thread(w, 4243, "pool; \xe2\x82\xac", FP_THREAD_PYTHON), 4243,
		     "pool; \xe2\x82\xac");
	/* the system gave the id of a thread that ended to a new one */
	model_thread(m, writer_thread(w, 4243, "again", FP_THREAD_PYTHON), 4243 + (3ull << 32), "again");
}

/* Deep recursion, shared callers, a mark, a name that is no ASCII. */
static void add_python_stacks(struct capture_writer *w, struct model *m)
{
	uint32_t module = writer_code(w, "<module>", "<module>", "/home/u/project/app.py", 1);
	uint32_t work = writer_code(w, "work", "Job.work", "/home/u/project/app.py", 10);
	uint32_t json = writer_code(w, "loads", "loads", "/usr/lib/python3.12/json/__init__.py", 299);
	uint32_t yaml = writer_code(w, "na\xc3\xafve", NULL, "/usr/lib/python3.12/site-packages/yaml/__init__.py", 7);
	uint32_t top = model_python(m, 0, module, 20), deep;

	model_stack(m, top);
	deep = model_python(m, top, work, 2);
	model_stack(m, deep);
	model_stack(m, model_python(m, top, work, 5));
	model_stack(m, model_python(m, deep, json, 1));
	for (uint32_t i = 0; i < 70; i++) {
		deep = model_python(m, deep, i % 3 ? work : json, i % 5);
		if (i % 17 == 0)
			model_stack(m, deep);
	}
	model_stack(m, model_python(m, 0, yaml, 99));
	model_stack(m, model_mark(m, FP_MARK_torn));
	model_stack(m, model_mark(m, FP_MARK_no_python_frame));
}

static void write_python(const char *dir, const char *name, bool sampled, unsigned seed)
{
	struct capture_writer w;
	struct model m;

	start(&w, &m);
	add_python_stacks(&w, &m);
	model_run(&m, 0, (uint32_t)m.n_stacks, 20000, seed);
	finish(&w, &m, dir, name, sampled);
}

struct library {
	void *loaded;
	uintptr_t base;
	uint64_t bias, end;   /* where the capture says it lay */
};

static struct library add_library(struct capture_writer *w, const char *path, uint64_t at,
				  uint32_t first, uint32_t last)
{
	struct library l = { .loaded = dlopen(path, RTLD_NOW), .bias = at, .end = at + 0x100000 };
	struct link_map *map;
	struct fp_module_record *r;
	uint32_t id;

	if (!l.loaded || dlinfo(l.loaded, RTLD_DI_LINKMAP, &map))
		abort();
	l.base = map->l_addr;
	id = writer_module(w, path, at, l.end);
	r = (struct fp_module_record *)(void *)w->regions[FP_REGION_MODULES].bytes + id;
	r->first_generation = first;
	r->last_generation = last;
	return l;
}

static uint64_t pc_in(const struct library *l, const char *function)
{
	uintptr_t at = (uintptr_t)dlsym(l->loaded, function);

	if (!at)
		abort();
	return at - l->base + l->bias;
}

static void write_native(const char *dir, const char *name, const char *library, const char *other,
			 bool sampled)
{
	struct capture_writer w;
	struct model m;
	uint32_t n, middle;

	start(&w, &m);
	w.header.mem.native = 1;
	struct library eval = add_library(&w, library, EVAL_AT, 0, UINT32_MAX);
	struct library old = add_library(&w, library, FIRST_AT, 0, 1);
	struct library new = add_library(&w, other, FIRST_AT, 2, UINT32_MAX);
	w.header.mem.python_eval_pc = pc_in(&eval, "_PyEval_EvalFrameDefault");
	uint32_t module = writer_code(&w, "<module>", "<module>", "/home/u/project/app.py", 1);
	uint32_t work = writer_code(&w, "work", "Job.work", "/home/u/project/app.py", 10);

	for (uint32_t generation = 1; generation <= 2; generation++) {
		const struct library *at = generation == 1 ? &old : &new;
		const char *inner = generation == 1 ? "first_inner" : "other_inner";

		n = model_native(&m, 0, pc_in(&eval, "eval_outer"), generation, "eval_outer");
		n = model_python(&m, n, module, 3);
		n = model_python(&m, n, work, generation);
		middle = model_native(&m, n, pc_in(at, inner), generation, inner);
		model_stack(&m, middle);
		n = model_python(&m, middle, work, 7);
		model_stack(&m, n);
		model_stack(&m, model_native(&m, n, pc_in(&eval, "eval_outer"), generation, "eval_outer"));
		model_stack(&m, model_native(&m, 0, pc_in(at, inner), generation, inner));
		model_stack(&m, model_python(&m, 0, module, 4 + generation));
	}
	middle = (uint32_t)m.n_stacks / 2;
	model_run(&m, 0, middle, 3000, 5);
	model_run(&m, middle, (uint32_t)m.n_stacks, 3000, 6);
	finish(&w, &m, dir, name, sampled);
}

/* Killed while it ran, and the file lost its end: within the stream. */
static void write_cut(const char *dir)
{
	struct capture_writer w;
	struct model m;
	char path[1024];

	start(&w, &m);
	add_python_stacks(&w, &m);
	model_run(&m, 0, (uint32_t)m.n_stacks, 20000, 9);
	w.header.end_reason = FP_END_NONE;
	w.header.end_monotonic_ns = 0;
	w.header.start_ticks = 1;
	uint64_t kept = w.regions[FP_REGION_MEM_STREAM].n / 3 + 1;
	finish(&w, &m, dir, "cut", false);
	snprintf(path, sizeof(path), "%s/cut/4242.0.fpc", dir);
	if (truncate(path, (off_t)(w.header.regions[FP_REGION_MEM_STREAM].offset_bytes + kept)))
		abort();
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	mkdir(argv[1], 0777);
	write_python(argv[1], "exact", false, 1);
	write_python(argv[1], "sampled", true, 2);
	write_native(argv[1], "native", argv[2], argv[3], false);
	write_native(argv[1], "native_sums", argv[2], argv[3], true);
	write_cut(argv[1]);
	return 0;
}
