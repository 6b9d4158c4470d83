/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is held at the end, leaks first: stack, bytes, blocks, age, verdict; text
 * and JSON.  Render stage; streams.
 */
#include "tools/model/memory_leaks.h"
#include "tools/model/names.h"
#include "tools/render/memory_text.h"

#include <errno.h>
#include <math.h>

#define LIMIT 60
#define FRAMES_SHOWN 12 /* of a stack in the text; the JSON has all */

static void put_stack(const struct fp_profile *p, uint32_t stack, FILE *out)
{
	uint32_t n = 0, at = stack;
	char place[512];

	for (; at && n < FRAMES_SHOWN; at = p->nodes[at].parent, n++)
		fprintf(out, "%19s %s\n", n ? "<-" : "in",
			fp_memory_place_text(p, p->nodes[at].frame, true, place, sizeof(place)));
	if (at)
		fprintf(out, "%19s …\n", "<-");
}

static void put_row(const struct fp_profile *p, const struct fp_leak *l, FILE *out)
{
	char size[FP_SUM_TEXT], all[FP_BYTES_TEXT], count[FP_COUNT_TEXT], place[512];
	const struct fp_leak_facts *f = &l->facts;

	fprintf(out, "%-6s %24s %12s %9.1fs %6.0f/%-6.0f %5.2f %12s  %s", fp_leak_verdict_name(l->verdict),
		fp_memory_sum_text(&f->live, size), fp_memory_count_text(f->live.n, count), f->age_ms / 1e3, f->ups,
		f->downs, l->score, fp_memory_bytes_text(f->alloc_bytes, all),
		fp_memory_place_text(p, l->frame, true, place, sizeof(place)));
	if (p->memory->n_processes > 1)
		fprintf(out, "  pid %d", p->processes[p->memory->processes[l->process].process].pid);
	fputc('\n', out);
	if (l->verdict != FP_LEAK_YES)
		return;
	if (l->n_stacks > 1)
		fprintf(out, "%15s %u stacks; the one with the most:\n", "", l->n_stacks);
	put_stack(p, l->stack, out);
}

static void put_text(const struct fp_profile *p, const struct fp_leaks *l, uint32_t limit, FILE *out)
{
	char size[FP_SUM_TEXT], leaked[FP_SUM_TEXT];

	fp_memory_text_head(p, "memory that is held at the end, leaks first", out);
	if (l->n_leaks)
		fprintf(out, "%u line%s of code look%s like a leak: %s of %s held\n\n", l->n_leaks, l->n_leaks == 1 ? "" : "s",
			l->n_leaks == 1 ? "s" : "", fp_memory_sum_text(&l->leaked, leaked),
			fp_memory_sum_text(&l->all, size));
	else
		fprintf(out, "no line of code looks like a leak; %s held\n\n", fp_memory_sum_text(&l->all, size));
	fprintf(out, "%-6s %24s %12s %10s %13s %5s %12s  %s\n", "", "held", "blocks", "mean age", "grew/shrank", "score",
		"asked in all", "where");
	for (uint32_t i = 0; i < l->n_rows && i < limit; i++)
		put_row(p, &l->rows[i], out);
	if (l->n_rows > limit)
		fprintf(out, "%-6s %24s and %u lines of code more\n", "", "", l->n_rows - limit);
	fputs("\nleak: grew at a steady pace to the end and gave nothing back. grows: grew to the end, too short or too\n"
	      "uneven to say leak. held: stands still. grew/shrank: looks at which it held more, less than before.\n",
	      out);
}

static void json_row(struct fp_json_out *j, const struct fp_profile *p, const struct fp_leak *l)
{
	const struct fp_leak_facts *f = &l->facts;

	fp_json_newline(j);
	fp_json_open(j, '{');
	fp_json_key(j, "verdict");
	fp_json_string(j, fp_leak_verdict_name(l->verdict));
	fp_memory_json_place(j, p, l->frame, true);
	fp_json_key(j, "pid");
	fp_json_int(j, p->processes[p->memory->processes[l->process].process].pid);
	fp_memory_json_sum(j, "", &f->live);
	fp_json_key(j, "age_ms");
	fp_json_uint(j, (uint64_t)f->age_ms);
	fp_json_key(j, "first_ms");
	fp_json_uint(j, f->first_ms);
	fp_json_key(j, "grew");
	fp_json_fixed(j, (uint64_t)llround(f->ups * 10), 1);
	fp_json_key(j, "shrank");
	fp_json_fixed(j, (uint64_t)llround(f->downs * 10), 1);
	fp_json_key(j, "score");
	fp_json_fixed(j, (uint64_t)llround(l->score * 1e4), 4);
	fp_json_key(j, "allocated_bytes");
	fp_json_uint(j, f->alloc_bytes);
	fp_json_key(j, "allocated_count");
	fp_json_uint(j, f->n_allocs);
	fp_json_key(j, "stacks");
	fp_json_uint(j, l->n_stacks);
	fp_json_key(j, "stack");
	fp_json_open(j, '[');
	for (uint32_t at = l->stack; at; at = p->nodes[at].parent) {
		fp_json_open(j, '{');
		fp_memory_json_place(j, p, p->nodes[at].frame, true);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
	fp_json_close(j, '}');
}

static int put_json(const struct fp_profile *p, const struct fp_leaks *l, uint32_t limit, FILE *out)
{
	struct fp_json_out j;
	int err = fp_json_begin(&j, out, false);

	if (err)
		return err;
	fp_memory_json_head(&j, p, "leaks");
	fp_memory_json_sum(&j, "", &l->all);
	fp_json_key(&j, "leaks");
	fp_json_uint(&j, l->n_leaks);
	fp_memory_json_sum(&j, "leaked_", &l->leaked);
	fp_json_key(&j, "rows");
	fp_json_open(&j, '[');
	for (uint32_t i = 0; i < l->n_rows && i < limit; i++)
		json_row(&j, p, &l->rows[i]);
	fp_json_close(&j, ']');
	return fp_memory_json_end(&j);
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_leaks *l;
	int err = fp_memory_text_check(p);

	if (!err)
		err = fp_leaks_make(p, UINT32_MAX, &l);
	if (err)
		return err;
	if (o->json)
		err = put_json(p, l, o->limit ? o->limit : UINT32_MAX, out);
	else
		put_text(p, l, o->limit ? o->limit : LIMIT, out);
	fp_leaks_destroy(l);
	return err ? err : fp_memory_text_end(out);
}

const struct fp_renderer fp_render_memory_leaks = {
	.family = FP_FAMILY_MEMRAY,
	.name = "leaks",
	.suffix = ".leaks.txt",
	.what = "what is held at the end, leaks first, with verdicts",
	.viewer = "any pager",
	.render = render,
};
