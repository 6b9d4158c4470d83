/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalene 2.4's own profile: the run, and the rest from its other files.
 * Render stage.
 */
#include "tools/render/scalene_json.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND 1e9

/* The line with the most at the peak. */
static void put_peak_place(const struct fp_scalene_job *job)
{
	const struct fp_source_line *best = NULL;
	const struct fp_source_sums *all = &job->s->all;

	for (uint32_t i = 0; i < job->s->n_lines; i++)
		if (job->s->lines[i].line && job->s->lines[i].sums.peak_bytes > (best ? best->sums.peak_bytes : 0))
			best = &job->s->lines[i];
	fp_json_key(job->j, "max_footprint_fname");
	if (best)
		fp_scalene_file(job->j, NULL, job->s->files[best->file].name);
	else
		fp_json_null(job->j);
	fp_json_key(job->j, "max_footprint_lineno");
	if (best)
		fp_json_uint(job->j, best->line);
	else
		fp_json_null(job->j);
	fp_scalene_number(job->j, "max_footprint_mb", (double)job->s->peak_bytes / FP_SCALENE_MIB);
	fp_scalene_number(job->j, "max_footprint_python_fraction",
			  best ? fp_scalene_share((double)best->sums.python_bytes, (double)best->sums.alloc_bytes) : 0);
	fp_scalene_number(job->j, "growth_rate", 100 * fp_scalene_share((double)all->live_bytes, (double)all->alloc_bytes));
	fp_scalene_number(job->j, "native_allocations_mb", (double)job->s->elsewhere.alloc_bytes / FP_SCALENE_MIB);
}

static void put_how(const struct fp_scalene_job *job)
{
	char lines[FP_SCALENE_HEAD_LINES][FP_SCALENE_HEAD_BYTES];
	int n = fp_scalene_head(job->p, job->s, job->o, lines);

	fp_json_key(job->j, "filperf");
	fp_json_open(job->j, '[');
	for (int i = 0; i < n; i++)
		fp_scalene_string(job->j, NULL, lines[i]);
	fp_json_close(job->j, ']');
}

static void put_run(const struct fp_scalene_job *job)
{
	const struct fp_profile *p = job->p;
	struct fp_json_out *j = job->j;
	const char *command = p->command && p->command[0] ? p->command : p->label ? p->label : "";

	put_how(job);
	fp_json_newline(j);
	fp_scalene_string(j, "program", command);
	fp_scalene_string(j, "entrypoint_dir", p->cwd);
	fp_scalene_string(j, "filename", p->cwd);
	fp_json_key(j, "args");
	fp_json_null(j);
	fp_scalene_number(j, "elapsed_time_sec", (double)p->wall_ns / SECOND);
	fp_scalene_number(j, "start_time_absolute", (double)p->start_realtime_ns / SECOND);
	fp_scalene_number(j, "start_time_perf",
			  p->n_headers ? (double)p->headers[0].start_monotonic_ns / SECOND : 0);
	fp_json_key(j, "alloc_samples");
	fp_json_uint(j, job->s->all.n_allocs);
	fp_json_key(j, "gpu");
	fp_json_bool(j, false);
	fp_scalene_string(j, "gpu_device", "");
	fp_json_key(j, "memory");
	fp_json_bool(j, fp_scalene_has_memory(p, job->o));
	fp_json_key(j, "async_profile");
	fp_json_bool(j, false);
	put_peak_place(job);
	fp_scalene_heap(job);
	fp_json_newline(j);
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_json_out j;
	struct fp_scalene_job job = { .p = p, .o = o, .j = &j };
	struct fp_source_lines *s;
	int err = fp_scalene_model(p, o, &s), end;

	if (err)
		return err;
	job.s = s;
	err = fp_json_begin(&j, out, false);
	if (!err) {
		err = fp_scalene_times_begin(&job);
		fp_json_open(&j, '{');
		if (!err) {
			put_run(&job);
			err = fp_scalene_stacks(&job);
		}
		fp_json_newline(&j);
		if (!err)
			fp_scalene_files(&job);
		fp_json_close(&j, '}');
		end = fp_json_end(&j);
		err = err ? err : end;
		fputc('\n', out);
		free(job.times);
		free(job.first_time);
	}
	fp_scalene_model_drop(o, s);
	return err ? err : ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_scalene_json = {
	.family = FP_FAMILY_SCALENE, .name = "json", .suffix = ".json", .what = "Scalene's profile",
	.viewer = "scalene view FILE, also --cli, --html and --standalone", .needs_samples = true, .render = render,
};
