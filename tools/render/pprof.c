/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof's profile.proto, gzipped: samples, CPU and CPU holding the GIL, with
 * thread and process as labels.  Render stage; the protobuf is written by
 * hand (varints and lengths), message by message.
 */
#include "tools/model/function_ids.h"
#include "tools/read/key_map.h"
#include "tools/render/gzip_out.h"
#include "tools/render/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct message {
	unsigned char *bytes;
	size_t n, room;
	int err;
};

struct strings {
	const char **texts;
	size_t n, room;
	struct fp_key_map by_text;
};

enum { VARINT = 0, LENGTH = 2 };

static void put_varint(struct message *m, uint64_t value)
{
	if (m->room - m->n < 10) {
		size_t room = m->room ? m->room * 2 : 4096;
		unsigned char *moved = realloc(m->bytes, room);

		if (!moved) {
			m->err = -ENOMEM;
			return;
		}
		m->bytes = moved;
		m->room = room;
	}
	for (; value > 127; value >>= 7)
		m->bytes[m->n++] = (unsigned char)(value | 128);
	m->bytes[m->n++] = (unsigned char)value;
}

static void put_number(struct message *m, unsigned field, uint64_t value)
{
	put_varint(m, field << 3 | VARINT);
	put_varint(m, value);
}

static void put_bytes(struct message *m, unsigned field, const void *bytes, size_t n)
{
	put_varint(m, field << 3 | LENGTH);
	put_varint(m, n);
	if (m->room - m->n < n) {
		unsigned char *moved = realloc(m->bytes, m->n + n + 4096);

		if (!moved) {
			m->err = -ENOMEM;
			return;
		}
		m->bytes = moved;
		m->room = m->n + n + 4096;
	}
	if (n)
		memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void put_message(struct message *m, unsigned field, struct message *inner)
{
	put_bytes(m, field, inner->bytes, inner->n);
	m->err = m->err ? m->err : inner->err;
	inner->n = 0;
}

struct text_query {
	const struct strings *s;
	const char *text;
};

static bool same_text(const void *ctx, uint32_t index)
{
	const struct text_query *q = ctx;
	return strcmp(q->s->texts[index], q->text) == 0;
}

/* Index in the string table; texts must outlive it. 0 ("") when out of memory. */
static uint64_t text_index(struct strings *s, const char *text)
{
	struct text_query q = { s, text };
	uint64_t h = fp_key_hash(5, text, strlen(text));
	uint32_t at = fp_key_map_find(&s->by_text, h, same_text, &q);

	if (at != FP_KEY_MISSING)
		return at;
	if (fp_grow(&s->texts, &s->room, s->n, sizeof(*s->texts)) ||
	    fp_key_map_add(&s->by_text, h, (uint32_t)s->n))
		return 0;
	s->texts[s->n] = text;
	return s->n++;
}

struct writing {
	const struct fp_profile *p;
	struct fp_gzip_out *gzip;
	struct strings strings;
	struct message top, sample, list, label;
};

static int flush(struct writing *w)
{
	int err = w->top.err ? w->top.err : fp_gzip_write(w->gzip, w->top.bytes, w->top.n);

	w->top.n = 0;
	return err;
}

static void put_value_type(struct writing *w, unsigned field, const char *type, const char *unit)
{
	put_number(&w->sample, 1, text_index(&w->strings, type));
	put_number(&w->sample, 2, text_index(&w->strings, unit));
	put_message(&w->top, field, &w->sample);
}

static void put_label(struct writing *w, const char *key, const char *text, uint64_t number)
{
	put_number(&w->label, 1, text_index(&w->strings, key));
	if (text)
		put_number(&w->label, 2, text_index(&w->strings, text));
	else
		put_number(&w->label, 3, number);
	put_message(&w->sample, 3, &w->label);
}

static int put_samples(struct writing *w)
{
	const struct fp_profile *p = w->p;
	int err = 0;

	for (size_t i = 0; i < p->n_cells && !err; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		const struct fp_profile_thread *t = &p->threads[c->thread];

		for (uint32_t node = c->stack; node; node = p->nodes[node].parent)
			put_varint(&w->list, (uint64_t)p->nodes[node].frame + 1);
		put_message(&w->sample, 1, &w->list);
		put_varint(&w->list, c->samples);
		put_varint(&w->list, fp_profile_cell_ns(c));
		put_varint(&w->list, c->gil_ns);
		put_message(&w->sample, 2, &w->list);
		put_label(w, "thread", t->name, 0);
		put_label(w, "thread_id", NULL, (uint64_t)t->tid);
		if (p->n_processes > 1) {
			put_label(w, "process", p->processes[t->process].title, 0);
			put_label(w, "pid", NULL, (uint64_t)p->processes[t->process].pid);
		}
		put_message(&w->top, 2, &w->sample);
		if (w->top.n > 60000)
			err = flush(w);
	}
	return err;
}

static int put_functions(struct writing *w, bool lines)
{
	const struct fp_profile *p = w->p;
	uint32_t *ids = fp_function_ids(p, FP_IDS_FUNCTION, true, NULL);
	int err = ids ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < p->n_frames && !err; i++) {
		const struct fp_frame *f = &p->frames[i];

		put_number(&w->list, 1, (uint64_t)ids[i] + 1);
		if (lines && f->line)
			put_number(&w->list, 2, f->line);
		put_number(&w->sample, 1, (uint64_t)i + 1);
		put_message(&w->sample, 4, &w->list);
		put_message(&w->top, 4, &w->sample);
		if (ids[i] == i) {
			put_number(&w->sample, 1, (uint64_t)i + 1);
			put_number(&w->sample, 2, text_index(&w->strings, f->qualname));
			/* no system name: equal to the name, pprof would demangle it
			 * and take "<module>" for a template argument */
			put_number(&w->sample, 4, text_index(&w->strings, f->file));
			put_number(&w->sample, 5, f->first_line);
			put_message(&w->top, 5, &w->sample);
		}
		if (w->top.n > 60000)
			err = flush(w);
	}
	free(ids);
	return err;
}

static void put_rest(struct writing *w)
{
	const struct fp_profile *p = w->p;
	uint64_t comment = p->command[0] ? text_index(&w->strings, p->command) : 0;

	put_value_type(w, 11, "cpu", "nanoseconds");
	put_number(&w->top, 14, text_index(&w->strings, "cpu"));
	if (comment)
		put_number(&w->top, 13, comment);
	if (p->start_realtime_ns > 0)
		put_number(&w->top, 9, (uint64_t)p->start_realtime_ns);
	put_number(&w->top, 10, p->wall_ns);
	put_number(&w->top, 12, 1000000000ull / (p->rate_hz ? p->rate_hz : 100));
	for (size_t i = 0; i < w->strings.n; i++)
		put_bytes(&w->top, 6, w->strings.texts[i], strlen(w->strings.texts[i]));
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct writing w = { .p = p, .gzip = fp_gzip_begin(out) };
	int err;

	if (!w.gzip)
		return -ENOMEM;
	text_index(&w.strings, ""); /* the format wants it first */
	put_value_type(&w, 1, "samples", "count");
	put_value_type(&w, 1, "cpu", "nanoseconds");
	put_value_type(&w, 1, "gil_cpu", "nanoseconds");
	err = put_samples(&w);
	if (!err)
		err = put_functions(&w, o->lines);
	put_rest(&w);
	if (!err)
		err = flush(&w);
	int ended = fp_gzip_end(w.gzip);
	free(w.top.bytes);
	free(w.sample.bytes);
	free(w.list.bytes);
	free(w.label.bytes);
	free(w.strings.texts);
	fp_key_map_free(&w.strings.by_text);
	return err ? err : ended;
}

const struct fp_renderer fp_render_pprof = {
	.name = "pprof", .suffix = ".pb.gz", .what = "pprof's protobuf, gzipped",
	.viewer = "go tool pprof -http=: FILE", .render = render,
};
