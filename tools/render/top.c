/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of `filperf top`.  Render stage; writes text to the FILE it is
 * given and nothing else.
 */
#include "tools/render/top.h"

#include "tools/model/names.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct base_table {
	const struct fp_profile *p;
	struct fp_function_table *t;
	uint32_t *order; /* by name */
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* The row of the base with the same function (and line), or NULL. */
static const struct fp_row *find_base(const struct base_table *b, const struct fp_profile *p,
				      const struct fp_frame *f, enum fp_table_by by)
{
	const char *file = fp_name_short_file(f->file, p->cwd);

	for (uint32_t i = 0; b->t && i < b->t->n_rows; i++) {
		const struct fp_row *r = &b->t->rows[b->order[i]];
		const struct fp_frame *g = &b->p->frames[r->frame];

		if (strcmp(f->qualname, g->qualname) == 0 &&
		    strcmp(file, fp_name_short_file(g->file, b->p->cwd)) == 0 &&
		    (by != FP_TABLE_LINE || f->line == g->line))
			return r;
	}
	return NULL;
}

/* Characters, not bytes; cuts in the middle of long text on the right. */
static void put_cut(FILE *out, const char *text, size_t room)
{
	size_t n = 0, at = 0, last = 0;

	for (; text[at]; n++) {
		if (room && n + 2 <= room)
			last = at;
		at++;
		while ((text[at] & 0xc0) == 0x80)
			at++;
	}
	if (!room || n <= room)
		fputs(text, out);
	else
		fprintf(out, "%.*s..", (int)last, text);
}

static void put_row(const struct fp_profile *p, const struct fp_top_options *o,
		    const struct fp_function_table *t, const struct fp_row *r,
		    const struct base_table *base, FILE *out)
{
	const struct fp_frame *f = &p->frames[r->frame];
	char name[1024];
	size_t used = 46;
	const char *on = "", *off = "";

	if (o->colour && percent(r->self_ns, t->all_ns) >= 10.0)
		on = "\033[1;31m";
	else if (o->colour && percent(r->self_ns, t->all_ns) >= 2.0)
		on = "\033[33m";
	if (on[0])
		off = "\033[0m";
	fprintf(out, "%s%6.2f%% %6.2f%%%s %9.3fs %9.3fs %5.0f%%  ", on,
		percent(r->self_ns, t->all_ns), percent(r->total_ns, t->all_ns), off,
		(double)r->self_ns / 1e9, (double)r->total_ns / 1e9,
		r->self_ns ? percent(r->self_gil_ns, r->self_ns) :
			     percent(r->total_gil_ns, r->total_ns));
	if (base->t) {
		const struct fp_row *then = find_base(base, p, f, o->by);
		double change = (double)r->self_ns - (then ? (double)then->self_ns : 0.0);

		fprintf(out, "%+9.3fs  ", change / 1e9);
		used += 12;
	}
	fp_name_frame(p, f, o->by == FP_TABLE_LINE, name, sizeof(name));
	put_cut(out, name, o->columns > used + 12 ? o->columns - used : o->columns ? 12 : 0);
	fputc('\n', out);
}

static void put_head(const struct fp_profile *p, const struct fp_top_options *o, FILE *out)
{
	char line[1024];
	const char *on = o->colour ? "\033[1m" : "", *off = o->colour ? "\033[0m" : "";

	fp_summary_line(p, o->base, line, sizeof(line));
	if (p->command[0] || line[0]) {
		put_cut(out, p->command[0] ? p->command : p->source, o->columns);
		fputc('\n', out);
		put_cut(out, line, o->columns);
		fputc('\n', out);
	}
	fprintf(out, "%s  %%self  %%total       self      total   GIL  %s%s%s\n", on,
		o->base ? "    change  " : "",
		o->by == FP_TABLE_LINE ? "line" : "function", off);
}

static int put_threads(const struct fp_profile *p, const struct fp_top_options *o, FILE *out)
{
	struct fp_thread_sum *sums = fp_thread_sums(p);
	uint64_t all = fp_summary_sampled_ns(p);

	if (!sums)
		return -ENOMEM;
	fprintf(out, "\n   %%CPU        CPU   GIL  native  system  thread\n");
	for (uint32_t i = 0; i < p->n_threads; i++) {
		const struct fp_thread_sum *s = &sums[i];
		char name[64], process[160] = "";

		fp_name_thread(&p->threads[i], name, sizeof(name));
		if (p->n_processes > 1)
			snprintf(process, sizeof(process), "  %d %.120s",
				 p->processes[p->threads[i].process].pid,
				 p->processes[p->threads[i].process].title);
		fprintf(out, "%6.2f%% %9.3fs %4.0f%% %6.0f%% %6.0f%%  %s%s\n", percent(s->ns, all),
			(double)s->ns / 1e9, percent(s->gil_ns, s->ns),
			percent(s->kind_ns[FP_CPU_NATIVE], s->ns),
			percent(s->kind_ns[FP_CPU_SYSTEM], s->ns), name, process);
	}
	free(sums);
	(void)o;
	return 0;
}

static int put_rows(const struct fp_profile *p, const struct fp_top_options *o,
		    const struct fp_function_table *t, const struct base_table *base, FILE *out,
		    uint32_t *ret_rows)
{
	uint32_t *order = fp_function_table_order(p, t, o->order), n = 0, first = 0, end;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_rows; i++)
		if (t->rows[order[i]].total_ns)
			order[n++] = order[i];
	end = n;
	if (o->limit && o->limit < n) {
		first = o->first < n - o->limit ? o->first : n - o->limit;
		end = first + o->limit;
	}
	for (uint32_t i = first; i < end; i++)
		put_row(p, o, t, &t->rows[order[i]], base, out);
	if (first)
		fprintf(out, "... %u before, %u more\n", first, n - end);
	else if (end < n)
		fprintf(out, "... %u more\n", n - end);
	if (ret_rows)
		*ret_rows = n;
	free(order);
	return 0;
}

int fp_top_render(const struct fp_profile *p, const struct fp_top_options *o, FILE *out, uint32_t *ret_rows)
{
	struct fp_function_table *t = NULL;
	struct base_table base = { .p = o->base };
	int err = fp_function_table_make(p, o->by, false, UINT32_MAX, &t);

	if (!err && o->base) {
		err = fp_function_table_make(o->base, o->by, false, UINT32_MAX, &base.t);
		base.order = err ? NULL : fp_function_table_order(o->base, base.t, FP_ORDER_NAME);
		if (!err && !base.order)
			err = -ENOMEM;
	}
	if (!err) {
		put_head(p, o, out);
		err = put_rows(p, o, t, &base, out, ret_rows);
	}
	if (!err && !t->all_ns) {
		char lines[4][256];
		int n = fp_summary_why_empty(p, lines, 4);

		for (int i = 0; i < n; i++)
			fprintf(out, "%s\n", lines[i]);
	}
	if (!err && o->threads)
		err = put_threads(p, o, out);
	fp_function_table_destroy(t);
	fp_function_table_destroy(base.t);
	free(base.order);
	return err ? err : ferror(out) ? -EIO : 0;
}
