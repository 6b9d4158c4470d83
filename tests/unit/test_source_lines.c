/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums per source line of a profile made by hand.
 */
#include "tools/model/source_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define A "/nowhere/a.py"
#define LIB "/nowhere/lib.py"

static const char name_main[] = "main", name_f[] = "f", name_c[] = "memcpy", file_a[] = A, file_lib[] = LIB;

/* main (a.py:3) -> f (lib.py:7) -> memcpy; and a stack without Python. */
static struct fp_frame frames[] = {
	{ .kind = FP_FRAME_PYTHON, .name = name_main, .qualname = name_main, .file = file_a, .line = 3, .first_line = 1 },
	{ .kind = FP_FRAME_PYTHON, .name = name_f, .qualname = name_f, .file = file_lib, .line = 7, .first_line = 5 },
	{ .kind = FP_FRAME_NATIVE, .name = name_c, .qualname = name_c, .file = "libc.so" },
	{ .kind = FP_FRAME_PYTHON, .name = name_main, .qualname = name_main, .file = file_a, .line = 4, .first_line = 1 },
};
static struct fp_stack_node nodes[] = { { 0, 0 }, { 0, 0 }, { 1, 1 }, { 2, 2 }, { 0, 2 }, { 0, 3 } };
static struct fp_profile_process processes[] = { { .pid = 1, .is_python = true, .is_first = true } };
static struct fp_profile_thread threads[] = { { .tid = 1, .is_main = true,
	.record = { .cpu_clock_ns = 600, .start_ns = 0, .end_ns = 1000 } } };
static struct fp_profile_cell cells[] = {
	{ .stack = 1, .samples = 2, .ns = { 100, 50, 0, 10 } },
	{ .stack = 3, .samples = 3, .ns = { 0, 0, 300, 0 } },
	{ .stack = 4, .samples = 1, .ns = { 0, 0, 40, 0 } },
	{ .stack = 5, .samples = 5, .ns = { 100, 0, 0, 0 } },
};
static struct fp_memory_cell memory_cells[] = {
	{ .stack = 2, .allocator = FP_ALLOCATOR_PYTHON_MALLOC, .n_allocs = 10, .alloc_bytes = 1000, .n_live = 4,
	  .live_bytes = 400, .n_peak = 6, .peak_bytes = 600 },
	{ .stack = 3, .allocator = FP_ALLOCATOR_MALLOC, .n_allocs = 1, .alloc_bytes = 3000, .peak_bytes = 3000 },
	{ .stack = 2, .allocator = FP_ALLOCATOR_CARRIER, .n_allocs = 1, .alloc_bytes = 1 << 20, .peak_bytes = 1 << 20 },
};
static struct fp_memory_copy copies[] = { { .stack = 3, .bytes = { 20, 30 } } };
static struct fp_mem_point points[] = { { .when_ns = 10, .heap_bytes = 100, .rss_bytes = 500 },
					{ .when_ns = 700, .heap_bytes = 300, .rss_bytes = 800 } };
static struct fp_memory_process memory_processes[] = { { .n_points = 2, .n_cells = 3 } };
static struct fp_capture_header headers[1];
static struct fp_memory memory = { .mode = FP_MEM_EXACT, .cells = memory_cells, .n_cells = 3, .copies = copies,
				   .n_copies = 1, .processes = memory_processes, .n_processes = 1, .points = points,
				   .n_points = 2 };

static struct fp_profile profile(void)
{
	processes[0].capture = 0;
	headers[0].start_monotonic_ns = 5000;
	headers[0].end_monotonic_ns = 6000;
	headers[0].mem.peak_bytes = 3600;
	headers[0].mem.peak_when_ns = 500;
	return (struct fp_profile){ .frames = frames, .n_frames = 4, .nodes = nodes, .n_nodes = 6,
		.processes = processes, .n_processes = 1, .threads = threads, .n_threads = 1, .cells = cells,
		.n_cells = 4, .wall_ns = 1000, .headers = headers, .n_headers = 1, .memory = &memory, .cwd = "/",
		.damage = "" };
}

static struct fp_source_lines *make(const struct fp_source_options *o)
{
	struct fp_profile p = profile();
	struct fp_source_lines *s = NULL;

	assert_int_equal(fp_source_lines_make(&p, o, &s), 0);
	return s;
}

static const struct fp_source_line *line_of(const struct fp_source_lines *s, const char *file, uint32_t line)
{
	for (uint32_t i = 0; i < s->n_lines; i++)
		if (strcmp(s->files[s->lines[i].file].name, file) == 0 && s->lines[i].line == line)
			return &s->lines[i];
	return NULL;
}

static const struct fp_source_options everything = { .memory = true, .copies = true };

static void a_stack_counts_on_its_innermost_python_line(void **state)
{
	struct fp_source_lines *s = make(&everything);
	const struct fp_source_line *a = line_of(s, A, 3), *lib = line_of(s, LIB, 7);

	(void)state;
	assert_int_equal(s->n_files, 2);
	assert_non_null(a);
	assert_non_null(lib);
	assert_int_equal(a->sums.python_ns, 150);
	assert_int_equal(a->sums.native_ns, 0);
	assert_int_equal(a->sums.system_ns, 10);
	assert_int_equal(lib->sums.native_ns, 300);
	assert_int_equal(lib->sums.alloc_bytes, 4000);
	assert_int_equal(lib->sums.python_bytes, 1000);
	assert_int_equal(lib->sums.peak_bytes, 3600);
	assert_int_equal(lib->sums.n_allocs, 11);
	assert_int_equal(lib->sums.n_frees, 7);
	assert_int_equal(lib->sums.copy_bytes, 50);
	assert_int_equal(s->elsewhere.native_ns, 40);
	assert_int_equal(s->all.samples, 11);
	assert_int_equal(s->line_of_node[3], lib - s->lines);
	assert_int_equal(s->line_of_node[4], FP_SOURCE_NONE);
	fp_source_lines_destroy(s);
}

static void what_is_filtered_out_counts_on_its_caller(void **state)
{
	struct fp_source_options o = everything;

	(void)state;
	o.not_files = "*/lib.py";
	struct fp_source_lines *s = make(&o);
	assert_int_equal(s->n_files, 1);
	assert_null(line_of(s, LIB, 7));
	assert_int_equal(line_of(s, A, 3)->sums.native_ns, 300);
	assert_int_equal(line_of(s, A, 3)->sums.peak_bytes, 3600);
	assert_int_equal(line_of(s, A, 3)->sums.copy_bytes, 50);
	fp_source_lines_destroy(s);
	o.not_files = NULL;
	o.only_files = "*/lib.py";
	s = make(&o);
	assert_int_equal(s->n_files, 1);
	assert_int_equal(s->elsewhere.python_ns, 250);
	fp_source_lines_destroy(s);
}

static void functions_gather_their_lines(void **state)
{
	struct fp_source_lines *s = make(&everything);
	const struct fp_source_file *f = &s->files[s->lines[line_of(s, A, 3) - s->lines].file];

	(void)state;
	assert_int_equal(f->n_functions, 1);
	assert_int_equal(f->n_lines, 2);
	assert_string_equal(frames[s->functions[f->first_function].frame].name, "main");
	assert_int_equal(s->functions[f->first_function].sums.python_ns, 250);
	assert_int_equal(f->sums.samples, 7);
	assert_true(fp_source_utilisation(&f->sums) > 0.599 && fp_source_utilisation(&f->sums) < 0.601);
	assert_int_equal(f->text.n_lines, 0);
	fp_source_lines_destroy(s);
}

static void the_heap_over_time_has_the_peak_and_ends(void **state)
{
	struct fp_source_lines *s = make(&everything);

	(void)state;
	assert_int_equal(s->n_points, 4);
	assert_int_equal(s->peak_bytes, 3600);
	assert_int_equal(s->peak_when_ns, 500);
	assert_int_equal(s->points[1].heap_bytes, 3600);
	assert_int_equal(s->points[2].heap_bytes, 300);
	assert_int_equal(s->points[3].heap_bytes, 0);
	fp_source_lines_destroy(s);
}

static void the_average_has_the_time_that_blocks_lived(void **state)
{
	struct fp_profile p = profile();
	struct fp_source_lines *s = NULL;

	(void)state;
	p.wall_ns = 4000000;
	headers[0].end_monotonic_ns = headers[0].start_monotonic_ns + 4000000;
	memory_cells[0].age_mean_ms = 2; /* 400 of them for 2 ms */
	memory_cells[0].lived_byte_ms = 180;
	memory_cells[0].first_ms = 1;
	memory_cells[1].first_ms = 2;    /* all gone */
	memory_cells[1].lived_byte_ms = 3000;
	assert_int_equal(fp_source_lines_make(&p, &everything, &s), 0);
	assert_int_equal(fp_source_mean_bytes(&line_of(s, LIB, 7)->sums, p.wall_ns), (800 + 180 + 3000) / 4);
	assert_int_equal(line_of(s, LIB, 7)->sums.first_ns, 1000001);
	memory_cells[0].age_mean_ms = memory_cells[0].first_ms = memory_cells[1].first_ms = 0;
	memory_cells[0].lived_byte_ms = memory_cells[1].lived_byte_ms = 0;
	fp_source_lines_destroy(s);
}

static void without_memory_there_is_only_cpu(void **state)
{
	struct fp_source_options o = { 0 };
	struct fp_source_lines *s = make(&o);

	(void)state;
	assert_int_equal(s->all.alloc_bytes, 0);
	assert_int_equal(s->all.copy_bytes, 0);
	assert_int_equal(s->n_points, 0);
	fp_source_lines_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_counts_on_its_innermost_python_line),
		cmocka_unit_test(what_is_filtered_out_counts_on_its_caller),
		cmocka_unit_test(functions_gather_their_lines),
		cmocka_unit_test(the_heap_over_time_has_the_peak_and_ends),
		cmocka_unit_test(the_average_has_the_time_that_blocks_lived),
		cmocka_unit_test(without_memory_there_is_only_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
