/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The captures of one run become a profile: one capture after another, each
 * with its own ids, into one prefix tree.  Reader stage, ordinary program.
 */
#include "tools/read/capture.h"
#include "tools/read/capture_intake.h"
#include "tools/read/readers.h"
#include "tools/read/symbols.h"
#include "tools/read/title.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The run's own facts: of the first process, whatever is filtered. */
static int describe_run(const struct fp_read_job *job, const struct fp_capture_header *h)
{
	struct fp_profile *p = fp_builder_profile(job->b);
	char quoted[4096];

	fp_title_quote(h->cmdline, h->cmdline_bytes, quoted, sizeof(quoted));
	p->label = fp_builder_string(job->b, h->label, strlen(h->label));
	p->command = fp_builder_string(job->b, quoted, strlen(quoted));
	p->cwd = fp_builder_string(job->b, h->cwd, strlen(h->cwd));
	p->start_realtime_ns = h->start_realtime_ns;
	p->rate_hz = h->settings.rate_hz ? h->settings.rate_hz : 100;
	p->has_time = true;
	return p->label && p->command && p->cwd ? 0 : -ENOMEM;
}

struct run_captures {
	const char *const *paths;
	uint32_t n;
	struct fp_capture_header *headers;
	bool *readable, *chosen;  /* of each path */
	int64_t start_ns, end_ns; /* monotonic, over all processes */
	uint32_t first;           /* path of the first process */
};

static int64_t end_of(const struct fp_capture_header *h)
{
	int64_t end = h->end_monotonic_ns ? h->end_monotonic_ns : h->heartbeat_monotonic_ns;
	return end > h->start_monotonic_ns ? end : h->start_monotonic_ns;
}

static bool starts_before(const struct fp_capture_header *a, const struct fp_capture_header *b)
{
	if (!a->is_first != !b->is_first)
		return a->is_first;
	return a->start_monotonic_ns < b->start_monotonic_ns;
}

/* Opens every capture once for its header; unreadable ones are skipped unless
 * all are. */
static int survey(const struct fp_read_job *job, struct run_captures *r)
{
	uint32_t n_readable = 0;
	int err = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		int failed = fp_capture_header_read(r->paths[i], &r->headers[i], job->error,
						    job->error_bytes);
		r->readable[i] = !failed;
		if (failed) {
			err = failed;
			continue;
		}
		const struct fp_capture_header *h = &r->headers[i];
		if (!n_readable || h->start_monotonic_ns < r->start_ns)
			r->start_ns = h->start_monotonic_ns;
		if (!n_readable || end_of(h) > r->end_ns)
			r->end_ns = end_of(h);
		if (!n_readable || starts_before(h, &r->headers[r->first]))
			r->first = i;
		n_readable++;
	}
	return n_readable ? 0 : err;
}

static int add_header(struct fp_profile *p, size_t *room, const struct fp_capture_header *h);

/* What the reader had to leave out; the worst of it, as there is one line. */
struct left_out {
	uint32_t n_unreadable, n_damaged;
	char why[512]; /* of the first capture that cannot be read */
};

static int describe_left_out(const struct fp_read_job *job, const struct left_out *l,
			     const struct fp_symbols *symbols)
{
	struct fp_profile *p = fp_builder_profile(job->b);
	char more[32] = "", line[1024] = "";
	unsigned n = 0;

	if (l->n_unreadable)
		snprintf(line, sizeof(line), "%u capture%s left out: %s", l->n_unreadable,
			 l->n_unreadable == 1 ? "" : "s", l->why);
	else if (l->n_damaged)
		snprintf(line, sizeof(line), "%u damaged record%s left out", l->n_damaged,
			 l->n_damaged == 1 ? "" : "s");
	p->damage = fp_builder_string(job->b, line, strlen(line));
	while (symbols && fp_symbols_refused(symbols, n))
		n++;
	if (n > 1)
		snprintf(more, sizeof(more), " (and %u more)", n - 1);
	snprintf(line, sizeof(line), "%s%s", n ? fp_symbols_refused(symbols, 0) : "", more);
	p->unnamed = fp_builder_string(job->b, line, strlen(line));
	return p->damage && p->unnamed ? 0 : -ENOMEM;
}

static bool is_chosen(const struct fp_read_options *o, const struct fp_capture_header *h,
		      const struct fp_capture_header *first)
{
	char title[256];

	if (!o->subprocesses && h->pid != first->pid)
		return false;
	if (!o->only_process)
		return true;
	fp_title_of_cmdline(h->exe, h->cmdline, h->cmdline_bytes,
			    h->python_state != FP_PYTHON_ABSENT, title, sizeof(title));
	return fp_read_wants_process(o, title, h->exe, h->pid);
}

static void choose(const struct fp_read_options *o, struct run_captures *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		r->chosen[i] = r->readable[i] && is_chosen(o, &r->headers[i], &r->headers[r->first]);
}

/* Beside Python stacks the programs that it starts are named, no more: to
 * inflate libc's debug file alone takes a third of a short run's report. */
static bool wants_debug_files(const struct run_captures *r)
{
	bool has_python = false;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct fp_capture_header *h = &r->headers[i];

		if (!r->chosen[i])
			continue;
		if (h->settings.native || h->mem.native ||
		    h->python_state == FP_PYTHON_UNSUPPORTED)
			return true;
		has_python = has_python || h->python_state != FP_PYTHON_ABSENT;
	}
	return !has_python;
}

static int take_all(const struct fp_read_job *job, const struct run_captures *r)
{
	const struct fp_read_options *o = job->options;
	struct fp_profile *p = fp_builder_profile(job->b);
	struct fp_symbols *symbols = o->native_symbols ? fp_symbols_create(wants_debug_files(r)) : NULL;
	struct left_out left_out = { 0 };
	size_t room = 0;
	int err = o->native_symbols && !symbols ? -ENOMEM : 0;

	for (uint32_t i = 0; i < r->n && !err; i++) {
		struct fp_capture c;
		char why[sizeof(left_out.why)];

		if (o->progress)
			o->progress(o->progress_ctx, "reading captures", i, r->n);
		if (!r->readable[i]) {
			if (!left_out.n_unreadable++)
				(void)fp_capture_header_read(r->paths[i], &c.header, left_out.why,
							     sizeof(left_out.why));
			continue;
		}
		if (!r->chosen[i])
			continue;
		if (fp_capture_open(r->paths[i], o->want_memory, &c, why, sizeof(why))) {
			if (!left_out.n_unreadable++)
				snprintf(left_out.why, sizeof(left_out.why), "%s", why);
			continue;
		}
		left_out.n_damaged += c.n_damaged;
		p->cut = p->cut || c.cut;
		err = add_header(p, &room, &c.header);
		if (!err)
			err = fp_capture_take(job, &c, r->paths[i], p->n_headers - 1, r->start_ns,
					      symbols);
		fp_capture_close(&c);
	}
	if (!err)
		err = describe_left_out(job, &left_out, symbols);
	if (symbols)
		fp_symbols_destroy(symbols);
	return err;
}

static int add_header(struct fp_profile *p, size_t *room, const struct fp_capture_header *h)
{
	if (p->n_headers >= *room) {
		size_t larger = *room ? *room * 2 : 4;
		void *moved = reallocarray(p->headers, larger, sizeof(*p->headers));

		if (!moved)
			return -ENOMEM;
		p->headers = moved;
		*room = larger;
	}
	p->headers[p->n_headers++] = *h;
	for (int i = 0; i < FP_LOSS_MAX; i++)
		if (__builtin_add_overflow(p->losses[i], h->losses[i], &p->losses[i]))
			p->losses[i] = UINT64_MAX;
	return 0;
}

int fp_read_captures(const struct fp_read_job *job, const char *const *paths, uint32_t n_paths)
{
	struct fp_profile *p = fp_builder_profile(job->b);
	struct run_captures r = { .paths = paths, .n = n_paths };
	int err;

	r.headers = calloc((size_t)n_paths + 1, sizeof(*r.headers));
	r.readable = calloc((size_t)n_paths + 1, sizeof(*r.readable));
	r.chosen = calloc((size_t)n_paths + 1, sizeof(*r.chosen));
	err = r.headers && r.readable && r.chosen ? 0 : -ENOMEM;
	if (!err)
		err = survey(job, &r);
	if (!err)
		err = describe_run(job, &r.headers[r.first]);
	if (!err) {
		choose(job->options, &r);
		err = take_all(job, &r);
	}
	if (!err) {
		p->wall_ns = (uint64_t)(r.end_ns - r.start_ns);
		if (!p->n_processes)
			err = fp_read_refuse(job, -ESRCH, "no process of this run matches %s: "
					     "--process takes a pid or a glob on its name",
					     job->options->only_process ?
					     job->options->only_process : "the filter");
	}
	if (err == -ENOMEM)
		fp_read_refuse(job, err, "not enough memory to read %u captures", n_paths);
	free(r.headers);
	free(r.readable);
	free(r.chosen);
	return err;
}
