/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cProfile's file: a marshalled {(file, line, name): (cc, nc, tt, ct,
 * callers)} that pstats, snakeviz, tuna and gprof2dot read.  Calls are not
 * known to a sampler: cc and nc are samples.  Render stage.
 */
#include "tools/model/function_table.h"
#include "tools/render/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_u32(FILE *out, uint32_t value)
{
	for (int i = 0; i < 4; i++, value >>= 8)
		putc_unlocked((int)(value & 0xff), out);
}

static void put_text(FILE *out, const char *text)
{
	size_t n = strlen(text);

	putc_unlocked('u', out);
	put_u32(out, (uint32_t)n);
	fwrite(text, 1, n, out);
}

/* 'i' holds 31 bits, 'l' any number in digits of 15. */
static void put_int(FILE *out, uint64_t value)
{
	uint32_t n = 0;

	if (value <= INT32_MAX) {
		putc_unlocked('i', out);
		put_u32(out, (uint32_t)value);
		return;
	}
	for (uint64_t v = value; v; v >>= 15)
		n++;
	putc_unlocked('l', out);
	put_u32(out, n);
	for (; value; value >>= 15) {
		putc_unlocked((int)(value & 0xff), out);
		putc_unlocked((int)(value >> 8 & 0x7f), out);
	}
}

static void put_seconds(FILE *out, uint64_t ns)
{
	double s = (double)ns / 1e9;
	uint64_t bits;

	memcpy(&bits, &s, sizeof(bits));
	putc_unlocked('g', out);
	for (int i = 0; i < 8; i++, bits >>= 8)
		putc_unlocked((int)(bits & 0xff), out);
}

static void put_tuple(FILE *out, int n)
{
	putc_unlocked(')', out);
	putc_unlocked(n, out);
}

static void put_function(FILE *out, const struct fp_frame *f)
{
	put_tuple(out, 3);
	/* pstats writes ("~", 0, name) without a place, as for builtins */
	put_text(out, f->file[0] ? f->file : "~");
	put_int(out, f->first_line);
	put_text(out, f->name);
}

static uint64_t count_of(const struct fp_profile *p, uint64_t ns)
{
	uint64_t n = (uint64_t)(((unsigned __int128)ns * (p->rate_hz ? p->rate_hz : 100) +
				 500000000u) / 1000000000u);
	return n ? n : 1;
}

static void put_counts(FILE *out, const struct fp_profile *p, uint64_t self_ns, uint64_t total_ns)
{
	put_int(out, count_of(p, total_ns));
	put_int(out, count_of(p, total_ns));
	put_seconds(out, self_ns);
	put_seconds(out, total_ns);
}

/* Edges of each row as callee, one after another. */
static uint32_t *group_edges(const struct fp_function_table *t, uint32_t *first)
{
	uint32_t *edges = malloc(((size_t)t->n_edges + 1) * sizeof(*edges));

	if (!edges)
		return NULL;
	for (uint32_t i = 0; i < t->n_edges; i++)
		first[t->edges[i].callee + 1]++;
	for (uint32_t i = 0; i < t->n_rows; i++)
		first[i + 1] += first[i];
	for (uint32_t i = t->n_edges; i-- > 0;)
		edges[--first[t->edges[i].callee + 1]] = i;
	/* each first[callee + 1] came down to the start of callee's edges */
	return edges;
}

static int put_table(const struct fp_profile *p, const struct fp_function_table *t, FILE *out)
{
	uint32_t *start = calloc((size_t)t->n_rows + 2, sizeof(*start));
	uint32_t *edges = start ? group_edges(t, start) : NULL;
	uint32_t *order = fp_function_table_order(p, t, FP_ORDER_TOTAL);

	if (!start || !edges || !order) {
		free(start);
		free(edges);
		free(order);
		return -ENOMEM;
	}
	start[t->n_rows + 1] = t->n_edges;
	putc_unlocked('{', out);
	for (uint32_t i = 0; i < t->n_rows; i++) {
		const struct fp_row *r = &t->rows[order[i]];

		if (!r->total_ns)
			continue;
		put_function(out, &p->frames[r->frame]);
		put_tuple(out, 5);
		put_counts(out, p, r->self_ns, r->total_ns);
		putc_unlocked('{', out);
		for (uint32_t e = start[order[i] + 1]; e < start[order[i] + 2]; e++) {
			const struct fp_row_edge *edge = &t->edges[edges[e]];

			if (!edge->total_ns)
				continue;
			put_function(out, &p->frames[t->rows[edge->caller].frame]);
			put_tuple(out, 4);
			put_counts(out, p, edge->self_ns, edge->total_ns);
		}
		putc_unlocked('0', out);
	}
	putc_unlocked('0', out);
	free(start);
	free(edges);
	free(order);
	return ferror(out) ? -EIO : 0;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_function_table *t;
	int err = fp_function_table_make(p, FP_TABLE_CODE_NAME, true, UINT32_MAX, &t);

	(void)o; /* a table of functions: no roots and no lines */
	if (err)
		return err;
	err = put_table(p, t, out);
	fp_function_table_destroy(t);
	return err;
}

const struct fp_renderer fp_render_prof = {
	.name = "prof", .suffix = ".prof", .what = "cProfile's statistics (counts are samples)",
	.viewer = "python -m pstats, snakeviz, gprof2dot -f pstats", .render = render,
};
