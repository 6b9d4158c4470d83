/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of allocations: what each record becomes, which block a free
 * ends, mappings that end in parts.  Ordinary program.
 */
#include "tests/golden/capture_writer.h"
#include "tools/cli/store.h"
#include "tools/read/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64], copied[80];

static struct fp_profile *read_from(const char *from, const char *thread)
{
	struct fp_read_options o = { .lines = true, .subprocesses = true, .want_memory = true,
				     .only_thread = thread };
	struct fp_profile *p = NULL;
	char error[256] = "";

	if (fp_profile_read(from, &o, &p, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return p;
}

/* Cells of two threads: 100 bytes, 5000 bytes, a mapping, 16 bytes of worker. */
struct made {
	uint32_t small, large, map, worker_small;
};

static struct made begin(struct capture_writer *w)
{
	struct made m;

	writer_start(w, 5, "/usr/bin/python3.12", "python3.12 a.py");
	uint32_t main_thread = writer_thread(w, 5, "python3.12", FP_THREAD_MAIN);
	uint32_t worker = writer_thread(w, 6, "worker", 0);
	uint32_t at = writer_python(w, 0, writer_code(w, "f", NULL, "a.py", 10), 1);
	writer_memory(w, FP_MEM_EXACT, true);
	m.small = writer_mem_cell(w, main_thread, at, FP_ALLOCATOR_MALLOC, 100);
	m.large = writer_mem_cell(w, main_thread, at, FP_ALLOCATOR_MALLOC, 5000);
	m.map = writer_mem_cell(w, main_thread, at, FP_ALLOCATOR_MMAP, 1 << 16);
	m.worker_small = writer_mem_cell(w, worker, at, FP_ALLOCATOR_MALLOC, 16);
	for (uint32_t id = 1; id <= m.worker_small; id++) /* cells without events are no cells */
		writer_mem_book(w, id, 1, 1);
	return m;
}

/* Ids count from 1, the profile's cells from 0. */
#define CELL(id) ((id) - 1)

struct seen {
	struct fp_memory_event events[64];
	size_t n;
};

static int see(void *ctx, const struct fp_memory_event *e)
{
	struct seen *s = ctx;

	assert_true(s->n < 64);
	s->events[s->n++] = *e;
	return 0;
}

static void see_all(const struct fp_profile *p, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], see, s), 0);
}

#define assert_event(e, kind_, cell_, address_, size_) \
	do { \
		assert_int_equal((e).kind, kind_); \
		assert_int_equal((e).cell, cell_); \
		assert_int_equal((e).address, address_); \
		assert_int_equal((e).size, size_); \
	} while (0)

static void records_become_events(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w);
	struct seen s;

	(void)state;
	writer_stream_thread(&w, 1);
	writer_stream_free(&w, 0x7f0000000000); /* from before the hooks */
	writer_stream_time(&w, 20, 4096);
	writer_stream_alloc(&w, m.small, 0x5000, 97);
	writer_stream_alloc(&w, m.small, 0x4000, 112);
	writer_stream_alloc(&w, m.large, 0x7fff00000000, 5000);
	writer_stream_time(&w, 50, 8192);
	writer_stream_free(&w, 0x5000); /* realloc: an end, then a beginning */
	writer_stream_alloc(&w, m.large, 0x5000, 4999);
	writer_stream_thread(&w, 1);
	writer_stream_free(&w, 0x5000);
	writer_stream_alloc(&w, m.worker_small, 0x5000, 1);
	writer_stream_alloc(&w, 1, 0x6000, 3); /* the cell of what found no room has all sizes */
	writer_stream_free(&w, 0x6000);
	writer_finish(&w, path);
	struct fp_profile *p = read_from(path, NULL);
	see_all(p, &s);
	assert_int_equal(s.n, 12);
	assert_event(s.events[0], FP_MEMORY_FREE, UINT32_MAX, 0x7f0000000000, 0);
	assert_int_equal(s.events[0].thread, 1);
	assert_int_equal(s.events[1].kind, FP_MEMORY_TIME);
	assert_int_equal(s.events[1].rss_bytes, 4096);
	assert_event(s.events[2], FP_MEMORY_ALLOC, CELL(m.small), 0x5000, 97);
	assert_int_equal(s.events[2].when_ms, 20);
	assert_int_equal(s.events[2].thread, 0);
	assert_event(s.events[3], FP_MEMORY_ALLOC, CELL(m.small), 0x4000, 112);
	assert_event(s.events[4], FP_MEMORY_ALLOC, CELL(m.large), 0x7fff00000000, 5000);
	assert_event(s.events[6], FP_MEMORY_FREE, CELL(m.small), 0x5000, 97);
	assert_int_equal(s.events[6].thread, 0); /* an ALLOC sets it */
	assert_int_equal(s.events[6].born_ms, 20);
	assert_int_equal(s.events[6].when_ms, 50);
	assert_event(s.events[7], FP_MEMORY_ALLOC, CELL(m.large), 0x5000, 4999);
	assert_event(s.events[8], FP_MEMORY_FREE, CELL(m.large), 0x5000, 4999);
	assert_int_equal(s.events[8].thread, 1);
	assert_event(s.events[9], FP_MEMORY_ALLOC, CELL(m.worker_small), 0x5000, 1);
	assert_event(s.events[10], FP_MEMORY_ALLOC, CELL(1), 0x6000, 3);
	assert_event(s.events[11], FP_MEMORY_FREE, CELL(1), 0x6000, 3);
	fp_profile_destroy(p);
}

static void an_address_given_again_ends_its_block(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w);
	struct seen s;

	(void)state;
	writer_stream_alloc(&w, m.small, 0x5000, 100);
	writer_stream_alloc(&w, m.large, 0x5000, 5000);
	writer_stream_free(&w, 0x5000);
	writer_stream_free(&w, 0x5000);
	writer_finish(&w, path);
	struct fp_profile *p = read_from(path, NULL);
	see_all(p, &s);
	assert_int_equal(s.n, 5);
	assert_event(s.events[1], FP_MEMORY_FREE, CELL(m.small), 0x5000, 100);
	assert_event(s.events[2], FP_MEMORY_ALLOC, CELL(m.large), 0x5000, 5000);
	assert_event(s.events[3], FP_MEMORY_FREE, CELL(m.large), 0x5000, 5000);
	assert_event(s.events[4], FP_MEMORY_FREE, UINT32_MAX, 0x5000, 0);
	fp_profile_destroy(p);
}

/* 0x10000…0x50000 mapped; the middle, then over all from before to behind. */
static void mappings_end_in_parts(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w);
	struct seen s;

	(void)state;
	writer_stream_time(&w, 5, 1);
	writer_stream_alloc(&w, m.map, 0x10000, 0x40000);
	writer_stream_time(&w, 9, 1);
	writer_stream_unmap(&w, 0x20000, 0x10000);
	writer_stream_unmap(&w, 0x8000, 0x50000);
	writer_stream_unmap(&w, 0x10000, 0x1000);
	writer_finish(&w, path);
	struct fp_profile *p = read_from(path, NULL);
	see_all(p, &s);
	assert_int_equal(s.n, 10);
	assert_event(s.events[1], FP_MEMORY_ALLOC, CELL(m.map), 0x10000, 0x40000);
	assert_event(s.events[3], FP_MEMORY_UNMAP, CELL(m.map), 0x20000, 0x10000);
	assert_int_equal(s.events[3].born_ms, 5);
	assert_event(s.events[4], FP_MEMORY_UNMAP, UINT32_MAX, 0x8000, 0x8000);
	assert_event(s.events[5], FP_MEMORY_UNMAP, CELL(m.map), 0x10000, 0x10000);
	assert_event(s.events[6], FP_MEMORY_UNMAP, UINT32_MAX, 0x20000, 0x10000);
	assert_event(s.events[7], FP_MEMORY_UNMAP, CELL(m.map), 0x30000, 0x20000);
	assert_event(s.events[8], FP_MEMORY_UNMAP, UINT32_MAX, 0x50000, 0x8000);
	assert_event(s.events[9], FP_MEMORY_UNMAP, UINT32_MAX, 0x10000, 0x1000);
	fp_profile_destroy(p);
}

static void what_is_mapped_over_ends(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w);
	struct seen s;

	(void)state;
	writer_stream_alloc(&w, m.map, 0x10000, 0x20000);
	writer_stream_alloc(&w, m.map, 0x18000, 0x8000);
	writer_stream_unmap(&w, 0x10000, 0x20000);
	writer_finish(&w, path);
	struct fp_profile *p = read_from(path, NULL);
	see_all(p, &s);
	assert_int_equal(s.n, 6);
	assert_event(s.events[1], FP_MEMORY_UNMAP, CELL(m.map), 0x18000, 0x8000);
	assert_event(s.events[2], FP_MEMORY_ALLOC, CELL(m.map), 0x18000, 0x8000);
	assert_event(s.events[3], FP_MEMORY_UNMAP, CELL(m.map), 0x10000, 0x8000);
	assert_event(s.events[4], FP_MEMORY_UNMAP, CELL(m.map), 0x18000, 0x8000);
	assert_event(s.events[5], FP_MEMORY_UNMAP, CELL(m.map), 0x20000, 0x10000);
	fp_profile_destroy(p);
}

static void only_what_is_wanted_comes(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w);
	struct seen s;

	(void)state;
	writer_stream_alloc(&w, m.small, 0x5000, 100);
	writer_stream_alloc(&w, m.worker_small, 0x6000, 9);
	writer_stream_free(&w, 0x5000);
	writer_stream_thread(&w, 0);
	writer_stream_free(&w, 0x6000);
	writer_finish(&w, path);
	struct fp_profile *p = read_from(path, "worker");
	see_all(p, &s);
	assert_int_equal(s.n, 2);
	assert_event(s.events[0], FP_MEMORY_ALLOC, 0, 0x6000, 9);
	assert_int_equal(s.events[0].thread, 0);
	assert_event(s.events[1], FP_MEMORY_FREE, 0, 0x6000, 9);
	assert_int_equal(s.events[1].thread, UINT32_MAX);
	fp_profile_destroy(p);
}

#define PLACES 3000

/* Against an array: many blocks that come and go at few places. */
struct model {
	uint64_t size[PLACES];
	uint32_t cell[PLACES];
	size_t n_wrong, n;
};

static int compare(void *ctx, const struct fp_memory_event *e)
{
	struct model *m = ctx;
	size_t at = (e->address - 0x100000) / 16;

	m->n++;
	if (e->kind == FP_MEMORY_ALLOC) {
		m->n_wrong += m->size[at] != 0;
		m->size[at] = e->size;
		m->cell[at] = e->cell;
	} else {
		m->n_wrong += m->size[at] ? e->size != m->size[at] || e->cell != m->cell[at] :
				e->cell != UINT32_MAX;
		m->size[at] = 0;
	}
	return 0;
}

static void frees_find_their_blocks(void **state)
{
	static struct model model;
	struct capture_writer w;
	struct made m = begin(&w);
	uint64_t random = 88172645463325252ull;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t address = 0x100000 + 16 * ((random >> 33) % PLACES);
		if ((random >> 13) % 2)
			writer_stream_alloc(&w, m.small, address, 97 + (random >> 20) % 16);
		else
			writer_stream_free(&w, address);
	}
	writer_finish(&w, path);
	struct fp_profile *p = read_from(path, NULL);
	assert_int_equal(fp_memory_events(p, &p->memory->processes[0], compare, &model), 0);
	assert_true(model.n >= 300000); /* addresses given again end blocks too */
	assert_int_equal(model.n_wrong, 0);
	fp_profile_destroy(p);
}

static void copied_captures_keep_memory(void **state)
{
	struct capture_writer w;
	struct made m = begin(&w);
	struct seen s;

	(void)state;
	writer_alloc(&w, m.small, 0x1000, 100);
	writer_alloc(&w, m.small, 0x2000, 100);
	writer_copy(&w, 0, 1, 1000, 0, 2);
	writer_mem_point(&w, 10, 4096, 100);
	writer_finish(&w, path);
	unlink(copied);
	assert_int_equal(fp_store_copy_capture(path, copied), 0);
	struct fp_profile *p = read_from(copied, NULL);
	assert_int_equal(p->memory->cells[CELL(m.small)].live_bytes, 201);
	assert_int_equal(p->memory->n_copies, 1);
	assert_int_equal(p->memory->n_points, 1);
	assert_int_equal(p->headers[0].mem.heap_bytes, 205);
	see_all(p, &s);
	assert_int_equal(s.n, 2);
	fp_profile_destroy(p);
	unlink(copied);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_events),
		cmocka_unit_test(an_address_given_again_ends_its_block),
		cmocka_unit_test(mappings_end_in_parts),
		cmocka_unit_test(what_is_mapped_over_ends),
		cmocka_unit_test(only_what_is_wanted_comes),
		cmocka_unit_test(frees_find_their_blocks),
		cmocka_unit_test(copied_captures_keep_memory),
	};
	snprintf(path, sizeof(path), "/tmp/fp-test-events-%d", (int)getpid());
	snprintf(copied, sizeof(copied), "%s.copy", path);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
