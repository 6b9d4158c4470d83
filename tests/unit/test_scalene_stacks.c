/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks and their timeline in Scalene's JSON, of profiles that are larger than
 * what is written of them.
 */
#include "tools/render/scalene_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define CHILDREN 1000u

static const char name[] = "f", file[] = "/nowhere/a.py";
static struct fp_frame frames[] = { { .kind = FP_FRAME_PYTHON, .name = name, .qualname = name, .file = file, .line = 3 } };
static struct fp_stack_node nodes[CHILDREN + 3]; /* 1: the caller, 2: another, then the caller's children */
static struct fp_profile_process processes[1];
static struct fp_source_lines lines;
static const struct fp_render_options options;

/* What put() writes into an object. */
static cJSON *written(const struct fp_profile *p, int (*put)(const struct fp_scalene_job *job))
{
	struct fp_json_out j;
	struct fp_scalene_job job = { .p = p, .o = &options, .s = &lines, .j = &j };
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	cJSON *made;

	assert_int_equal(fp_json_begin(&j, out, false), 0);
	fp_json_open(&j, '{');
	assert_int_equal(put(&job), 0);
	fp_json_close(&j, '}');
	assert_int_equal(fp_json_end(&j), 0);
	fclose(out);
	made = cJSON_Parse(text);
	assert_non_null(made);
	free(text);
	return made;
}

static void small_stacks_count_on_their_callers(void **state)
{
	struct fp_profile_cell cells[CHILDREN + 2] = { { .stack = 1, .samples = 3000, .ns = { 3000 } },
						       { .stack = 2, .samples = 500, .ns = { 500 } } };
	struct fp_profile_thread thread = { .tid = 7, .is_main = true, .n_samples = 2 };
	struct fp_profile_sample samples[2] = { { .stack = 3 }, { .stack = 2 } };
	struct fp_profile p = { .frames = frames, .n_frames = 1, .nodes = nodes, .n_nodes = CHILDREN + 3, .cells = cells,
				.n_cells = CHILDREN + 2, .threads = &thread, .n_threads = 1, .processes = processes,
				.n_processes = 1, .samples = samples, .n_samples = 2 };
	cJSON *made, *stacks, *runs;

	(void)state;
	for (uint32_t i = 0; i < CHILDREN + 3; i++)
		nodes[i] = (struct fp_stack_node){ .parent = i > 2 };
	for (uint32_t i = 0; i < CHILDREN; i++)
		cells[i + 2] = (struct fp_profile_cell){ .stack = i + 3, .samples = 1, .ns = { 1 } };
	lines.all.python_ns = 4500;
	made = written(&p, fp_scalene_stacks);
	stacks = cJSON_GetObjectItem(made, "combined_stacks");
	assert_int_equal(cJSON_GetArraySize(stacks), 2);
	assert_int_equal(cJSON_GetArrayItem(cJSON_GetArrayItem(stacks, 0), 1)->valueint, 4000);
	assert_int_equal(cJSON_GetArrayItem(cJSON_GetArrayItem(stacks, 1), 1)->valueint, 500);
	/* a sample of a child is one of the caller's stack */
	runs = cJSON_GetObjectItem(made, "combined_stacks_timeline");
	assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(runs, 0), "stack_index")->valueint, 0);
	assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(runs, 1), "stack_index")->valueint, 1);
	cJSON_Delete(made);
}

static int put_timeline(const struct fp_scalene_job *job)
{
	static const uint32_t index_of[] = { UINT32_MAX, 0, 1 };

	int err = fp_scalene_timeline(job, index_of);

	fp_json_key_null(job->j, "next");
	return err;
}

static void a_long_timeline_is_thinned_over_the_run(void **state)
{
	enum { MANY = 70001 };
	struct fp_profile_thread threads[2] = { { .tid = 1, .n_samples = MANY },
						{ .tid = 2, .first_sample = MANY, .n_samples = MANY } };
	struct fp_profile_sample *samples = calloc(2 * (size_t)MANY, sizeof(*samples));
	struct fp_profile p = { .nodes = nodes, .n_nodes = 3, .threads = threads, .n_threads = 2, .samples = samples,
				.n_samples = 2 * (size_t)MANY };
	double sum[3] = { 0 }, last[3] = { 0 };
	cJSON *made, *run;
	int n = 0;

	(void)state;
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		samples[i].when_us = 1000ull * (i % MANY);
		samples[i].stack = 1 + i / 3 % 2;
	}
	made = written(&p, put_timeline);
	cJSON_ArrayForEach(run, cJSON_GetObjectItem(made, "combined_stacks_timeline")) {
		int tid = cJSON_GetObjectItem(run, "thread_id")->valueint;

		sum[tid] += cJSON_GetObjectItem(run, "count")->valuedouble;
		last[tid] = cJSON_GetObjectItem(run, "t_sec")->valuedouble;
		n++;
	}
	assert_true(n > 1000 && n <= 20002);
	for (int tid = 1; tid <= 2; tid++) {
		assert_true(sum[tid] >= MANY && sum[tid] <= MANY);
		assert_true(last[tid] > 69.9);
	}
	cJSON_Delete(made);
	free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_stacks_count_on_their_callers),
		cmocka_unit_test(a_long_timeline_is_thinned_over_the_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
