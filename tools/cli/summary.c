/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The summary at the end of a run: at most 12 lines, the last of them the one
 * next command for the biggest finding.  Ordinary program, one thread.
 */
#include "tools/cli/report.h"
#include "tools/cli/summary_memory.h"
#include "tools/model/function_table.h"
#include "tools/model/import_bill.h"
#include "tools/model/names.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOP_LINES 5 /* with those of memory */
#define NOISE_SAMPLES 4 /* fewer could be none or twice as many */

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct facts {
	uint64_t cpu_ns, sampled_ns, agent_ns, booked_ns, samples, n_losses;
	uint64_t agent_bytes;
	uint32_t n_threads;
	double delivered_hz;
	double gil_share;
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void gather(const struct fp_profile *p, struct facts *f)
{
	uint64_t gil_ns = 0;

	memset(f, 0, sizeof(*f));
	f->cpu_ns = fp_summary_cpu_ns(p);
	f->sampled_ns = fp_summary_sampled_ns(p);
	for (uint32_t i = 0; i < p->n_threads; i++) {
		f->agent_ns += p->threads[i].record.agent_ns;
		f->samples += p->threads[i].record.samples;
		f->booked_ns += p->threads[i].record.booked_ns;
	}
	f->n_threads = p->n_threads;
	for (uint32_t i = 0; i < p->n_headers; i++) {
		f->agent_ns += p->headers[i].agent_boot_ns + p->headers[i].agent_fork_ns;
		if (p->headers[i].agent_memory_bytes > f->agent_bytes)
			f->agent_bytes = p->headers[i].agent_memory_bytes;
	}
	for (size_t i = 0; i < p->n_cells; i++)
		gil_ns += p->cells[i].gil_ns;
	f->gil_share = percent(gil_ns, f->sampled_ns);
	if (f->booked_ns)
		f->delivered_hz = (double)f->samples * 1e9 / (double)f->booked_ns;
	for (int i = 0; i < FP_LOSS_MAX; i++)
		f->n_losses += p->losses[i];
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* When the recording ended before the program did; 0: it did not. */
static double stopped_after_s(const struct fp_profile *p)
{
	for (uint32_t i = 0; i < p->n_headers; i++)
		if (p->headers[i].stopped_monotonic_ns && p->headers[i].settings.duration_ns)
			return (double)p->headers[i].settings.duration_ns / 1e9;
	return 0;
}

static void print_head(const struct fp_profile *p, const struct fp_report_files *files, const struct facts *f,
		       FILE *out)
{
	double stopped_s = stopped_after_s(p);

	fprintf(out, BOLD "filperf: %s" PLAIN ": %.2f s, CPU %.2f s, %u process%s, %u thread%s%s%s", files->label,
		(double)p->wall_ns / 1e9, (double)f->cpu_ns / 1e9, p->n_processes, p->n_processes == 1 ? "" : "es",
		f->n_threads, plural(f->n_threads), p->cut ? "; " : "", p->cut ? fp_summary_cut(p) : "");
	if (stopped_s > 0)
		fprintf(out, "; recorded for the first %g s", stopped_s);
	if (f->samples && (f->samples < 100 || f->cpu_ns < 1000000000u))
		fprintf(out, "; %llu sample%s in %.2f s: a line under %.0f %% is noise", (unsigned long long)f->samples,
			plural(f->samples), (double)f->cpu_ns / 1e9,
			f->samples > NOISE_SAMPLES ? 100.0 * NOISE_SAMPLES / (double)f->samples : 100.0);
	fputc('\n', out);
}

/* Returns the share of the largest line. */
static double print_top(const struct fp_profile *p, uint32_t n_lines, FILE *out)
{
	struct fp_function_table *t;
	double largest = 0;
	uint32_t *order, shown = 0;

	if (fp_function_table_make(p, FP_TABLE_LINE, false, UINT32_MAX, &t) < 0)
		return 0;
	order = fp_function_table_order(p, t, FP_ORDER_SELF);
	for (uint32_t i = 0; order && i < t->n_rows && shown < n_lines; i++) {
		const struct fp_row *row = &t->rows[order[i]];
		const struct fp_frame *frame = &p->frames[row->frame];
		char text[256];

		if (frame->kind == FP_FRAME_MARK || row->self_ns == 0)
			continue;
		fp_name_frame(p, frame, true, text, sizeof(text));
		fprintf(out, "  " BOLD "%5.1f %%" PLAIN "  %.100s\n", percent(row->self_ns, t->all_ns), text);
		if (shown++ == 0)
			largest = percent(row->self_ns, t->all_ns);
	}
	if (!shown) {
		char lines[2][256];
		int n = fp_summary_why_empty(p, lines, 2);

		for (int i = 0; i < n; i++)
			fprintf(out, "  %s\n", lines[i]);
	}
	free(order);
	fp_function_table_destroy(t);
	return largest;
}

struct program_share {
	const char *title;
	uint64_t ns;
};

static int by_share(const void *a, const void *b)
{
	const struct program_share *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : strcmp(x->title, y->title);
}

/* The largest programs without CPython: "; programs: dot 12.0 %". */
static void print_programs(const struct fp_profile *p, bool begun, FILE *out)
{
	struct program_share *shares = calloc((size_t)p->n_processes + 1, sizeof(*shares));
	uint64_t all_ns = 0;
	uint32_t n = 0, shown = 0;

	for (size_t i = 0; shares && i < p->n_cells; i++) {
		const struct fp_profile_process *process = &p->processes[p->threads[p->cells[i].thread].process];
		uint64_t ns = fp_profile_cell_ns(&p->cells[i]);
		uint32_t k = 0;

		all_ns += ns;
		if (process->is_python)
			continue;
		while (k < n && strcmp(shares[k].title, process->title) != 0)
			k++;
		shares[k].title = process->title;
		shares[k].ns += ns;
		n += k == n;
	}
	if (n)
		qsort(shares, n, sizeof(*shares), by_share);
	for (; shown < n && shown < 3 && percent(shares[shown].ns, all_ns) >= 0.1; shown++)
		fprintf(out, "%s %.30s %.1f %%", shown ? "," : begun ? "; programs:" : "programs:", shares[shown].title,
			percent(shares[shown].ns, all_ns));
	if (begun || shown)
		fputc('\n', out);
	free(shares);
}

/* Returns the share of imports. */
static double print_imports(const struct fp_profile *p, FILE *out)
{
	struct fp_import_bill *b;
	double share;

	if (fp_import_bill_make(p, &b) < 0)
		return 0;
	share = percent(b->import_ns, b->all_ns);
	if (b->n_rows) {
		fprintf(out, "imports: %.1f %% of the CPU below <module>:", share);
		for (uint32_t i = 0; i < b->n_rows && i < 5; i++)
			fprintf(out, "%s %.30s %.1f %%", i ? "," : "", b->rows[i].package,
				percent(b->rows[i].ns, b->all_ns));
	}
	print_programs(p, b->n_rows != 0, out);
	fp_import_bill_destroy(b);
	return share;
}

/* Far fewer signals than the rate, or the slowest usual tick, would give. */
static bool is_coarse(const struct fp_profile *p, const struct facts *f)
{
	double due_hz = p->rate_hz < 100 ? p->rate_hz : 100;

	return f->cpu_ns > 1000000000 && f->delivered_hz < due_hz / 2;
}

static void print_cost(const struct fp_profile *p, const struct fp_report_files *files, const struct facts *f,
		       FILE *out)
{
	fprintf(out, "agent: %.1f ms CPU (%.2f %%), %.1f MB; %u Hz asked, %.0f Hz of CPU time delivered%s",
		(double)f->agent_ns / 1e6, percent(f->agent_ns, f->cpu_ns), (double)f->agent_bytes / 1e6, p->rate_hz,
		f->delivered_hz, is_coarse(p, f) ? " (busy machine or deep stacks: sums are right, places coarse)" : "");
	if (files->rendered)
		fprintf(out, "; rendered in %.2f s", (double)files->render_ns / 1e9);
	fputc('\n', out);
}

static void print_losses(const struct fp_profile *p, const struct facts *f, FILE *out)
{
	static const char *const texts[] = {
#define X(name, text) text,
		FP_LOSSES(X)
#undef X
	};
	int largest = 0, n_kinds = 0;

	if (!f->n_losses) {
		fputs("losses: none\n", out);
		return;
	}
	for (int i = 0; i < FP_LOSS_MAX; i++) {
		n_kinds += p->losses[i] != 0;
		if (p->losses[i] > p->losses[largest])
			largest = i;
	}
	fprintf(out, "losses: %llu %s", (unsigned long long)p->losses[largest], texts[largest]);
	if (n_kinds > 1)
		fprintf(out, "; %d other kind%s", n_kinds - 1, plural((uint64_t)n_kinds - 1));
	fputc('\n', out);
}

static bool print_header_notice(const struct fp_capture_header *h, FILE *out)
{
	if (h->log_stopped_ns)
		fprintf(out, "notice: pid %d: the timeline stops at %.1f s, sums go on\n", h->pid,
			(double)h->log_stopped_ns / 1e9);
	else if (h->mem.stream_stopped_ns)
		fprintf(out, "notice: pid %d: the stream of allocations, and memray's .bin, stop at %.1f s; sums go on\n",
			h->pid, (double)h->mem.stream_stopped_ns / 1e9);
	else if (h->stopped_monotonic_ns)
		fprintf(out, "notice: recorded for %.1f s, as asked\n",
			(double)(h->stopped_monotonic_ns - (uint64_t)h->start_monotonic_ns) / 1e9);
	else if (h->notices[0])
		fprintf(out, "notice: pid %d: %.*s\n", h->pid, (int)strcspn(h->notices, "\n"), h->notices);
	else
		return false;
	return true;
}

/* One line, the gravest: what is missing, could not be done, or was asked. */
static void print_notice(const struct fp_profile *p, FILE *out)
{
	for (uint32_t i = 0; i < p->n_headers; i++) {
		const struct fp_capture_header *h = &p->headers[i];

		if (h->python_state == FP_PYTHON_UNSUPPORTED) {
			fprintf(out, "notice: pid %d: %.150s; its native part is here\n", h->pid, h->python_reason);
			return;
		}
	}
	if (p->damage[0]) {
		fprintf(out, "notice: %s\n", p->damage);
		return;
	}
	for (uint32_t i = 0; i < p->n_headers; i++)
		if (print_header_notice(&p->headers[i], out))
			return;
	if (p->unnamed[0])
		fprintf(out, "notice: %s\n", p->unnamed);
}

static void print_next(const struct fp_profile *p, const struct fp_report_files *files, const struct fp_leaks *leaks,
		       const struct facts *f, double largest, double imports, FILE *out)
{
	char in[PATH_MAX + FP_LABEL_BYTES + 16], leak[256];

	snprintf(in, sizeof(in), "%s/%s.filperf", files->shown_dir, files->label);
	if (files->n_outlived)
		fprintf(out, "next: filperf report   # %zu process%s of the run still run%s and join%s then\n",
			files->n_outlived, files->n_outlived == 1 ? "" : "es", files->n_outlived == 1 ? "s" : "",
			files->n_outlived == 1 ? "s" : "");
	else if (!files->rendered)
		fprintf(out, "next: filperf report %s\n", in);
	else if (fp_summary_memory_leak(p, leaks, leak, sizeof(leak)))
		fprintf(out, "next: filperf memory leaks -i %s   # %s\n", in, leak);
	else if (fp_summary_is_off(p) && fp_summary_memory_lines(p, files))
		fprintf(out, "next: filperf memory summary -i %s   # what the peak was made of\n", in);
	else if (fp_summary_is_off(p))
		fputs("next: filperf run --spy-enabled -- COMMAND   # to see where the CPU goes\n", out);
	else if (largest <= 0 && p->rate_hz < 1000)
		fputs("next: filperf run -r 1000 -- COMMAND   # too little CPU for this rate\n", out);
	else if (f->cpu_ns && p->wall_ns && f->cpu_ns < p->wall_ns / 4)
		fprintf(out, "next: filperf top -i %s   # mostly waiting: CPU is %.0f %% of the time\n", in,
			percent(f->cpu_ns, p->wall_ns));
	else if (imports >= 25)
		fprintf(out, "next: filperf top -i %s --sort total   # imports take %.0f %% of the CPU\n", in, imports);
	else
		fprintf(out, "next: filperf top -i %s --lines   # the largest line has %.1f %%\n", in, largest);
}

char *fp_summary_make(const struct fp_profile *p, const struct fp_report_files *files, const struct fp_leaks *leaks)
{
	double largest, imports;
	char *text = NULL;
	size_t n_bytes;
	FILE *out = open_memstream(&text, &n_bytes);
	struct facts f;

	if (!out)
		return NULL;
	gather(p, &f);
	print_head(p, files, &f, out);
	largest = print_top(p, TOP_LINES - fp_summary_memory_lines(p, files), out);
	imports = print_imports(p, out);
	fp_summary_memory_put(p, files, out);
	print_cost(p, files, &f, out);
	print_losses(p, &f, out);
	print_notice(p, out);
	if (files->files[0])
		fprintf(out, "reports in %s: %s, %s.filperf\n", files->shown_dir, files->files, files->label);
	else
		fprintf(out, "capture: %s/%s.filperf\n", files->shown_dir, files->label);
	print_next(p, files, leaks, &f, largest, imports, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static size_t mark_bytes(const char *at)
{
	return !strncmp(at, BOLD, strlen(BOLD)) ? strlen(BOLD) : !strncmp(at, PLAIN, strlen(PLAIN)) ? strlen(PLAIN) : 0;
}

int fp_summary_write(const char *summary, bool bold, FILE *out)
{
	for (const char *at = summary; *at; at++) {
		size_t n = bold ? 0 : mark_bytes(at);

		if (n)
			at += n - 1;
		else
			fputc(*at, out);
	}
	return fflush(out) || ferror(out) ? (errno ? -errno : -EIO) : 0;
}
