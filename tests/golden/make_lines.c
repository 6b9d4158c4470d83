/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture for reports that show source, and the sources.  Test support.
 */
#include "tests/golden/make_lines.h"

#include "tests/golden/capture_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SITE "/lib/python3.12/site-packages/"

static const char app[] = "import lib\n\nKEPT = []\ndef keep(n):\n\tKEPT.append('<&>' * n)\n    return lib.half(n)\n"
			  "for n in range(1000):  # \xe2\x82\xac, \\\n    keep(n)\n";

/* changed: after the run began. */
static void write_source(const char *path, const char *text, bool changed)
{
	struct timespec times[2] = { { .tv_sec = changed ? 1800000000 : 1600000000 } };
	FILE *f = fopen(path, "w");

	times[1] = times[0];
	if (!f || fputs(text, f) == EOF || fclose(f) || utimensat(AT_FDCWD, path, times, 0))
		abort();
}

static void write_sources(const char *dir, char (*paths)[600])
{
	static const char *const folders[] = { "/lib", "/lib/python3.12", "/lib/python3.12/site-packages" };
	char lines[40 * 16] = "";

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(paths[0], sizeof(paths[0]), "%s%s", dir, folders[i]);
		mkdir(paths[0], 0777);
	}
	snprintf(paths[0], sizeof(paths[0]), "%s/app.py", dir);
	snprintf(paths[1], sizeof(paths[1]), "%s" SITE "lib.py", dir);
	for (int i = 1; i <= 30; i++)
		snprintf(lines + strlen(lines), 16, "line %d\n", i);
	write_source(paths[0], app, false);
	write_source(paths[1], lines, true);
}

/* Python's blocks: a leak, what the peak had and is gone, a library's; C's; copies. */
static void write_memory(struct capture_writer *w, uint32_t thread, uint32_t n_keep, uint32_t n_lib, uint32_t n_end,
			 uint32_t n_gone)
{
	struct fp_mem_header *h = &w->header.mem;
	struct fp_mem_cell *c;
	uint32_t leak, gone, lib;

	writer_memory(w, FP_MEM_EXACT, false);
	leak = writer_mem_cell(w, thread, n_keep, FP_ALLOCATOR_PYTHON_MALLOC, 4000);
	lib = writer_mem_cell(w, thread, n_lib, FP_ALLOCATOR_MALLOC, 1 << 20);
	gone = writer_mem_cell(w, thread, n_gone, FP_ALLOCATOR_PYTHON_CALLOC, 1 << 20);
	writer_mem_book(w, leak, 60, 4000);
	writer_mem_book(w, lib, 2, 1 << 20);
	writer_mem_book(w, gone, 3, 1 << 20);
	/* less than 0.5 %: its caller's in the stacks */
	writer_mem_book(w, writer_mem_cell(w, thread, n_end, FP_ALLOCATOR_MALLOC, 5000), 1, 5000);
	writer_mem_edge(w);
	writer_mem_book(w, leak, 40, 4000);
	writer_mem_book(w, gone, -3, 1 << 20);
	c = writer_mem_cell_at(w, leak);
	c->birth_sum_ms = 100 * 1250;
	c->ups = 98;
	c->last_up = 100;
	c = writer_mem_cell_at(w, lib);
	c->birth_sum_ms = 2 * 500;
	c->first_ms = 500;
	writer_mem_cell_at(w, gone)->first_ms = 1000;
	writer_mem_cell_at(w, gone)->lived_byte_ms = 3ull << 20 << 9;
	for (uint64_t i = 0; i <= 12; i++)
		writer_mem_point(w, i * 200, (20 + i) << 20, i * 100000);
	writer_copy(w, thread, n_keep, 5 << 20, 1 << 20, 6);
	h->n_checkpoints = 100;
	h->peak_when_ns = 1500000000;
}

void make_lines(const char *dir, const char *path)
{
	struct capture_writer w;
	char paths[2][600];

	write_sources(dir, paths);
	writer_start(&w, 1000, "/usr/bin/python3.12", "python3.12 app.py");
	w.header.is_first = 1;
	snprintf(w.header.cwd, sizeof(w.header.cwd), "%s", dir);
	uint32_t thread = writer_thread(&w, 1000, "python3.12", FP_THREAD_MAIN | FP_THREAD_PYTHON);
	uint32_t worker = writer_thread(&w, 1001, "pool", FP_THREAD_PYTHON);
	uint32_t module = writer_code(&w, "<module>", "<module>", paths[0], 1);
	uint32_t keep = writer_code(&w, "keep", "keep", paths[0], 4);
	uint32_t half = writer_code(&w, "half", "half", paths[1], 8);
	uint32_t gone = writer_code(&w, "more", "Gone.more", "/home/u/gone.py", 20);
	uint32_t odd = writer_code(&w, "exec", "<lambda>", "<string>", 1);
	uint32_t n_module = writer_python(&w, 0, module, 7);
	uint32_t n_keep = writer_python(&w, n_module, keep, 1);
	uint32_t n_half = writer_python(&w, writer_python(&w, n_module, keep, 2), half, 4);
	uint32_t n_end = writer_python(&w, n_half, half, 20);
	uint32_t n_gone = writer_python(&w, n_module, gone, 3);
	uint32_t n_odd = writer_python(&w, 0, odd, 0);
	uint32_t n_native = writer_node(&w, n_half, FP_KEY_MAKE_NATIVE(0x7f0000001234, 0));

	writer_cell(&w, thread, n_keep, 100, 1000000000, 900000000, FP_CPU_PYTHON);
	writer_cell(&w, thread, n_half, 30, 300000000, 300000000, FP_CPU_LIBRARY);
	writer_cell(&w, thread, n_native, 40, 400000000, 0, FP_CPU_NATIVE);
	writer_cell(&w, worker, n_end, 10, 100000000, 0, FP_CPU_SYSTEM);
	writer_cell(&w, worker, n_odd, 5, 50000000, 0, FP_CPU_PYTHON);
	for (unsigned i = 0; i < 10; i++)
		writer_sample(&w, thread, i < 6 ? n_keep : n_native, 100000 * (i + 1), 10000, FP_SAMPLE_GIL);
	writer_sample(&w, worker, n_end, 250000, 10000, 0);
	writer_sample(&w, worker, n_odd, 260000, 10000, 0);
	write_memory(&w, thread, n_keep, n_half, n_end, n_gone);
	writer_finish(&w, path);
}
