/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_walk PID: prints the Python stacks of a stopped process, leaf first:
 * "python HEX", then per thread state "thread ID STATUS" and lines
 * "name<TAB>qualname<TAB>file<TAB>line<TAB>column<TAB>is_entry".
 */
#include "agent/python/remote/reader_remote.h"
#include "agent/python/layout.h"

#include "agent/capture/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64
#define FRAMES_MAX 20000

static void *take(void *ctx, size_t n_bytes)
{
	(void)ctx;
	return malloc(n_bytes + 1);
}

static int print_frame(const struct fp_python *py, const struct fp_reader *r, const struct fp_py_frame *f)
{
	struct fp_code_text text;
	struct fp_code_key key;
	uint32_t line, column;

	if (fp_python_code_key(py, r, f->code, &key) || fp_python_code_copy(py, r, &key, take, NULL, &text))
		return -1;
	line = fp_python_line(text.line_table, text.lines, text.lines_bytes, key.first_line, f->offset, &column);
	printf("%.*s\t%.*s\t%.*s\t%u\t%u\t%u\n", (int)text.name_bytes, text.name ? text.name : "",
	       (int)text.qualname_bytes, text.qualname ? text.qualname : "", (int)text.file_bytes,
	       text.file ? text.file : "", line, column, f->is_entry);
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const status_names[] = { "ok", "empty", "truncated", "torn" };
	static struct fp_py_frame frames[FRAMES_MAX];
	uintptr_t states[THREADS_MAX], thread_id = 0;
	static struct fp_python py;
	enum fp_walk_status status;
	struct fp_reader r;
	unsigned i, k, n, n_threads;
	int pid;

	if (argc != 2)
		return 2;
	pid = atoi(argv[1]);
	r = fp_reader_remote(pid);
	if (fp_python_find_remote(&py, pid)) {
		fprintf(stderr, "no CPython in process %d\n", pid);
		return 1;
	}
	if (py.state != FP_PYTHON_FOUND) {
		fprintf(stderr, "%s\n", py.reason);
		return 1;
	}
	printf("python %08x\n", py.version_hex);
	n_threads = fp_python_remote_threads(&py, &r, states, THREADS_MAX);
	for (i = 0; i < n_threads; i++) {
		n = fp_python_walk(&py, &r, states[i], frames, FRAMES_MAX, &status);
		r.read(&r, states[i] + py.layout->ts_thread_id, &thread_id, sizeof(thread_id));
		printf("thread %lu %s\n", (unsigned long)thread_id, status_names[status]);
		for (k = 0; k < n; k++)
			if (print_frame(&py, &r, &frames[k]))
				return 1;
	}
	return 0;
}
