/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files, functions and lines of Scalene's JSON.  Render stage.  A line costs
 * 500 bytes, and Scalene's page makes a row of each: files of the program's own
 * are whole, of those that are installed there are the lines near a figure.
 */
#include "tools/model/names.h"
#include "tools/render/scalene_json.h"

#define SECOND 1e9
#define NEAR 3u
#define MOST_WHOLE_LINES 20000u

/* Nothing at the first allocation, what is held at the peak, and at the end:
 * what is known of a line. */
static void put_memory_samples(const struct fp_scalene_job *job, const struct fp_source_sums *a)
{
	struct fp_json_out *j = job->j;
	uint64_t peak_ns = job->s->peak_when_ns;

	fp_json_key(j, "memory_samples");
	fp_json_open(j, '[');
	if (a->peak_bytes || a->live_bytes) {
		fp_scalene_pair(j, a->first_ns, 0);
		if (peak_ns > a->first_ns)
			fp_scalene_pair(j, peak_ns, a->peak_bytes);
		else
			peak_ns = a->first_ns;
		fp_scalene_pair(j, job->p->wall_ns > peak_ns ? job->p->wall_ns : peak_ns + 1, a->live_bytes);
	}
	fp_json_close(j, ']');
}

static void put_cpu(const struct fp_scalene_job *job, const struct fp_source_sums *a)
{
	const struct fp_source_sums *all = &job->s->all;
	double whole = (double)(all->python_ns + all->native_ns + all->system_ns);

	fp_scalene_number(job->j, "n_cpu_percent_python", 100 * fp_scalene_share((double)a->python_ns, whole));
	fp_scalene_number(job->j, "n_cpu_percent_c", 100 * fp_scalene_share((double)a->native_ns, whole));
	fp_scalene_number(job->j, "n_sys_percent", 100 * fp_scalene_share((double)a->system_ns, whole));
	fp_scalene_number(job->j, "n_core_utilization", fp_source_utilisation(a));
}

static void put_memory(const struct fp_scalene_job *job, const struct fp_source_sums *a)
{
	struct fp_json_out *j = job->j;
	double elapsed_s = (double)job->p->wall_ns / SECOND;
	uint64_t peak = a->peak_bytes > a->live_bytes ? a->peak_bytes : a->live_bytes;
	uint64_t mean = fp_source_mean_bytes(a, job->p->wall_ns);

	fp_scalene_number(j, "n_avg_mb", (double)(mean < peak ? mean : peak) / FP_SCALENE_MIB);
	fp_scalene_number(j, "n_peak_mb", (double)peak / FP_SCALENE_MIB);
	fp_scalene_number(j, "n_growth_mb", (double)peak / FP_SCALENE_MIB);
	fp_scalene_number(j, "n_malloc_mb", (double)a->alloc_bytes / FP_SCALENE_MIB);
	fp_json_key(j, "n_mallocs");
	fp_json_uint(j, a->n_allocs);
	fp_scalene_number(j, "n_usage_fraction", fp_scalene_share((double)a->alloc_bytes, (double)job->s->all.alloc_bytes));
	fp_scalene_number(j, "n_python_fraction", fp_scalene_share((double)a->python_bytes, (double)a->alloc_bytes));
	fp_scalene_number(j, "n_copy_mb_s", elapsed_s > 0 ? (double)a->copy_bytes / FP_SCALENE_MIB / elapsed_s : 0);
	if (a->copy_bytes)
		fp_scalene_number(j, "n_copy_mb", (double)a->copy_bytes / FP_SCALENE_MIB);
	put_memory_samples(job, a);
}

static void put_rest(struct fp_json_out *j)
{
	static const char fixed[] = "\"n_gpu_percent\":0,\"n_gpu_avg_memory_mb\":0,\"n_gpu_peak_memory_mb\":0";

	fp_json_verbatim(j, fixed, sizeof(fixed) - 1);
}

static void put_times(const struct fp_scalene_job *job, uint32_t line)
{
	struct fp_json_out *j = job->j;

	fp_json_key(j, "cpu_samples_list");
	fp_json_open(j, '[');
	if (line != FP_SOURCE_NONE)
		fp_scalene_times(job, line);
	fp_json_close(j, ']');
}

static void put_figures(const struct fp_scalene_job *job, const struct fp_source_sums *a, uint32_t line)
{
	put_cpu(job, a);
	put_memory(job, a);
	put_times(job, line);
	put_rest(job->j);
}

/* line: FP_SOURCE_NONE where nothing was measured. */
static void put_line(const struct fp_scalene_job *job, uint32_t number, const char *text, uint32_t line)
{
	static const char nothing[] =
		"\"n_cpu_percent_python\":0,\"n_cpu_percent_c\":0,\"n_sys_percent\":0,\"n_core_utilization\":0,"
		"\"n_avg_mb\":0,\"n_peak_mb\":0,\"n_growth_mb\":0,\"n_malloc_mb\":0,\"n_mallocs\":0,"
		"\"n_usage_fraction\":0,\"n_python_fraction\":0,\"n_copy_mb_s\":0,\"memory_samples\":[],"
		"\"cpu_samples_list\":[],\"n_gpu_percent\":0,\"n_gpu_avg_memory_mb\":0,\"n_gpu_peak_memory_mb\":0";
	static const char *const regions[] = { "start_region_line", "end_region_line", "start_outermost_loop",
					       "end_outermost_loop" };
	struct fp_json_out *j = job->j;

	fp_json_newline(j);
	fp_json_open(j, '{');
	fp_json_key_uint(j, "lineno", number);
	fp_json_key(j, "line");
	fp_scalene_source(j, text);
	if (line != FP_SOURCE_NONE)
		put_figures(job, &job->s->lines[line].sums, line);
	else
		fp_json_verbatim(j, nothing, sizeof(nothing) - 1);
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
		fp_json_key_uint(j, regions[i], number);
	fp_json_close(j, '}');
}

/* Lines of the text, and what was measured beyond its end. */
static void put_lines(const struct fp_scalene_job *job, const struct fp_source_file *f, bool whole)
{
	const struct fp_source_line *lines = &job->s->lines[f->first_line];
	uint32_t at = 0, last = 0;

	while (at < f->n_lines && !lines[at].line)
		at++; /* code without lines: in the file's and the functions' sums */
	fp_json_key_open(job->j, "lines", '[');
	for (uint32_t number = 1; number <= f->text.n_lines; number++) {
		bool has = at < f->n_lines && lines[at].line == number;
		bool near = (last && number - last <= NEAR) || (at < f->n_lines && lines[at].line - number <= NEAR);

		if (whole || near)
			put_line(job, number, f->text.lines[number - 1], has ? f->first_line + at : FP_SOURCE_NONE);
		last = has ? number : last;
		at += has;
	}
	for (; at < f->n_lines; at++)
		put_line(job, lines[at].line, "", f->first_line + at);
	fp_json_close(job->j, ']');
}

static void put_functions(const struct fp_scalene_job *job, const struct fp_source_file *f)
{
	struct fp_json_out *j = job->j;

	fp_json_key(j, "functions");
	fp_json_open(j, '[');
	for (uint32_t i = f->first_function; i < f->first_function + f->n_functions; i++) {
		const struct fp_source_function *function = &job->s->functions[i];
		const struct fp_frame *frame = &job->p->frames[function->frame];

		fp_json_open(j, '{');
		fp_json_key(j, "lineno");
		fp_json_uint(j, frame->first_line ? frame->first_line : 1);
		fp_scalene_string(j, "line", frame->qualname);
		put_figures(job, &function->sums, FP_SOURCE_NONE);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
}

static void put_leaks(const struct fp_scalene_job *job, const struct fp_source_file *f)
{
	struct fp_json_out *j = job->j;
	char number[16];

	fp_json_key(j, "leaks");
	fp_json_open(j, '{');
	for (uint32_t i = f->first_line; i < f->first_line + f->n_lines; i++) {
		const struct fp_source_line *l = &job->s->lines[i];

		if (l->sums.leak_likelihood <= 0 || !l->line)
			continue;
		snprintf(number, sizeof(number), "%u", l->line);
		fp_json_key(j, number);
		fp_json_open(j, '{');
		fp_scalene_number(j, "likelihood", l->sums.leak_likelihood);
		fp_scalene_number(j, "velocity_mb_s", l->sums.leak_bytes_s / FP_SCALENE_MIB);
		fp_json_close(j, '}');
	}
	fp_json_close(j, '}');
}

/* In a whole file line n is at n - 1, as Scalene's page looks first. */
static bool is_whole(const struct fp_source_file *f, uint32_t *n_whole)
{
	char package[256];

	fp_name_package(f->name, package, sizeof(package));
	if (package[0] || f->text.n_lines > MOST_WHOLE_LINES - *n_whole)
		return false;
	*n_whole += f->text.n_lines;
	return true;
}

void fp_scalene_files(const struct fp_scalene_job *job)
{
	struct fp_json_out *j = job->j;
	uint32_t n_whole = 0;

	fp_json_key(j, "files");
	fp_json_open(j, '{');
	for (uint32_t i = 0; i < job->s->n_files; i++) {
		const struct fp_source_file *f = &job->s->files[i];

		fp_json_newline(j);
		fp_scalene_file(j, NULL, f->name);
		fp_json_colon(j);
		fp_json_open(j, '{');
		fp_scalene_number(j, "percent_cpu_time", 100 * fp_source_cpu_share(job->s, &f->sums));
		fp_json_key(j, "imports");
		fp_json_open(j, '[');
		fp_json_close(j, ']');
		put_leaks(job, f);
		put_functions(job, f);
		put_lines(job, f, is_whole(f, &n_whole));
		fp_json_close(j, '}');
	}
	fp_json_close(j, '}');
}

