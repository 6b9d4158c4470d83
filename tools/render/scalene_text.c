/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalene's table as text: the lines with 1 % of anything, file by file, as
 * wide as the terminal.  Render stage.
 */
#include "tools/model/names.h"
#include "tools/render/scalene_head.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FILE_COLUMNS 120u
#define LEAST_COLUMNS 60u
#define ALL_COLUMNS 100u /* from here on held, allocations and Python's share too */
#define MOST_FUNCTIONS 10u

struct table {
	const struct fp_profile *p;
	const struct fp_source_lines *s;
	FILE *out;
	unsigned columns;
	bool memory, copies, wide;
};

static double percent(const struct table *t, uint64_t ns)
{
	uint64_t all = t->s->all.python_ns + t->s->all.native_ns + t->s->all.system_ns;

	return all ? 100.0 * (double)ns / (double)all : 0;
}

/* Five columns and a blank; what rounds to nothing is left blank. */
static unsigned put_percent(const struct table *t, double value)
{
	if (value < 0.05)
		fputs("      ", t->out);
	else
		fprintf(t->out, "%5.1f ", value);
	return 6;
}

/* Seven columns and a blank: "1.5G", "12.0M", "640K". */
static unsigned put_bytes(const struct table *t, uint64_t n)
{
	static const char units[] = "BKMGTPE";
	double value = (double)n;
	unsigned unit = 0;

	for (; value >= 1023.5 && unit < 6; unit++)
		value /= 1024;
	if (!n)
		fputs("        ", t->out);
	else
		fprintf(t->out, "%6.*f%c ", unit >= 2 && value < 100 ? 1 : 0, value, units[unit]);
	return 8;
}

static unsigned put_count(const struct table *t, uint64_t n)
{
	if (!n)
		fputs("        ", t->out);
	else if (n < 10000000)
		fprintf(t->out, "%7" PRIu64 " ", n);
	else if (n < 10000000000)
		fprintf(t->out, "%6.0fM ", (double)n / 1e6);
	else
		fprintf(t->out, "%6.0fG ", (double)n / 1e9);
	return 8;
}

/* At most n columns; a byte that continues a character takes none. */
static void put_cut(FILE *out, const char *text, unsigned n)
{
	for (unsigned used = 0; *text; text++) {
		used += ((unsigned char)*text & 0xc0) != 0x80;
		if (used > n)
			break;
		putc(*text, out);
	}
}

static unsigned put_sums(const struct table *t, const struct fp_source_sums *a)
{
	double elapsed_s = (double)t->p->wall_ns / 1e9;
	unsigned used = put_percent(t, percent(t, a->python_ns));

	used += put_percent(t, percent(t, a->native_ns));
	used += put_percent(t, percent(t, a->system_ns));
	if (t->memory) {
		used += put_bytes(t, a->peak_bytes);
		if (t->wide) {
			used += put_bytes(t, a->live_bytes);
			used += put_bytes(t, a->alloc_bytes);
			used += put_count(t, a->n_allocs);
			used += put_percent(t, a->alloc_bytes ? 100.0 * (double)a->python_bytes / (double)a->alloc_bytes : 0);
		}
	}
	if (t->copies)
		used += put_bytes(t, elapsed_s > 0 ? (uint64_t)((double)a->copy_bytes / elapsed_s) : 0);
	return used;
}

static void put_titles(const struct table *t)
{
	fputs("   line   py%  nat%  sys% ", t->out);
	if (t->memory)
		fputs(t->wide ? "   peak    held   alloc   count mpy%  " : "   peak ", t->out);
	if (t->copies)
		fputs(" copy/s ", t->out);
	fputc('\n', t->out);
}

static void put_line(const struct table *t, const struct fp_source_file *f, const struct fp_source_line *l)
{
	unsigned used = 8;

	if (l->line)
		fprintf(t->out, "%7u ", l->line);
	else
		fputs("      - ", t->out);
	used += put_sums(t, &l->sums);
	if (l->line && l->line <= f->text.n_lines)
		put_cut(t->out, f->text.lines[l->line - 1], t->columns > used ? t->columns - used : 8);
	fputc('\n', t->out);
	if (l->sums.leak_likelihood > 0)
		fprintf(t->out, "        ^ leak: likelihood %.0f %%, %.2f MiB/s\n", 100 * l->sums.leak_likelihood,
			l->sums.leak_bytes_s / 1048576.0);
}

static void put_rule(const struct table *t)
{
	for (unsigned i = 0; i < t->columns; i++)
		fputs("-", t->out);
	fputc('\n', t->out);
}

static void put_functions(const struct table *t, const struct fp_source_file *f)
{
	uint32_t shown = 0;

	for (uint32_t i = f->first_function; i < f->first_function + f->n_functions && shown < MOST_FUNCTIONS; i++) {
		const struct fp_source_function *function = &t->s->functions[i];
		const struct fp_frame *frame = &t->p->frames[function->frame];
		unsigned used = 8;

		if (!fp_source_is_shown(t->s, &function->sums))
			continue;
		if (!shown++)
			fputs("functions\n", t->out);
		fprintf(t->out, "%7u ", frame->first_line);
		used += put_sums(t, &function->sums);
		put_cut(t->out, frame->qualname, t->columns > used ? t->columns - used : 8);
		fputc('\n', t->out);
	}
}

static void put_file(const struct table *t, const struct fp_source_file *f)
{
	char name[4096];
	uint32_t small = 0;

	put_rule(t);
	snprintf(name, sizeof(name), "%s: %.1f %% of the CPU%s", fp_name_short_file(f->name, t->p->cwd),
		 100 * fp_source_cpu_share(t->s, &f->sums),
		 !f->text.n_lines ? "; the source cannot be read" : f->changed ? "; the source changed since" : "");
	put_cut(t->out, name, t->columns);
	fputc('\n', t->out);
	put_titles(t);
	for (uint32_t i = f->first_line; i < f->first_line + f->n_lines; i++) {
		if (fp_source_is_shown(t->s, &t->s->lines[i].sums))
			put_line(t, f, &t->s->lines[i]);
		else
			small++;
	}
	if (small)
		fprintf(t->out, "        (%u line%s below 1 %%)\n", small, small == 1 ? "" : "s");
	put_functions(t, f);
}

/* Breaks at blanks, so that a narrow terminal does not. */
static void put_wrapped(const struct table *t, const char *text)
{
	while (strlen(text) > t->columns) {
		unsigned n = t->columns;

		while (n > 20 && text[n] != ' ')
			n--;
		if (text[n] != ' ')
			break;
		fprintf(t->out, "%.*s\n  ", (int)n, text);
		text += n + 1;
	}
	fprintf(t->out, "%s\n", text);
}

static void put_tail(const struct table *t)
{
	double elsewhere = 100 * fp_source_cpu_share(t->s, &t->s->elsewhere);
	char text[FP_SCALENE_HEAD_BYTES];

	put_rule(t);
	if (!t->s->n_files)
		fputs("No line of Python was seen: no CPU sample and no allocation in a file that is shown.\n", t->out);
	if (!t->s->n_files && elsewhere < 0.05 && !t->s->elsewhere.alloc_bytes)
		return;
	if (elsewhere >= 0.05 || t->s->elsewhere.alloc_bytes)
		snprintf(text, sizeof(text), "in no line of Python: %.1f %% of the CPU, %.1f MiB allocated "
			 "(other programs, start and end of the interpreter, threads without Python)", elsewhere,
			 (double)t->s->elsewhere.alloc_bytes / 1048576.0);
	else
		snprintf(text, sizeof(text), "everything was in a line of Python");
	put_wrapped(t, text);
	if (t->s->n_left_out)
		fprintf(t->out, "%u file%s below 1 %% left out\n", t->s->n_left_out, t->s->n_left_out == 1 ? "" : "s");
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	char lines[FP_SCALENE_HEAD_LINES][FP_SCALENE_HEAD_BYTES];
	struct table t = { .p = p, .out = out, .columns = o->columns ? o->columns : FILE_COLUMNS,
			   .memory = fp_scalene_has_memory(p, o), .copies = fp_scalene_has_copies(p, o) };
	struct fp_source_lines *s;
	int err = fp_scalene_model(p, o, &s);

	if (err)
		return err;
	t.s = s;
	if (t.columns < LEAST_COLUMNS)
		t.columns = LEAST_COLUMNS;
	t.wide = t.columns >= ALL_COLUMNS;
	int n = fp_scalene_head(p, s, o, lines);
	for (int i = 0; i < n; i++)
		put_wrapped(&t, lines[i]);
	for (uint32_t i = 0; i < s->n_files; i++)
		put_file(&t, &s->files[i]);
	put_tail(&t);
	fp_scalene_model_drop(o, s);
	return ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_scalene_text = {
	.family = FP_FAMILY_SCALENE, .name = "txt", .suffix = ".txt", .what = "lines with CPU, memory and copies",
	.viewer = "any pager", .render = render,
};
