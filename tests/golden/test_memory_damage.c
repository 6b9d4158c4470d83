/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of allocations that are cut, damaged, left early or gone.  Ordinary
 * program.
 */
#include "tests/golden/capture_writer.h"
#include "tools/read/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64], moved[80];

static struct fp_profile *read_path(void)
{
	struct fp_read_options o = { .lines = true, .subprocesses = true, .want_memory = true };
	struct fp_profile *p = NULL;
	char error[256] = "";

	if (fp_profile_read(path, &o, &p, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return p;
}

struct seen {
	struct fp_memory_event events[128];
	size_t n, stop_at;
};

static int see(void *ctx, const struct fp_memory_event *e)
{
	struct seen *s = ctx;

	assert_true(s->n < 128);
	s->events[s->n++] = *e;
	return s->n == s->stop_at ? 77 : 0;
}

static void see_all(const struct fp_profile *p, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], see, s), 0);
}

static void assert_prefix(const struct seen *part, const struct seen *whole)
{
	assert_true(part->n <= whole->n);
	for (size_t i = 0; i < part->n; i++) {
		const struct fp_memory_event *a = &part->events[i], *b = &whole->events[i];

		assert_true(a->kind == b->kind && a->cell == b->cell && a->thread == b->thread &&
			    a->address == b->address && a->size == b->size &&
			    a->when_ms == b->when_ms && a->born_ms == b->born_ms &&
			    a->rss_bytes == b->rss_bytes);
	}
}

static void write_varied(void)
{
	struct capture_writer w;

	writer_start(&w, 5, "/usr/bin/python3.12", "python3.12 a.py");
	uint32_t thread = writer_thread(&w, 5, "python3.12", FP_THREAD_MAIN);
	uint32_t at = writer_python(&w, 0, writer_code(&w, "f", NULL, "a.py", 10), 1);
	writer_thread(&w, 6, "worker", 0);
	writer_memory(&w, FP_MEM_EXACT, true);
	uint32_t small = writer_mem_cell(&w, thread, at, FP_ALLOCATOR_MALLOC, 100);
	uint32_t large = writer_mem_cell(&w, thread, at, FP_ALLOCATOR_MALLOC, 5000);
	uint32_t map = writer_mem_cell(&w, thread, at, FP_ALLOCATOR_MMAP, 1 << 16);
	for (uint32_t id = small; id <= map; id++) /* cells without events are no cells */
		writer_mem_book(&w, id, 1, 1);
	for (uint64_t i = 0; i < 40; i++) {
		writer_stream_alloc(&w, i % 3 ? small : large, 0x7f0000000000 + (i << (i % 20)) * 64,
				    i % 3 ? 97 + i % 16 : 4500 + i);
		if (i % 4 == 3)
			writer_stream_free(&w, 0x7f0000000000 + ((i - 2) << ((i - 2) % 20)) * 64);
		if (i % 8 == 0)
			writer_stream_time(&w, 10 * i, 1 << 20);
		if (i % 10 == 0)
			writer_stream_alloc(&w, map, 0x10000 + (i << 20), 1 << 16);
		if (i % 10 == 5)
			writer_stream_unmap(&w, 0x11000 + ((i - 5) << 20), 1 << 12);
		if (i % 13 == 0)
			writer_stream_thread(&w, 1);
	}
	writer_finish(&w, path);
}

static struct fp_region stream_region(int fd)
{
	struct fp_region r;
	off_t at = (off_t)(offsetof(struct fp_capture_header, regions) +
			   FP_REGION_MEM_STREAM * sizeof(r));

	assert_int_equal(pread(fd, &r, sizeof(r), at), sizeof(r));
	return r;
}

static void set_used(int fd, uint64_t used_bytes)
{
	off_t at = (off_t)(offsetof(struct fp_capture_header, regions) +
			   FP_REGION_MEM_STREAM * sizeof(struct fp_region) +
			   offsetof(struct fp_region, used_bytes));

	assert_int_equal(pwrite(fd, &used_bytes, sizeof(used_bytes), at), sizeof(used_bytes));
}

/* Cut at every byte: what is whole comes, as in the whole stream. */
static void a_cut_stream_gives_its_beginning(void **state)
{
	static struct seen whole, part;
	size_t n_last = 0;

	(void)state;
	write_varied();
	int fd = open(path, O_RDWR);
	struct fp_region r = stream_region(fd);
	struct fp_profile *p = read_path();
	see_all(p, &whole);
	fp_profile_destroy(p);
	assert_true(r.used_bytes > 200 && whole.n > 60);
	for (uint64_t n = 0; n <= r.used_bytes; n++) {
		set_used(fd, n);
		p = read_path();
		see_all(p, &part);
		assert_true(part.n >= n_last && part.n <= whole.n);
		assert_prefix(&part, &whole);
		n_last = part.n;
		fp_profile_destroy(p);
	}
	assert_int_equal(n_last, whole.n);
	/* a file that ends within the stream, though its header says more */
	assert_int_equal(ftruncate(fd, (off_t)(r.offset_bytes + r.used_bytes / 2)), 0);
	p = read_path();
	see_all(p, &part);
	assert_true(part.n > 0 && part.n < whole.n);
	assert_prefix(&part, &whole);
	assert_true(p->cut);
	fp_profile_destroy(p);
	close(fd);
}

/* What a running program writes after the profile was read may name new cells. */
static void the_stream_ends_where_it_ended_when_read(void **state)
{
	static struct seen first, again;

	(void)state;
	write_varied();
	int fd = open(path, O_RDWR);
	struct fp_region r = stream_region(fd);
	set_used(fd, r.used_bytes / 2);
	struct fp_profile *p = read_path();
	see_all(p, &first);
	set_used(fd, r.used_bytes);
	see_all(p, &again);
	assert_int_equal(again.n, first.n);
	fp_profile_destroy(p);
	close(fd);
}

static int check_ids(void *ctx, const struct fp_memory_event *e)
{
	const struct fp_profile *p = ctx;

	assert_true(e->cell < p->memory->n_cells || e->cell == UINT32_MAX);
	assert_true(e->kind != FP_MEMORY_ALLOC || e->cell != UINT32_MAX);
	assert_true(e->thread < p->n_threads || e->thread == UINT32_MAX);
	assert_true(e->size <= 1ull << 57 && e->address <= 1ull << 57);
	return 0;
}

static void any_byte_may_be_wrong(void **state)
{
	static const uint8_t values[] = { 0, 1, 2, 3, 0x40, 0x5f, 0x7f, 0x80, 0xc0, 0xff };

	(void)state;
	write_varied();
	int fd = open(path, O_RDWR);
	struct fp_region r = stream_region(fd);
	struct fp_profile *p = read_path();
	for (uint64_t i = 0; i < r.used_bytes; i++) {
		uint8_t was;

		assert_int_equal(pread(fd, &was, 1, (off_t)(r.offset_bytes + i)), 1);
		for (size_t k = 0; k < sizeof(values); k++) {
			assert_int_equal(pwrite(fd, &values[k], 1, (off_t)(r.offset_bytes + i)), 1);
			assert_int_equal(fp_memory_events(p, &p->memory->processes[0], check_ids, p), 0);
		}
		assert_int_equal(pwrite(fd, &was, 1, (off_t)(r.offset_bytes + i)), 1);
	}
	fp_profile_destroy(p);
	close(fd);
}

static void whoever_takes_may_stop(void **state)
{
	struct seen s = { .stop_at = 3 };

	(void)state;
	write_varied();
	struct fp_profile *p = read_path();
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], see, &s), 77);
	assert_int_equal(s.n, 3);
	assert_int_equal(rename(path, moved), 0); /* keeps the file's number in use */
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], see, &s), -ESTALE);
	write_varied();
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], see, &s), -ESTALE);
	unlink(moved);
	fp_profile_destroy(p);
}

static void absurd_headers_are_bounded(void **state)
{
	struct fp_mem_header absurd;

	(void)state;
	write_varied();
	int fd = open(path, O_RDWR);
	memset(&absurd, 0xff, sizeof(absurd));
	for (uint32_t mode = FP_MEM_SAMPLED; mode <= FP_MEM_EXACT + 1; mode++) {
		absurd.mode = mode;
		assert_int_equal(pwrite(fd, &absurd, sizeof(absurd), offsetof(struct fp_capture_header, mem)),
				 sizeof(absurd));
		struct fp_profile *p = read_path();
		assert_int_equal(p->memory != NULL, mode <= FP_MEM_EXACT);
		assert_int_equal(p->headers[0].mem.frozen_ns, 0);
		assert_int_equal(p->headers[0].mem.heap_bytes, 0);
		assert_int_equal(p->headers[0].mem.at_end.rss_anon_bytes, 0);
		fp_profile_destroy(p);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_stream_gives_its_beginning),
		cmocka_unit_test(the_stream_ends_where_it_ended_when_read),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(absurd_headers_are_bounded),
		cmocka_unit_test(whoever_takes_may_stop),
	};
	snprintf(path, sizeof(path), "/tmp/fp-test-damage-%d", (int)getpid());
	snprintf(moved, sizeof(moved), "%s.moved", path);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
