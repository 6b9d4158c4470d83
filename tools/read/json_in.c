/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads back what render/json.c wrote.  Reader stage, ordinary program; cJSON
 * bounds the nesting, and every value's type is checked.
 */
#include "tools/read/key_map.h"
#include "tools/read/readers.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct threads {
	const struct fp_read_job *job;
	struct fp_key_map by_id; /* process and thread id -> thread */
	bool several;            /* processes */
};

static double number_of(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(item) && isfinite(item->valuedouble) ? item->valuedouble : 0.0;
}

static const char *text_of(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsString(item) ? item->valuestring : "";
}

/* Seconds to ns, within 0 and two years. */
static uint64_t ns_of(double seconds)
{
	return seconds > 0 && seconds < 7.2e7 ? (uint64_t)(seconds * 1e9 + 0.5) : 0;
}

static int id_of(const cJSON *object, const char *key)
{
	double id = number_of(object, key);
	return id > -2147483648.0 && id < 2147483648.0 ? (int)id : 0;
}

static uint64_t thread_key(int pid, int tid)
{
	return (uint64_t)(uint32_t)pid << 32 | (uint32_t)tid;
}

static int take_run(const struct fp_read_job *job, const cJSON *root)
{
	struct fp_profile *p = fp_builder_profile(job->b);
	double rate = number_of(root, "rate_hz"), start = number_of(root, "start_time");
	const char *command = text_of(root, "command"), *label = text_of(root, "label");

	p->rate_hz = rate >= 1 && rate <= 1e6 ? (uint32_t)rate : 100;
	p->has_time = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "has_time"));
	p->cut = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "cut"));
	p->wall_ns = ns_of(number_of(root, "wall_time"));
	p->start_realtime_ns = start > 0 && start < 9e9 ? (int64_t)(start * 1e9) : 0;
	p->command = fp_builder_string(job->b, command, strlen(command));
	p->label = fp_builder_string(job->b, label, strlen(label));
	return p->command && p->label ? 0 : -ENOMEM;
}

static int take_processes(struct threads *t, const cJSON *root)
{
	struct fp_builder *b = t->job->b;
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "processes")) {
		const char *name = text_of(item, "name"), *command = text_of(item, "command");
		struct fp_profile_process q = {
			.pid = id_of(item, "process_id"), .ppid = id_of(item, "parent_process_id"),
			.is_python = true, .exe = "",
			.is_first = fp_builder_profile(b)->n_processes == 0,
			.title = fp_builder_string(b, name, strlen(name)),
			.cmdline = fp_builder_string(b, command, strlen(command)),
			.capture = UINT32_MAX,
		};
		if (!q.title || !q.cmdline || fp_builder_process(b, &q) == UINT32_MAX)
			return -ENOMEM;
	}
	t->several = fp_builder_profile(b)->n_processes > 1;
	return 0;
}

static uint32_t find_process(const struct fp_profile *p, int pid)
{
	for (uint32_t i = 0; i < p->n_processes; i++)
		if (p->processes[i].pid == pid)
			return i;
	return 0;
}

static int take_threads(struct threads *t, const cJSON *root)
{
	struct fp_builder *b = t->job->b;
	struct fp_profile *p = fp_builder_profile(b);
	const cJSON *item;

	if (!p->n_processes)
		return fp_read_single_thread(b, "") == UINT32_MAX ? -ENOMEM : 0;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "threads")) {
		const char *name = text_of(item, "name");
		int pid = id_of(item, "process_id");
		struct fp_profile_thread thread = { .tid = id_of(item, "thread_id"),
						    .process = find_process(p, pid) };
		const char *clean = fp_builder_string(b, name, strnlen(name, 31));

		if (!clean)
			return -ENOMEM;
		snprintf(thread.name, sizeof(thread.name), "%s", clean);
		thread.is_main = thread.tid == pid;
		uint32_t at = fp_builder_thread(b, &thread);
		if (at == UINT32_MAX ||
		    fp_key_map_add(&t->by_id, thread_key(t->several ? pid : 0, thread.tid), at))
			return -ENOMEM;
	}
	return 0;
}

static bool is_wanted(const struct threads *t, uint32_t thread)
{
	const struct fp_profile *p = fp_builder_profile(t->job->b);
	const struct fp_profile_thread *th = &p->threads[thread];
	const struct fp_profile_process *q = &p->processes[th->process];

	return (t->job->options->subprocesses || q->is_first) &&
	       fp_read_wants_thread(t->job->options, th->name, th->tid) &&
	       fp_read_wants_process(t->job->options, q->title, "", q->pid);
}

static int take_sample(struct threads *t, const cJSON *item)
{
	const struct fp_read_options *o = t->job->options;
	struct fp_builder *b = t->job->b;
	int pid = t->several ? id_of(item, "process_id") : 0;
	uint32_t thread = fp_key_map_find(&t->by_id, thread_key(pid, id_of(item, "thread_id")),
					  NULL, NULL);
	uint64_t ns = ns_of(number_of(item, "time")), gil_ns = ns_of(number_of(item, "gil_time"));
	const cJSON *text;
	uint32_t node = 0;

	if (thread == FP_KEY_MISSING || !is_wanted(t, thread) || (o->gil_only && !gil_ns))
		return 0;
	cJSON_ArrayForEach(text, cJSON_GetObjectItemCaseSensitive(item, "stack")) {
		if (!cJSON_IsString(text))
			continue;
		uint32_t frame = fp_read_frame_text(b, text->valuestring,
						    strlen(text->valuestring), o->lines);
		node = frame == UINT32_MAX ? frame : fp_builder_node(b, node, frame);
		if (node == UINT32_MAX)
			return -ENOMEM;
	}
	if (gil_ns > ns || o->gil_only)
		ns = gil_ns;
	struct fp_profile_cell cell = { .thread = thread, .stack = node, .gil_ns = gil_ns,
					.samples = 1, .gil_samples = gil_ns * 2 > ns };
	cell.ns[FP_CPU_PYTHON] = ns;
	return fp_builder_cell(b, &cell);
}

/* The order of a file that merged equal stacks is no order. */
static int take_timeline(struct threads *t, const cJSON *samples)
{
	struct fp_builder *b = t->job->b;
	const cJSON *item, *text;
	int err = 0;
	uint32_t last = 0;

	cJSON_ArrayForEach(item, samples) {
		int pid = t->several ? id_of(item, "process_id") : 0;
		uint32_t thread = fp_key_map_find(&t->by_id,
						  thread_key(pid, id_of(item, "thread_id")), NULL, NULL);
		uint32_t node = 0;

		if (thread == FP_KEY_MISSING || thread < last || !is_wanted(t, thread))
			continue;
		last = thread;
		cJSON_ArrayForEach(text, cJSON_GetObjectItemCaseSensitive(item, "stack")) {
			if (!cJSON_IsString(text))
				continue;
			uint32_t frame = fp_read_frame_text(b, text->valuestring,
							    strlen(text->valuestring),
							    t->job->options->lines);
			node = frame == UINT32_MAX ? frame : fp_builder_node(b, node, frame);
			if (node == UINT32_MAX)
				return -ENOMEM;
		}
		uint64_t us = ns_of(number_of(item, "time")) / 1000;
		uint64_t gil_us = ns_of(number_of(item, "gil_time")) / 1000;
		struct fp_profile_sample s = {
			.when_us = ns_of(number_of(item, "timestamp")) / 1000 + us,
			.flags = gil_us * 2 > us ? FP_SAMPLE_GIL : 0, .stack = node,
			.weight_us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX,
		};
		err = fp_builder_sample(b, thread, &s);
		if (err)
			return err;
	}
	return 0;
}

int fp_read_json(const struct fp_read_job *job, const char *path, const char *text,
		 size_t n_bytes)
{
	struct threads t = { .job = job };
	cJSON *root = cJSON_ParseWithLength(text, n_bytes);
	const cJSON *samples = cJSON_GetObjectItemCaseSensitive(root, "samples"), *item;
	int err;

	if (!root || !cJSON_IsArray(samples) ||
	    strcmp(text_of(root, "format"), "filperf-1") != 0) {
		cJSON_Delete(root);
		return fp_read_refuse(job, -EBADMSG, root ? "%s is JSON, but not of filperf: only a "
				      "report made with format json can be read back" :
				      "%s is not whole JSON: give the .filperf directory", path);
	}
	err = take_run(job, root);
	if (!err)
		err = take_processes(&t, root);
	if (!err)
		err = take_threads(&t, root);
	cJSON_ArrayForEach(item, samples) {
		if (err)
			break;
		err = take_sample(&t, item);
	}
	if (!err && job->options->want_samples &&
	    cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(root, "samples_merged")))
		err = take_timeline(&t, samples);
	fp_key_map_free(&t.by_id);
	cJSON_Delete(root);
	return err == -ENOMEM ? fp_read_refuse(job, err, "not enough memory to read %s", path) : err;
}
