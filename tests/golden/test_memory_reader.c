/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory in captures: the sums of cells, the rule of the peak, filters, and
 * what is left out when a capture is damaged.  Ordinary program.
 */
#include "tests/golden/capture_writer.h"
#include "tools/read/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];
static const struct fp_read_options all = { .lines = true, .subprocesses = true, .want_memory = true };

static struct fp_profile *read_with(const struct fp_read_options *o)
{
	struct fp_profile *p = NULL;
	char error[256] = "";

	if (fp_profile_read(path, o, &p, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return p;
}

static struct fp_profile *read_path(void)
{
	return read_with(&all);
}

static const char *leaf(const struct fp_profile *p, uint32_t stack)
{
	return p->frames[p->nodes[stack].frame].name;
}

/* What tests below begin with: two threads, f called by main at lines 11 and 12. */
struct made {
	uint32_t main_thread, worker, at_11, at_12, other;
};

static struct made begin(struct capture_writer *w, enum fp_mem_mode mode)
{
	struct made m;

	writer_start(w, 5, "/usr/bin/python3.12", "python3.12 a.py");
	m.main_thread = writer_thread(w, 5, "python3.12", FP_THREAD_MAIN);
	m.worker = writer_thread(w, 6, "worker", 0);
	uint32_t f = writer_code(w, "f", NULL, "a.py", 10);
	uint32_t g = writer_code(w, "g", NULL, "a.py", 40);
	m.at_11 = writer_python(w, 0, f, 1);
	m.at_12 = writer_python(w, 0, f, 2);
	m.other = writer_python(w, m.at_12, g, 3);
	writer_memory(w, mode, false);
	return m;
}

static void cells_have_their_sums(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	uint32_t id = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
	writer_mem_book(&w, id, 10, 100);
	writer_mem_edge(&w);
	writer_mem_book(&w, id, -4, 100);
	struct fp_mem_cell *c = writer_mem_cell_at(&w, id);
	c->birth_sum_ms = 6 * 500;
	c->n_temporary = 2;
	c->temporary_bytes = 200;
	c->first_ms = 17;
	c->ups = 3;
	c->downs = 1;
	c->checkpoint_bytes = 5;
	c->live_variance = 1; /* an exact cell has none */
	writer_mem_cell(&w, m.main_thread, m.at_12, FP_ALLOCATOR_MALLOC, 100); /* lost a race: empty */
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_non_null(p->memory);
	assert_int_equal(p->memory->mode, FP_MEM_EXACT);
	assert_int_equal(p->memory->n_processes, 1);
	assert_int_equal(p->memory->n_cells, 1);
	const struct fp_memory_cell *cell = &p->memory->cells[0];
	assert_string_equal(leaf(p, cell->stack), "f");
	assert_int_equal(p->frames[p->nodes[cell->stack].frame].line, 11);
	assert_int_equal(cell->node, m.at_11);
	assert_int_equal(p->threads[cell->thread].tid, 5);
	assert_int_equal(cell->n_allocs, 10);
	assert_int_equal(cell->alloc_bytes, 1000);
	assert_int_equal(cell->n_live, 6);
	assert_int_equal(cell->live_bytes, 600);
	assert_int_equal(cell->n_peak, 10);
	assert_int_equal(cell->peak_bytes, 1000);
	assert_int_equal(cell->n_temporary, 2);
	assert_int_equal(cell->temporary_bytes, 200);
	assert_int_equal(cell->age_mean_ms, 2000); /* the capture lasts 2.5 s */
	assert_int_equal(cell->first_ms, 17);
	assert_int_equal(cell->ups, 3);
	assert_int_equal(cell->downs, 1);
	assert_int_equal(cell->checkpoint_bytes, 5);
	assert_int_equal(cell->size_class, fp_size_class(100));
	assert_true(cell->live_variance == 0);
	assert_false(cell->sampled);
	assert_int_equal(p->headers[0].mem.peak_bytes, 1000);
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], NULL, NULL), -ENOENT);
	fp_profile_destroy(p);
}

/* One that changed before the peak, one after it, one at neither. */
static void peak_is_what_lived_then(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	uint32_t before = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
	uint32_t after = writer_mem_cell(&w, m.main_thread, m.at_12, FP_ALLOCATOR_MALLOC, 100);
	uint32_t never = writer_mem_cell(&w, m.main_thread, m.other, FP_ALLOCATOR_MALLOC, 100);
	writer_mem_book(&w, before, 5, 100);
	writer_mem_book(&w, after, 7, 100);
	writer_mem_edge(&w);
	writer_mem_book(&w, before, -5, 100);
	writer_mem_book(&w, after, -7, 100);
	writer_mem_book(&w, after, 20, 100);
	writer_mem_edge(&w); /* 2,000: the peak */
	writer_mem_book(&w, after, -19, 100);
	writer_mem_book(&w, never, 3, 100);
	w.header.mem.frozen_ns = 1000000000;
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	const struct fp_memory_cell *c = p->memory->cells;
	assert_int_equal(p->memory->n_cells, 3);
	assert_int_equal(c[0].peak_bytes, 0);
	assert_int_equal(c[1].peak_bytes, 2000);
	assert_int_equal(c[1].live_bytes, 100);
	assert_int_equal(c[2].peak_bytes, 0);
	assert_int_equal(c[2].live_bytes, 300);
	assert_int_equal(c[2].age_mean_ms, 1000); /* nothing counts after the freeze */
	fp_profile_destroy(p);
}

/* The number of the edge may wrap, and be newer in a cell than in the header. */
static void peak_numbers_are_compared_by_distance(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	uint32_t newer = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
	uint32_t older = writer_mem_cell(&w, m.main_thread, m.at_12, FP_ALLOCATOR_MALLOC, 100);
	writer_mem_book(&w, newer, 5, 100);
	writer_mem_book(&w, older, 5, 100);
	w.header.mem.peak_bytes = 1200;
	w.header.mem.peak_id = UINT32_MAX;
	writer_mem_cell_at(&w, newer)->peak_id = 2;
	writer_mem_cell_at(&w, newer)->peak_bytes = 700;
	writer_mem_cell_at(&w, older)->peak_id = UINT32_MAX - 1;
	writer_mem_cell_at(&w, older)->peak_bytes = 700;
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_int_equal(p->memory->cells[0].peak_bytes, 700);
	assert_int_equal(p->memory->cells[1].peak_bytes, 500);
	fp_profile_destroy(p);
}

static void heap_at_its_largest_is_the_peak(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	uint32_t a = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
	uint32_t carrier = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_CARRIER, 1 << 20);
	writer_mem_book(&w, carrier, 1, 1 << 20); /* no part of the heap */
	writer_mem_book(&w, a, 5, 100);
	writer_mem_edge(&w);
	writer_mem_book(&w, a, -2, 100);
	writer_mem_book(&w, a, 6, 100);
	w.header.mem.at_end = (struct fp_mem_balance){ .when_ns = 2000000000, .heap_bytes = 900 };
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_int_equal(p->memory->cells[0].n_peak, 9);
	assert_int_equal(p->memory->cells[0].peak_bytes, 900);
	assert_int_equal(p->headers[0].mem.peak_bytes, 900);
	assert_int_equal(p->headers[0].mem.at_peak.heap_bytes, 900);
	assert_int_equal(p->headers[0].mem.peak_when_ns, 2000000000);
	fp_profile_destroy(p);
}

/* The header is as old as the last tick, cells are not. */
static void a_killed_process_has_the_heap_of_its_cells(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	uint32_t a = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
	writer_mem_book(&w, a, 5, 100);
	w.header.mem.heap_bytes = w.header.mem.peak_bytes = 900;
	w.header.end_reason = FP_END_NONE;
	w.header.end_monotonic_ns = 0;
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_int_equal(p->headers[0].mem.heap_bytes, 500);
	assert_int_equal(p->headers[0].mem.peak_bytes, 900);
	assert_int_equal(p->memory->cells[0].age_mean_ms, 2400); /* to the last heartbeat */
	fp_profile_destroy(p);
}

static void sampled_counts_are_rounded(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_SAMPLED);

	(void)state;
	uint32_t id = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_PYTHON_MALLOC, 100);
	struct fp_mem_cell *c = writer_mem_cell_at(&w, id);
	*c = (struct fp_mem_cell){ .flags = FP_MEM_CELL_SAMPLED, .allocator = c->allocator,
				   .stack = c->stack, .size_class = c->size_class, .peak_id = 7,
				   .n_allocs = 10 * 256 + 128, .alloc_bytes = 1050,
				   .n_frees = 5 * 256 + 100, .freed_bytes = 550,
				   .birth_sum_ms = 1000 * (5 * 256 + 28), .n_temporary = 300,
				   .lived_byte_ms = 77, .alloc_variance = 9, .live_variance = 4, .peak_variance = 2 };
	w.header.mem.peak_bytes = 5000;
	w.header.mem.peak_id = 7;
	c->n_peak = 700;
	c->peak_bytes = 300;
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	const struct fp_memory_cell *cell = &p->memory->cells[0];
	assert_int_equal(p->memory->mode, FP_MEM_SAMPLED);
	assert_true(cell->sampled);
	assert_int_equal(cell->n_allocs, 11);
	assert_int_equal(cell->n_live, 5);
	assert_int_equal(cell->live_bytes, 500);
	assert_int_equal(cell->n_peak, 3);
	assert_int_equal(cell->n_temporary, 1);
	assert_int_equal(cell->age_mean_ms, 1500);
	assert_int_equal(cell->lived_byte_ms, 77);
	assert_true(cell->alloc_variance == 9 && cell->live_variance == 4 && cell->peak_variance == 2);
	fp_profile_destroy(p);
}

static void write_two_threads(void)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);
	uint32_t a = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
	uint32_t b = writer_mem_cell(&w, m.worker, m.at_12, FP_ALLOCATOR_MALLOC, 100);

	writer_mem_book(&w, a, 1, 100);
	writer_mem_book(&w, b, 2, 100);
	writer_copy(&w, m.main_thread, m.at_11, 1000, 0, 2);
	writer_copy(&w, m.worker, m.other, 10, 3000, 3);
	writer_mem_point(&w, 10, 4096, 100);
	writer_mem_point(&w, 20, 8192, 300);
	writer_mem_point(&w, 15, 8192, 300); /* time does not run back */
	writer_finish(&w, path);
}

static void threads_and_lines_are_chosen(void **state)
{
	struct fp_read_options o = all;
	struct fp_profile *p;

	(void)state;
	write_two_threads();
	p = read_path();
	assert_int_equal(p->memory->n_cells, 2);
	assert_int_equal(p->memory->n_copies, 2);
	assert_int_equal(p->memory->copies[1].bytes[FP_COPY_NATIVE], 3000);
	assert_int_equal(p->memory->copies[1].calls[FP_COPY_PYTHON], 3);
	assert_string_equal(leaf(p, p->memory->copies[1].stack), "g");
	assert_int_equal(p->memory->n_points, 2);
	assert_int_equal(p->memory->processes[0].n_points, 2);
	assert_string_equal(p->damage, "1 damaged record left out");
	fp_profile_destroy(p);
	o.only_thread = "worker";
	p = read_with(&o);
	assert_int_equal(p->memory->n_cells, 1);
	assert_int_equal(p->memory->cells[0].n_live, 2);
	assert_int_equal(p->memory->n_copies, 1);
	assert_string_equal(p->threads[p->memory->cells[0].thread].name, "worker");
	fp_profile_destroy(p);
	o = all;
	o.lines = false;
	p = read_with(&o);
	assert_int_equal(p->memory->cells[0].stack, p->memory->cells[1].stack);
	fp_profile_destroy(p);
	o.want_memory = false;
	p = read_with(&o);
	assert_null(p->memory);
	fp_profile_destroy(p);
}

static void a_process_without_memory_has_none(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_OFF);

	(void)state;
	writer_mem_book(&w, writer_mem_cell(&w, m.worker, m.at_12, FP_ALLOCATOR_MALLOC, 100), 1, 100);
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_null(p->memory);
	fp_profile_destroy(p);
}

static void copies_may_be_all_that_was_recorded(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_OFF);

	(void)state;
	writer_copy(&w, m.worker, m.other, 10, 3000, 3);
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_non_null(p->memory);
	assert_int_equal(p->memory->n_processes, 0);
	assert_int_equal(p->memory->n_cells, 0);
	assert_int_equal(p->memory->n_copies, 1);
	assert_int_equal(p->memory->copies[0].bytes[FP_COPY_NATIVE], 3000);
	assert_string_equal(leaf(p, p->memory->copies[0].stack), "g");
	fp_profile_destroy(p);
}

/* CPU without native frames, memory with them, in one tree of stacks. */
static void memory_keeps_the_native_frames_it_recorded(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	writer_module(&w, "/lib/libx.so", 0x7f0000000000, 0x7f0000100000);
	uint32_t native = writer_node(&w, m.at_11, FP_KEY_MAKE_NATIVE(0x7f0000001234, 0));
	writer_cell(&w, m.main_thread, native, 1, 1000, 0, FP_CPU_NATIVE);
	writer_mem_book(&w, writer_mem_cell(&w, m.main_thread, native, FP_ALLOCATOR_MALLOC, 9), 1, 9);
	w.header.mem.native = 1;
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_string_equal(leaf(p, p->cells[0].stack), "f");
	assert_string_equal(leaf(p, p->memory->cells[0].stack), "libx.so+0x1234");
	assert_int_equal(p->memory->cells[0].node, native);
	fp_profile_destroy(p);
}

static void cells_that_point_nowhere_are_left_out(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w, FP_MEM_EXACT);

	(void)state;
	for (int i = 0; i < 6; i++) {
		uint32_t id = writer_mem_cell(&w, m.main_thread, m.at_11, FP_ALLOCATOR_MALLOC, 100);
		writer_mem_book(&w, id, 1, 100);
		struct fp_mem_cell *c = writer_mem_cell_at(&w, id);
		c->stack = i == 0 ? 1000 : c->stack;
		c->thread = i == 1 ? 2 : c->thread;
		c->allocator = i == 2 ? FP_ALLOCATOR_MAX : c->allocator;
		c->size_class = i == 3 ? 300 : c->size_class;
		c->alloc_bytes = i == 4 ? UINT64_MAX : c->alloc_bytes;
		c->n_frees = i == 5 ? 2 : c->n_frees; /* written meanwhile: live is 0, not 2^64 */
	}
	writer_copy(&w, 77, m.at_11, 1, 1, 1);
	writer_copy(&w, 0, 1000, 1, 1, 1);
	writer_finish(&w, path);
	struct fp_profile *p = read_path();
	assert_int_equal(p->memory->n_cells, 1);
	assert_int_equal(p->memory->cells[0].n_live, 0);
	assert_int_equal(p->memory->n_copies, 0);
	assert_string_equal(p->damage, "7 damaged records left out");
	fp_profile_destroy(p);
}

static void the_version_before_memory_is_refused(void **state)
{
	struct capture_writer w;
	struct fp_profile *p = NULL;
	char error[256];

	(void)state;
	begin(&w, FP_MEM_EXACT);
	w.header.version = 1;
	writer_finish(&w, path);
	assert_int_equal(fp_profile_read(path, &all, &p, error, sizeof(error)), -EPROTONOSUPPORT);
	assert_non_null(strstr(error, "version 1 "));
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_have_their_sums),
		cmocka_unit_test(peak_is_what_lived_then),
		cmocka_unit_test(peak_numbers_are_compared_by_distance),
		cmocka_unit_test(heap_at_its_largest_is_the_peak),
		cmocka_unit_test(a_killed_process_has_the_heap_of_its_cells),
		cmocka_unit_test(sampled_counts_are_rounded),
		cmocka_unit_test(threads_and_lines_are_chosen),
		cmocka_unit_test(a_process_without_memory_has_none),
		cmocka_unit_test(copies_may_be_all_that_was_recorded),
		cmocka_unit_test(memory_keeps_the_native_frames_it_recorded),
		cmocka_unit_test(cells_that_point_nowhere_are_left_out),
		cmocka_unit_test(the_version_before_memory_is_refused),
	};
	snprintf(path, sizeof(path), "/tmp/fp-test-memory-%d", (int)getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
