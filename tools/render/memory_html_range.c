/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the blocks of a stream lived, added up per row of the page, first step
 * and last step, so that the page can answer for any range of time.  Render
 * stage, ordinary program.
 */
#include "tools/render/memory_html_data.h"

#include "tools/read/bucket_sort.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STEPS 512u
#define FEWEST_STEPS 16u
#define MOST_RECORDS (1u << 20)
#define BYTES_OF_LIFE 16u
#define USUAL_LIVES (1u << 17)
#define NEVER 0xffffu        /* still there at the end */

struct life {
	uint64_t key;        /* row, first step, last step */
	double n, bytes;
};

struct lives {
	const struct fp_profile *p;
	const struct fp_page_tree *t;
	uint64_t span_ms, sample_bytes;
	uint32_t n_steps;
	struct fp_key_map map;
	struct life *items;
	size_t n, room;
	double bytes;        /* that were allocated */
};

static uint64_t key_of(uint32_t row, uint32_t first, uint32_t last)
{
	return (uint64_t)row << 32 | first << 16 | last;
}

static uint32_t row_of(const struct life *l)
{
	return (uint32_t)(l->key >> 32);
}

static uint32_t first_of(const struct life *l)
{
	return (uint32_t)(l->key >> 16 & 0xffff);
}

static uint32_t last_of(const struct life *l)
{
	return (uint32_t)(l->key & 0xffff);
}

static uint32_t step_of(const struct lives *s, uint64_t when_ms)
{
	uint64_t step = when_ms < s->span_ms ? when_ms * s->n_steps / s->span_ms : s->n_steps - 1;

	return (uint32_t)step;
}

static int add(struct lives *s, uint64_t key, double n, double bytes)
{
	uint32_t at = fp_key_map_find(&s->map, key, NULL, NULL);

	if (at == FP_KEY_MISSING) {
		if (fp_grow(&s->items, &s->room, s->n, sizeof(*s->items)) ||
		    fp_key_map_add(&s->map, key, (uint32_t)s->n))
			return -ENOMEM;
		at = (uint32_t)s->n++;
		s->items[at] = (struct life){.key = key};
	}
	s->items[at].n += n;
	s->items[at].bytes += bytes;
	return 0;
}

/* Makes of two steps one. */
static int halve(struct lives *s)
{
	struct life *old = s->items;
	size_t n_old = s->n;
	int err = 0;

	fp_key_map_free(&s->map);
	s->items = NULL;
	s->n = s->room = 0;
	s->n_steps /= 2;
	for (size_t i = 0; i < n_old && !err; i++) {
		const struct life *l = &old[i];
		uint32_t last = last_of(l) == NEVER ? NEVER : last_of(l) / 2;

		if (l->n < 0.5 && l->bytes < 0.5)
			continue; /* all that it stood for has ended */
		err = add(s, key_of(row_of(l), first_of(l) / 2, last), l->n, l->bytes);
	}
	free(old);
	return err;
}

/* What a sample of this size stands for. */
static double weight_of(const struct lives *s, const struct fp_memory_cell *c, uint64_t size)
{
	double mean = (double)s->sample_bytes;

	if (!c->sampled || mean <= 0)
		return 1;
	return 1 / -expm1(-(double)(size ? size : 1) / mean);
}

static int take(void *ctx, const struct fp_memory_event *e)
{
	struct lives *s = ctx;
	const struct fp_memory_cell *c;
	uint32_t row, first;
	double n, bytes;
	int err = 0;

	if (e->kind == FP_MEMORY_TIME || e->cell >= s->p->memory->n_cells)
		return 0;
	c = &s->p->memory->cells[e->cell];
	row = s->t->row_of_cell[e->cell];
	if (row == UINT32_MAX)
		return 0;
	n = weight_of(s, c, e->size);
	bytes = n * (double)e->size;
	if (e->kind == FP_MEMORY_ALLOC) {
		s->bytes += bytes;
		err = add(s, key_of(row, step_of(s, e->when_ms), NEVER), n, bytes);
	} else {
		first = step_of(s, e->born_ms);
		err = add(s, key_of(row, first, NEVER), -n, -bytes);
		if (!err)
			err = add(s, key_of(row, first, step_of(s, e->when_ms)), n, bytes);
	}
	while (!err && s->n > MOST_RECORDS && s->n_steps > FEWEST_STEPS)
		err = halve(s);
	return err;
}

static int by_key(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static uint32_t bucket_of(const void *life)
{
	return row_of(life);
}

static int by_bytes(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	return x->bytes > y->bytes ? -1 : x->bytes < y->bytes ? 1 : by_key(a, b);
}

/* Keeps the largest share of the records; says how many bytes went. */
static double leave_out(struct lives *s, double share)
{
	size_t keep = (size_t)((double)s->n * share);
	double bytes = 0;

	if (s->n)
		qsort(s->items, s->n, sizeof(*s->items), by_bytes);
	for (size_t i = keep; i < s->n; i++)
		bytes += s->items[i].bytes > 0 ? s->items[i].bytes : 0;
	s->n = keep;
	return bytes;
}

static uint64_t rounded(double v)
{
	return v > 0 ? (uint64_t)llround(v) : 0;
}

/* What came to nothing (the records of blocks that were freed later) goes. */
static void drop_empty(struct lives *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (rounded(s->items[i].n) || rounded(s->items[i].bytes))
			s->items[kept++] = s->items[i];
	s->n = kept;
}

static void put_lives(const struct lives *s, uint32_t index, double left_out, struct fp_pack *out)
{
	const struct life *items = s->items;

	fp_pack_number(out, index);
	fp_pack_number(out, s->n_steps);
	fp_pack_number(out, s->span_ms);
	fp_pack_number(out, rounded(s->bytes));
	fp_pack_number(out, rounded(left_out));
	fp_pack_number(out, s->n);
	for (size_t i = 0; i < s->n; i++)
		fp_pack_number(out, row_of(&items[i]) - (i ? row_of(&items[i - 1]) : 0));
	for (size_t i = 0; i < s->n; i++)
		fp_pack_number(out, i && row_of(&items[i]) == row_of(&items[i - 1]) ?
					    first_of(&items[i]) - first_of(&items[i - 1]) :
					    first_of(&items[i]));
	for (size_t i = 0; i < s->n; i++)
		fp_pack_number(out, last_of(&items[i]) == NEVER ? 0 : last_of(&items[i]) - first_of(&items[i]) + 1);
	for (size_t i = 0; i < s->n; i++)
		fp_pack_number(out, rounded(items[i].n));
	for (size_t i = 0; i < s->n; i++)
		fp_pack_number(out, rounded(items[i].bytes));
}

/* Says how many bytes they take when compressed, at most when that fits. */
static int compress(struct lives *s, uint32_t index, double left_out, size_t max_bytes, struct fp_pack *columns,
		    size_t *ret_bytes)
{
	struct fp_pack small = {0};
	int err;

	drop_empty(s);
	fp_bucket_sort(s->items, s->n, sizeof(*s->items), s->t->n_rows, bucket_of, by_key);
	put_lives(s, index, left_out, columns);
	*ret_bytes = fp_pack_deflated_max(columns);
	if (columns->err || *ret_bytes <= max_bytes)
		return columns->err;
	err = fp_pack_deflate(columns, &small);
	*ret_bytes = small.n;
	fp_pack_free(&small);
	return err;
}

/* Fewer records, for about this share of the bytes that they took. */
static int thin(struct lives *s, double share, double *left_out)
{
	size_t most = (size_t)((double)s->n * share);
	int err = 0;

	while (!err && s->n > most && s->n_steps > FEWEST_STEPS) {
		err = halve(s);
		drop_empty(s);
	}
	if (!err && s->n > most)
		*left_out += leave_out(s, (double)most / (double)s->n);
	return err;
}

/* Adds one process's lives to out, so that it takes no more than max_bytes
 * when compressed. */
static int fit(struct lives *s, uint32_t index, size_t max_bytes, struct fp_pack *out)
{
	double left_out = 0;

	for (;;) {
		struct fp_pack columns = {0};
		size_t n_bytes = 0;
		int err = compress(s, index, left_out, max_bytes, &columns, &n_bytes);
		bool fits = n_bytes <= max_bytes || !s->n;

		if (!err && fits) {
			fp_pack_bytes(out, columns.bytes, columns.n);
			err = out->err;
		}
		fp_pack_free(&columns);
		if (!err && !fits)
			err = thin(s, 0.93 * (double)max_bytes / (double)n_bytes, &left_out);
		if (err || fits)
			return err;
	}
}

static uint64_t span_of(const struct fp_profile *p, const struct fp_memory_process *process)
{
	const struct fp_capture_header *h = &p->headers[process->header];
	int64_t end_ns = h->end_monotonic_ns ? h->end_monotonic_ns : h->heartbeat_monotonic_ns;
	uint64_t ns = end_ns > h->start_monotonic_ns ? (uint64_t)(end_ns - h->start_monotonic_ns) : 0;

	for (size_t i = 0; i < process->n_points; i++)
		if (p->memory->points[process->first_point + i].when_ns > ns)
			ns = p->memory->points[process->first_point + i].when_ns;
	return ns / 1000000 + 1;
}

/* About one for so many bytes of the stream; not more than are worth their memory. */
static size_t usual_lives(const struct fp_profile *p, const struct fp_memory_process *process)
{
	uint64_t n = p->headers[process->header].regions[FP_REGION_MEM_STREAM].used_bytes / BYTES_OF_LIFE;

	return n < USUAL_LIVES ? (size_t)n : USUAL_LIVES;
}

static int put_process(const struct fp_profile *p, const struct fp_page_tree *t, uint32_t index, size_t max_bytes,
		       struct fp_pack *out)
{
	const struct fp_memory_process *process = &p->memory->processes[index];
	struct lives s = {.p = p,
			  .t = t,
			  .span_ms = span_of(p, process),
			  .sample_bytes = p->headers[process->header].mem.sample_bytes};
	int err;

	/* shorter steps than the stream's ticks of 10 ms say nothing */
	s.n_steps = FEWEST_STEPS;
	while (s.n_steps < MOST_STEPS && s.span_ms / s.n_steps >= 20)
		s.n_steps *= 2;
	err = fp_key_map_reserve(&s.map, usual_lives(p, process));
	if (!err)
		err = fp_memory_events(p, process, take, &s);
	if (!err)
		err = fit(&s, index, max_bytes, out);
	fp_key_map_free(&s.map);
	free(s.items);
	return err;
}

void fp_memory_data_range(const struct fp_profile *p, const struct fp_page_tree *t, size_t max_bytes,
			  struct fp_pack *out)
{
	struct fp_pack parts = {0};
	uint32_t n_streams = 0, n_put = 0;
	int err = 0;

	for (uint32_t i = 0; i < p->memory->n_processes; i++)
		n_streams += p->headers[p->memory->processes[i].header].mem.stream != 0;
	for (uint32_t i = 0; i < p->memory->n_processes && n_streams && err != -ENOMEM; i++) {
		if (!p->headers[p->memory->processes[i].header].mem.stream)
			continue;
		/* a stream that cannot be read is none: the rest of the page does without */
		err = put_process(p, t, i, max_bytes / n_streams, &parts);
		n_put += err == 0;
	}
	if (n_put && err != -ENOMEM) {
		fp_pack_number(out, n_put);
		fp_pack_bytes(out, parts.bytes, parts.n);
	}
	if (err == -ENOMEM || parts.err)
		out->err = -ENOMEM;
	fp_pack_free(&parts);
}
