/* SPDX-License-Identifier: Apache-2.0 */
/* Parents of processes: numbers that come again, exec, orphans, made-up circles. */
#include "tools/model/process_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 6

struct one {
	int32_t pid, ppid, fork_parent;
	int64_t start_ns;
	uint64_t start_ticks;
};

static struct fp_capture_header headers[MANY];
static struct fp_profile_process processes[MANY];

static void expect(const struct one *given, const uint32_t *parents, uint32_t n, bool with_headers)
{
	struct fp_profile p = {.processes = processes, .n_processes = n, .headers = headers,
			       .n_headers = with_headers ? n : 0};
	uint32_t *got;

	memset(headers, 0, sizeof(headers));
	memset(processes, 0, sizeof(processes));
	for (uint32_t i = 0; i < n; i++) {
		headers[i].start_monotonic_ns = given[i].start_ns;
		headers[i].start_ticks = given[i].start_ticks;
		headers[i].forked = given[i].fork_parent != 0;
		headers[i].parent_pid = given[i].fork_parent;
		processes[i].pid = given[i].pid;
		processes[i].ppid = given[i].ppid;
		processes[i].capture = with_headers ? i : UINT32_MAX;
	}
	got = fp_parents_of_processes(&p);
	assert_non_null(got);
	assert_memory_equal(got, parents, n * sizeof(*parents));
	free(got);
}

#define NONE FP_PROCESS_NONE

static void a_tree(void **state)
{
	static const struct one given[] = {{10, 1, 0, 100, 1}, {11, 10, 10, 200, 2}, {12, 11, 0, 300, 3}, {13, 10, 0, 50, 4}};
	static const uint32_t parents[] = {NONE, 0, 1, NONE}; /* 13 is older than 10 */

	(void)state;
	expect(given, parents, 4, true);
}

static void a_number_comes_again(void **state)
{
	static const struct one given[] = {{10, 1, 0, 100, 1}, {20, 10, 0, 200, 2}, {21, 20, 0, 300, 3},
					   {20, 10, 0, 400, 9}, {21, 20, 0, 500, 10}};
	static const uint32_t parents[] = {NONE, 0, 1, 0, 3};

	(void)state;
	expect(given, parents, 5, true);
}

/* The second image of 20 has lost its parent; its child was made by that image. */
static void exec_and_orphans(void **state)
{
	static const struct one given[] = {{10, 1, 0, 100, 1}, {20, 10, 10, 200, 2}, {20, 1, 0, 300, 2},
					   {30, 20, 0, 400, 3}, {40, 1, 10, 500, 4}, {50, 99, 0, 600, 5}};
	static const uint32_t parents[] = {NONE, 0, 0, 2, 0, NONE};

	(void)state;
	expect(given, parents, 6, true);
}

static void circles_cannot_be(void **state)
{
	static const struct one given[] = {{1, 2, 0, 0, 0}, {2, 1, 0, 0, 0}, {3, 3, 0, 0, 0}, {3, 2, 0, 0, 0}};
	static const uint32_t parents[] = {NONE, 0, NONE, NONE};
	static const struct one timed[] = {{1, 2, 0, INT64_MIN, 7}, {2, 1, 0, INT64_MAX, 7}, {1, 2, 0, INT64_MAX, 8}};
	static const uint32_t timed_parents[] = {NONE, 0, 1};

	(void)state;
	expect(given, parents, 4, false);
	expect(timed, timed_parents, 3, true);
	expect(given, parents, 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree),
		cmocka_unit_test(a_number_comes_again),
		cmocka_unit_test(exec_and_orphans),
		cmocka_unit_test(circles_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
