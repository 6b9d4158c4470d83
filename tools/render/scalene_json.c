/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalene 2.4's own profile.  Render stage.  Its page puts the file into a
 * script as it is, so no text here ever holds "<"; source lines have it in the
 * escapes that the page undoes.
 */
#include "tools/render/scalene_head.h"
#include "tools/render/scalene_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB 1048576.0
#define SECOND 1e9
#define MOST_SPARKS 100u
#define MOST_BLANK_LINES 20000u

/* As JSON: a number as Scalene rounds none; never NaN. */
void fp_scalene_number(struct fp_json_out *j, const char *key, double value)
{
	char text[40] = "0";
	int n = value > 0 ? snprintf(text, sizeof(text), "%.6f", value) : 1;

	fp_json_key(j, key);
	while (n > 1 && text[n - 1] == '0' && text[n - 2] != '.')
		n--;
	fp_json_verbatim(j, text, (size_t)n);
}

/* With marks: the six characters \u003c themselves, as Scalene writes source. */
static char *escaped(const char *text, bool source, const char *tail)
{
	char *quoted = fp_json_quote(text), *out = NULL, *o;
	size_t n;

	if (!quoted)
		return NULL;
	n = strlen(quoted);
	out = malloc(7 * n + 16);
	o = out;
	for (size_t i = 0; out && i + 1 < n; i++) {
		const char *escape = quoted[i] == '<' ? "\\u003c" : quoted[i] == '>' ? "\\u003e" :
				     quoted[i] == '&' ? "\\u0026" : NULL;

		if (escape)
			o += sprintf(o, "%s%s", source ? "\\" : "", escape);
		else
			*o++ = quoted[i];
	}
	if (out)
		sprintf(o, "%s\"", tail);
	free(quoted);
	return out;
}

static void put_escaped(struct fp_json_out *j, const char *text, bool source, const char *tail)
{
	char *out = escaped(text, source, tail);

	if (out)
		fp_json_verbatim(j, out, strlen(out));
	else
		j->err = -ENOMEM;
	free(out);
}

void fp_scalene_string(struct fp_json_out *j, const char *key, const char *text)
{
	if (key)
		fp_json_key(j, key);
	put_escaped(j, text ? text : "", false, "");
}

/* Scalene's page takes names of files as markup: "<frozen x>" would vanish. */
void fp_scalene_file(struct fp_json_out *j, const char *key, const char *file)
{
	char *plain = malloc(3 * strlen(file) + 1), *o = plain;

	if (key)
		fp_json_key(j, key);
	for (; plain && *file; file++) {
		if (*file == '<' || *file == '>') {
			memcpy(o, *file == '<' ? "\u2039" : "\u203a", 3);
			o += 3;
		} else {
			*o++ = *file;
		}
	}
	if (!plain) {
		j->err = -ENOMEM;
		return;
	}
	*o = 0;
	put_escaped(j, plain, false, "");
	free(plain);
}

static void put_pair(struct fp_json_out *j, uint64_t when_ns, uint64_t n_bytes)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "[%llu,%.4f]", (unsigned long long)when_ns, (double)n_bytes / MIB);

	fp_json_verbatim(j, text, (size_t)n);
}

/* Nothing, what is held at the peak, and at the end: what is known of a line. */
static void put_memory_samples(const struct fp_scalene_job *job, const struct fp_source_sums *a)
{
	struct fp_json_out *j = job->j;

	fp_json_key(j, "memory_samples");
	fp_json_open(j, '[');
	if (a->peak_bytes || a->live_bytes) {
		put_pair(j, 0, 0);
		put_pair(j, job->s->peak_when_ns, a->peak_bytes);
		put_pair(j, job->p->wall_ns > job->s->peak_when_ns ? job->p->wall_ns : job->s->peak_when_ns + 1,
			 a->live_bytes);
	}
	fp_json_close(j, ']');
}

static double share(double part, double whole)
{
	return whole > 0 ? (part < whole ? part / whole : 1) : 0;
}

static void put_cpu(const struct fp_scalene_job *job, const struct fp_source_sums *a)
{
	const struct fp_source_sums *all = &job->s->all;
	double whole = (double)(all->python_ns + all->native_ns + all->system_ns);

	fp_scalene_number(job->j, "n_cpu_percent_python", 100 * share((double)a->python_ns, whole));
	fp_scalene_number(job->j, "n_cpu_percent_c", 100 * share((double)a->native_ns, whole));
	fp_scalene_number(job->j, "n_sys_percent", 100 * share((double)a->system_ns, whole));
	fp_scalene_number(job->j, "n_core_utilization", fp_source_utilisation(a));
}

static void put_memory(const struct fp_scalene_job *job, const struct fp_source_sums *a)
{
	struct fp_json_out *j = job->j;
	double elapsed_s = (double)job->p->wall_ns / SECOND;
	uint64_t peak = a->peak_bytes > a->live_bytes ? a->peak_bytes : a->live_bytes;
	uint64_t mean = fp_source_mean_bytes(job->s, a, job->p->wall_ns);

	fp_scalene_number(j, "n_avg_mb", (double)(mean < peak ? mean : peak) / MIB);
	fp_scalene_number(j, "n_peak_mb", (double)peak / MIB);
	fp_scalene_number(j, "n_growth_mb", (double)peak / MIB);
	fp_scalene_number(j, "n_malloc_mb", (double)a->alloc_bytes / MIB);
	fp_json_key(j, "n_mallocs");
	fp_json_uint(j, a->n_allocs);
	fp_scalene_number(j, "n_usage_fraction", share((double)a->alloc_bytes, (double)job->s->all.alloc_bytes));
	fp_scalene_number(j, "n_python_fraction", share((double)a->python_bytes, (double)a->alloc_bytes));
	fp_scalene_number(j, "n_copy_mb_s", elapsed_s > 0 ? (double)a->copy_bytes / MIB / elapsed_s : 0);
	if (a->copy_bytes)
		fp_scalene_number(j, "n_copy_mb", (double)a->copy_bytes / MIB);
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

static void put_line(const struct fp_scalene_job *job, uint32_t number, const char *text,
		     const struct fp_source_sums *a, uint32_t line)
{
	struct fp_json_out *j = job->j;
	char regions[256];
	int n = snprintf(regions, sizeof(regions),
			 "\"start_region_line\":%u,\"end_region_line\":%u,\"start_outermost_loop\":%u,"
			 "\"end_outermost_loop\":%u",
			 number, number, number, number);

	fp_json_newline(j);
	fp_json_open(j, '{');
	fp_json_key(j, "lineno");
	fp_json_uint(j, number);
	fp_json_key(j, "line");
	put_escaped(j, text, true, "\\n");
	put_cpu(job, a);
	put_memory(job, a);
	put_times(job, line);
	put_rest(j);
	fp_json_verbatim(j, regions, (size_t)n);
	fp_json_close(j, '}');
}

/* One for each line of the source, as the page finds line n at n - 1. */
static void put_lines(const struct fp_scalene_job *job, const struct fp_source_file *f)
{
	static const struct fp_source_sums nothing;
	const struct fp_source_line *lines = &job->s->lines[f->first_line];
	uint32_t n = f->text.n_lines, at = 0;

	for (uint32_t i = 0; i < f->n_lines; i++)
		if (lines[i].line > n && lines[i].line <= n + MOST_BLANK_LINES)
			n = lines[i].line;
	while (at < f->n_lines && !lines[at].line)
		at++; /* code without lines: in the file's and the functions' sums */
	fp_json_key(job->j, "lines");
	fp_json_open(job->j, '[');
	for (uint32_t number = 1; number <= n; number++) {
		bool has = at < f->n_lines && lines[at].line == number;

		put_line(job, number, number <= f->text.n_lines ? f->text.lines[number - 1] : "",
			 has ? &lines[at].sums : &nothing, has ? f->first_line + at : FP_SOURCE_NONE);
		at += has;
	}
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
		put_cpu(job, &function->sums);
		put_memory(job, &function->sums);
		put_times(job, FP_SOURCE_NONE);
		put_rest(j);
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

		if (l->leak_likelihood <= 0 || !l->line)
			continue;
		snprintf(number, sizeof(number), "%u", l->line);
		fp_json_key(j, number);
		fp_json_open(j, '{');
		fp_scalene_number(j, "likelihood", l->leak_likelihood);
		fp_scalene_number(j, "velocity_mb_s", l->leak_bytes_s / MIB);
		fp_json_close(j, '}');
	}
	fp_json_close(j, '}');
}

static void put_files(const struct fp_scalene_job *job)
{
	struct fp_json_out *j = job->j;

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
		put_lines(job, f);
		fp_json_close(j, '}');
	}
	fp_json_close(j, '}');
}

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
	fp_scalene_number(job->j, "max_footprint_mb", (double)job->s->peak_bytes / MIB);
	fp_scalene_number(job->j, "max_footprint_python_fraction",
			  best ? share((double)best->sums.python_bytes, (double)best->sums.alloc_bytes) : 0);
	fp_scalene_number(job->j, "growth_rate", 100 * share((double)all->live_bytes, (double)all->alloc_bytes));
	fp_scalene_number(job->j, "native_allocations_mb", (double)job->s->elsewhere.alloc_bytes / MIB);
}

static void put_samples(const struct fp_scalene_job *job)
{
	size_t n = job->s->n_points, step = n / MOST_SPARKS + 1;
	uint64_t last = UINT64_MAX;

	fp_json_key(job->j, "samples");
	fp_json_open(job->j, '[');
	for (size_t i = 0; i < n; i += step) {
		size_t best = i;

		for (size_t k = i; k < i + step && k < n; k++)
			if (job->s->points[k].heap_bytes > job->s->points[best].heap_bytes)
				best = k;
		if (job->s->points[best].when_ns != last)
			put_pair(job->j, job->s->points[best].when_ns, job->s->points[best].heap_bytes);
		last = job->s->points[best].when_ns;
	}
	fp_json_close(job->j, ']');
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
	put_samples(job);
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
			put_files(&job);
		fp_json_close(&j, '}');
		end = fp_json_end(&j);
		err = err ? err : end;
		fputc('\n', out);
		free(job.times);
		free(job.first_time);
	}
	fp_source_lines_destroy(s);
	return err ? err : ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_scalene_json = {
	.family = FP_FAMILY_SCALENE, .name = "json", .suffix = ".json", .what = "Scalene's profile",
	.viewer = "scalene view FILE, also --cli, --html and --standalone", .needs_samples = true, .render = render,
};
