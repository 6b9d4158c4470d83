/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the captures whose reports are kept in expected/.  Usage:
 * make_captures DIR: makes DIR/run (two processes, threads, odd names),
 * DIR/empty (a program that only waited), DIR/base (run, before a change).
 */
#include "tests/golden/capture_writer.h"
#include "tests/golden/make_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SITE "/usr/lib/python3.12/site-packages/"

static void path_in(char *out, size_t n, const char *dir, const char *name)
{
	snprintf(out, n, "%s/%s", dir, name);
}

/* main -> work (70 %, two lines) and import of yaml (20 %) and recursion. */
static void write_main(const char *path, unsigned slower)
{
	struct capture_writer w;

	writer_start(&w, 1000, "/usr/bin/python3.12", "python3.12 /home/u/project/app.py it's");
	w.header.is_first = 1;
	w.header.losses[FP_LOSS_walk_torn] = 3;
	w.header.settings.native = 1;
	uint32_t main_thread = writer_thread(&w, 1000, "python3.12", FP_THREAD_MAIN | FP_THREAD_PYTHON);
	uint32_t worker = writer_thread(&w, 1001, "pool; \xff\n0", FP_THREAD_PYTHON);
	uint32_t module = writer_code(&w, "<module>", "<module>", "/home/u/project/app.py", 1);
	uint32_t work = writer_code(&w, "work", "Job.work", "/home/u/project/app.py", 10);
	uint32_t odd = writer_code(&w, "na\xc3\xafve\xff;<&\"\x1b[31m\xe2\x82\xac", NULL,
				   "/home/u/project/\xe6\x97\xa5.py", 40);
	uint32_t find = writer_code(&w, "_find_and_load", NULL, "<frozen importlib._bootstrap>", 1165);
	uint32_t yaml = writer_code(&w, "<module>", "<module>", SITE "yaml/__init__.py", 1);
	uint32_t fib = writer_code(&w, "fib", "fib", "/home/u/project/app.py", 70);
	writer_module(&w, "/lib/x86_64-linux-gnu/libdoesnotexist.so.6", 0x7f0000000000, 0x7f0000100000);

	uint32_t n_module = writer_python(&w, 0, module, 20);
	uint32_t n_work = writer_python(&w, n_module, work, 2);
	uint32_t n_work2 = writer_python(&w, n_module, work, 5);
	uint32_t n_odd = writer_python(&w, n_work, odd, 1);
	uint32_t n_find = writer_python(&w, writer_python(&w, 0, module, 1), find, 10);
	uint32_t n_yaml = writer_python(&w, n_find, yaml, 3);
	uint32_t n_fib = writer_python(&w, writer_python(&w, writer_python(&w, 0, fib, 2), fib, 2), fib, 1);
	uint32_t n_native = writer_node(&w, n_odd, FP_KEY_MAKE_NATIVE(0x7f0000001234, 0));
	uint32_t n_mark = writer_node(&w, 0, FP_KEY_MAKE_MARK(FP_MARK_unsampled));

	writer_cell(&w, main_thread, n_work, 40, 400000000, 400000000, FP_CPU_PYTHON);
	writer_cell(&w, main_thread, n_work2, 20 * slower, 200000000ull * slower, 100000000, FP_CPU_PYTHON);
	writer_cell(&w, main_thread, n_odd, 10, 100000000, 0, FP_CPU_SYSTEM);
	writer_cell(&w, main_thread, n_yaml, 15, 154000000, 154000000, FP_CPU_LIBRARY);
	writer_cell(&w, main_thread, n_mark, 0, 6000000, 0, FP_CPU_PYTHON);
	writer_cell(&w, worker, n_fib, 10, 100000000, 90000000, FP_CPU_PYTHON);
	writer_cell(&w, worker, n_native, 5, 47000000, 0, FP_CPU_NATIVE);
	for (unsigned i = 0; i < 10; i++)
		writer_sample(&w, main_thread, i < 6 ? n_work : n_work2, 100000 * (i + 1), 10000,
			      FP_SAMPLE_GIL);
	writer_sample(&w, main_thread, n_yaml, 1500000, 10000, FP_SAMPLE_GIL);
	writer_sample(&w, worker, n_fib, 200000, 10000, FP_SAMPLE_GIL);
	writer_sample(&w, worker, n_fib, 210000, 10000, 0);
	writer_sample(&w, worker, n_native, 230000, 10000, FP_CPU_NATIVE);
	writer_finish(&w, path);
}

static void write_child(const char *path)
{
	struct capture_writer w;

	writer_start(&w, 1010, "/usr/bin/dot", "dot -Tsvg");
	w.header.ppid = 1000;
	w.header.python_state = FP_PYTHON_ABSENT;
	w.header.start_monotonic_ns = 6000000000;
	w.header.end_monotonic_ns = 0;
	w.header.end_reason = FP_END_NONE;
	w.header.start_ticks = 1;
	uint32_t thread = writer_thread(&w, 1010, "dot", FP_THREAD_MAIN);
	uint32_t node = writer_node(&w, 0, FP_KEY_MAKE_MARK(FP_MARK_native));

	writer_cell(&w, thread, node, 8, 80000000, 0, FP_CPU_NATIVE);
	writer_sample(&w, thread, node, 50000, 80000, FP_CPU_NATIVE);
	writer_finish(&w, path);
}

static void write_empty(const char *path)
{
	struct capture_writer w;

	writer_start(&w, 1000, "/usr/bin/python3.12", "python3.12 -m waits");
	w.header.is_first = 1;
	w.header.cpu_user_ns = 4000000;
	writer_thread(&w, 1000, "python3.12", FP_THREAD_MAIN | FP_THREAD_PYTHON);
	writer_finish(&w, path);
}

/* Lines that leak, churn and map; two threads; every kind of record. */
static void write_memory(const char *path)
{
	struct capture_writer w;

	writer_start(&w, 1000, "/usr/bin/python3.12", "python3.12 leak.py");
	w.header.is_first = 1;
	uint32_t thread = writer_thread(&w, 1000, "python3.12", FP_THREAD_MAIN | FP_THREAD_PYTHON);
	uint32_t worker = writer_thread(&w, 1001, "pool", FP_THREAD_PYTHON);
	uint32_t module = writer_code(&w, "<module>", "<module>", "/home/u/project/leak.py", 1);
	uint32_t keep = writer_code(&w, "keep", "Cache.keep", "/home/u/project/leak.py", 30);
	uint32_t n_module = writer_python(&w, 0, module, 20);
	uint32_t n_keep = writer_python(&w, n_module, keep, 2), n_map = writer_python(&w, n_module, keep, 7);

	writer_memory(&w, FP_MEM_EXACT, true);
	uint32_t leak = writer_mem_cell(&w, thread, n_keep, FP_ALLOCATOR_PYTHON_MALLOC, 500);
	uint32_t churn = writer_mem_cell(&w, worker, n_module, FP_ALLOCATOR_MALLOC, 4000);
	uint32_t map = writer_mem_cell(&w, thread, n_map, FP_ALLOCATOR_MMAP, 1 << 20);
	for (uint64_t i = 0; i < 60; i++) {
		writer_alloc(&w, leak, 0x7f0000000000 + i * 512, 497 + i % 16);
		writer_alloc(&w, churn, 0x560000000000 + i % 7 * 4096, 3600 + i);
		if (i == 30)
			writer_mem_edge(&w);
		writer_free(&w, churn, 0x560000000000 + i % 7 * 4096, 3600 + i);
		if (i % 10 == 0) {
			writer_alloc(&w, map, 0x10000000 + (i << 20), 1 << 20);
			writer_stream_time(&w, i * 20, (20 + i) << 20);
			writer_mem_point(&w, i * 20, (20 + i) << 20, w.header.mem.heap_bytes);
		}
	}
	writer_mem_book(&w, map, -1, 1 << 19);
	writer_stream_unmap(&w, 0x10000000, 1 << 19);
	writer_stream_thread(&w, worker);
	writer_stream_free(&w, 0x7f0000000000);
	writer_mem_book(&w, leak, -1, 497);
	writer_copy(&w, thread, n_keep, 5 << 20, 1 << 20, 6);
	w.header.mem.at_peak = (struct fp_mem_balance){ .when_ns = 600000000, .heap_bytes = w.header.mem.peak_bytes,
							.rss_anon_bytes = 60 << 20 };
	w.header.mem.at_end = (struct fp_mem_balance){ .when_ns = 2400000000, .heap_bytes = w.header.mem.heap_bytes,
						       .rss_anon_bytes = 80 << 20 };
	w.header.mem.vm_hwm_bytes = 90 << 20;
	writer_finish(&w, path);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "run", "empty", "base", "memory", "lines" };
	char dir[512], path[600];

	if (argc != 2)
		return 2;
	mkdir(argv[1], 0777);
	for (int i = 0; i < 5; i++) {
		path_in(dir, sizeof(dir), argv[1], names[i]);
		mkdir(dir, 0777);
		path_in(path, sizeof(path), dir, "1000.0.fpc");
		if (i == 1)
			write_empty(path);
		else if (i == 3)
			write_memory(path);
		else if (i == 4)
			make_lines(argv[1], path);
		else
			write_main(path, i == 0 ? 1 : 3);
		path_in(path, sizeof(path), dir, "1010.0.fpc");
		if (i == 0)
			write_child(path);
	}
	return 0;
}
