/* SPDX-License-Identifier: Apache-2.0 */
/* The capture's regions: reserved, populated, claimed, bounded by the limits. */
#include "tests/support/capture_fixture.h"

#include "agent/base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static void regions_do_not_overlap(void **state)
{
	struct fp_segment s;
	uint64_t end = 0;

	(void)state;
	assert_int_equal(fixture_open(&s, 16), 0);
	for (int i = 0; i < FP_REGION_MAX; i++) {
		const struct fp_region *r = &s.header->regions[i];

		assert_int_equal(r->offset_bytes % FP_PAGE_BYTES, 0);
		assert_true(r->offset_bytes >= end);
		end = r->offset_bytes + r->reserved_bytes;
	}
	assert_int_equal(end, s.header->file_bytes);
	assert_memory_equal(s.header->magic, FP_CAPTURE_MAGIC, 8);
	fixture_close(&s);
}

static void claims_are_consecutive_and_counted(void **state)
{
	struct fp_segment s;

	(void)state;
	assert_int_equal(fixture_open(&s, 16), 0);
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(fp_segment_claim(&s, FP_REGION_NODES, 16), i * 16);
	assert_int_equal(s.header->regions[FP_REGION_NODES].used_bytes, 160000);
	assert_true(s.header->regions[FP_REGION_NODES].populated_bytes >= 160000);
	fixture_close(&s);
}

static void a_full_region_says_so(void **state)
{
	struct fp_segment s;
	uint64_t reserved;

	(void)state;
	assert_int_equal(fixture_open(&s, 16), 0);
	reserved = s.header->regions[FP_REGION_MODULES].reserved_bytes;
	assert_int_equal(fp_segment_claim(&s, FP_REGION_MODULES, reserved), 0);
	assert_int_equal(fp_segment_claim(&s, FP_REGION_MODULES, 1), UINT64_MAX);
	assert_int_equal(fp_segment_populate(&s, FP_REGION_MODULES, reserved + 1), -EFBIG);
	fixture_close(&s);
}

static void the_file_is_sparse(void **state)
{
	struct fp_segment s;
	struct stat st;

	(void)state;
	assert_int_equal(fixture_open(&s, 512), 0);
	assert_int_equal(stat(s.path, &st), 0);
	assert_int_equal((uint64_t)st.st_size, s.n_bytes);
	assert_true(st.st_blocks * 512 < 256 << 10);
	assert_int_equal(st.st_mode & 0777, 0600);
	fixture_close(&s);
}

/* In a child: the limit must neither kill it nor be crossed. */
static int in_child_with_limit(int resource, rlim_t bytes)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct rlimit limit = {bytes, bytes};
		struct fp_segment s;
		int error;

		setrlimit(resource, &limit);
		error = fixture_open(&s, 512);
		if (error == 0) {
			int fits = s.n_bytes <= bytes;

			unlink(s.path);
			_exit(fits ? 0 : 1);
		}
		_exit(error == -EFBIG ? 2 : 3);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void limits_shrink_the_capture(void **state)
{
	(void)state;
	assert_int_equal(in_child_with_limit(RLIMIT_FSIZE, 8 << 20), 0);
	assert_int_equal(in_child_with_limit(RLIMIT_FSIZE, 4096), 2);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they reserve terabytes */
	assert_int_equal(in_child_with_limit(RLIMIT_AS, 400 << 20), 0);
#endif
}

static void an_existing_file_is_left_alone(void **state)
{
	struct fp_segment s, t = {0};

	(void)state;
	assert_int_equal(fixture_open(&s, 16), 0);
	assert_int_equal(fp_segment_create(&t, s.path, 16, NULL), -EEXIST);
	fixture_close(&s);
}

static void a_cut_file_refuses_growth(void **state)
{
	struct fp_segment s;

	(void)state;
	assert_int_equal(fixture_open(&s, 16), 0);
	assert_int_equal(truncate(s.path, FP_PAGE_BYTES * 4), 0);
	assert_int_equal(fp_segment_populate(&s, FP_REGION_LOG, 4096), -ENOSPC);
	assert_int_equal(s.header->losses[FP_LOSS_disk_full], 1);
	fixture_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_do_not_overlap),
		cmocka_unit_test(claims_are_consecutive_and_counted),
		cmocka_unit_test(a_full_region_says_so),
		cmocka_unit_test(the_file_is_sparse),
		cmocka_unit_test(limits_shrink_the_capture),
		cmocka_unit_test(an_existing_file_is_left_alone),
		cmocka_unit_test(a_cut_file_refuses_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
