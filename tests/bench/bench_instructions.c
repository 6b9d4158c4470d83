/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_instructions CHANGE SAMPLES: the sampling handler on a made-up CPython
 * 3.12 thread of 50 frames in five eval calls, for count_instructions.py to
 * count what it executes.  CHANGE, from sample to sample:
 *   nothing  the same stack
 *   line     another instruction in the leaf
 *   other    fifty other functions, seen before
 *   unseen   fifty functions that were never seen: their texts are copied
 */
#include "tests/support/capture_fixture.h"

#include "agent/hot/faults.h"
#include "agent/hot/sampler.h"
#include "agent/ledger/code_table.h"
#include "agent/ledger/node_table.h"
#include "agent/python/thread_state.h"

#include <ucontext.h>

#define N_CALLS 5u
#define N_FRAMES 50u
#define FRAMES_PER_CALL (N_FRAMES / N_CALLS)

/* Sizes with room: only what the layout names is filled. */
struct code_object {
	unsigned char code[256], name[64], file[80], lines[64];
};

struct eval_call {
	uintptr_t current_frame, previous; /* the cframe */
	unsigned char entry[80];           /* the entry frame beside it */
};

static struct fp_py_layout layout;
static unsigned char thread_state[512], frames[N_FRAMES][80];
static struct eval_call calls[N_CALLS];
static uintptr_t code_type, unicode_type, bytes_type, none;
static uint32_t fork_word = 1;
static __thread uintptr_t attached;

static void put(unsigned char *object, size_t at, uintptr_t value)
{
	memcpy(object + at, &value, sizeof(value));
}

static void make_text(unsigned char *object, const char *text)
{
	put(object, FP_OB_TYPE(&layout), (uintptr_t)&unicode_type);
	put(object, layout.un_length, strlen(text));
	put(object, layout.un_state, 1u << layout.kind_shift | 3u << (layout.kind_shift + 3));
	memcpy(object + layout.un_ascii, text, strlen(text));
}

static void make_code(struct code_object *c, unsigned i)
{
	uint32_t first_line = i;
	char text[24];

	put(c->code, FP_OB_TYPE(&layout), (uintptr_t)&code_type);
	memcpy(c->code + layout.co_first_line, &first_line, sizeof(first_line));
	snprintf(text, sizeof(text), "function_%06u", i);
	make_text(c->name, text);
	snprintf(text, sizeof(text), "/usr/lib/module_%02u.py", i / 50 % 100);
	make_text(c->file, text);
	put(c->lines, FP_OB_TYPE(&layout), (uintptr_t)&bytes_type);
	put(c->lines, layout.by_size, 24);
	put(c->code, layout.co_name, (uintptr_t)c->name);
	put(c->code, layout.co_qualname, (uintptr_t)c->name);
	put(c->code, layout.co_file, (uintptr_t)c->file);
	put(c->code, layout.co_lines, (uintptr_t)c->lines);
}

static void run_code(const struct code_object *codes)
{
	for (unsigned i = 0; i < N_FRAMES; i++) {
		put(frames[i], layout.fr_code, (uintptr_t)codes[i].code);
		put(frames[i], layout.fr_ip, (uintptr_t)codes[i].code + layout.co_code + 6);
	}
}

/* frames[0] is the leaf. */
static void make_chain(void)
{
	for (unsigned k = 0; k < N_CALLS; k++) {
		bool last = k == N_CALLS - 1;

		for (unsigned i = 0; i < FRAMES_PER_CALL; i++)
			put(frames[k * FRAMES_PER_CALL + i], layout.fr_previous,
			    i + 1 < FRAMES_PER_CALL ? (uintptr_t)frames[k * FRAMES_PER_CALL + i + 1] :
						      (uintptr_t)calls[k].entry);
		put(calls[k].entry, layout.fr_code, (uintptr_t)&none);
		put(calls[k].entry, layout.fr_previous, last ? 0 : (uintptr_t)frames[(k + 1) * FRAMES_PER_CALL]);
		calls[k].entry[layout.fr_owner] = layout.owner_entry;
		calls[k].current_frame = (uintptr_t)frames[k * FRAMES_PER_CALL];
		calls[k].previous = last ? (uintptr_t)thread_state + layout.ts_root_cframe : (uintptr_t)&calls[k + 1];
	}
	put(thread_state, layout.ts_frame, (uintptr_t)&calls[0]);
	attached = (uintptr_t)thread_state;
}

static int begin(void)
{
	struct fp_python *py = &fp_context.python;
	struct fp_py_private *p = (struct fp_py_private *)(void *)py->private_;

	layout = p->layout = fp_layout_312;
	p->attached.offset = (intptr_t)((uintptr_t)&attached - fp_thread_pointer());
	py->layout = &p->layout;
	py->runtime = (uintptr_t)thread_state;
	py->code_type = (uintptr_t)&code_type;
	py->unicode_type = (uintptr_t)&unicode_type;
	py->bytes_type = (uintptr_t)&bytes_type;
	py->none = (uintptr_t)&none;
	py->state = FP_PYTHON_LIVE;
	if (fixture_open(&fp_context.segment, 64) < 0 || fp_node_table_init(&fp_context.segment) < 0 ||
	    fp_cpu_ledger_init(&fp_context.segment) < 0 || fp_code_table_init(&fp_context.segment) < 0)
		return -1;
	fp_context.pid = getpid();
	fp_context.interval_ns = 10000000;
	fp_context.frames_cap = 1024;
	fp_context.fork_word = &fork_word;
	fp_faults_install(false);
	__atomic_store_n(&fp_context.state, FP_STATE_LIVE, __ATOMIC_RELEASE);
	make_chain();
	return fp_thread_enter() ? 0 : -1;
}

static bool every_frame_counted(unsigned n)
{
	const struct fp_capture_header *h = fp_context.segment.header;

	for (unsigned i = 0; i < FP_LOSS_MAX; i++)
		if (h->losses[i])
			return false;
	return fp_thread_record(fp_thread_self)->samples == n && fp_thread_self->scratch->n_memo == N_FRAMES;
}

enum change { NOTHING, LINE, OTHER, UNSEEN, N_CHANGES };

static void take_samples(const struct code_object *codes, enum change change, unsigned n)
{
	siginfo_t info = {.si_code = SI_TIMER};
	static ucontext_t here;

	info.si_value.sival_ptr = FP_SAMPLER_COOKIE;
	getcontext(&here);
	run_code(codes);
	for (unsigned i = 0; i < n; i++) {
		if (change == OTHER || change == UNSEEN)
			run_code(&codes[(change == UNSEEN ? i : i % 2) * N_FRAMES]);
		if (change == LINE)
			put(frames[0], layout.fr_ip, (uintptr_t)codes[0].code + layout.co_code + 6 + i % 8 * 2);
		fp_sampler_on_signal(&info, &here);
	}
}

int main(int argc, char **argv)
{
	static const char *const names[N_CHANGES] = {"nothing", "line", "other", "unseen"};
	unsigned n = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0, n_codes, change = 0;
	struct code_object *codes;

	while (n && change < N_CHANGES && strcmp(argv[1], names[change]) != 0)
		change++;
	if (!n || change == N_CHANGES)
		return 2;
	n_codes = (change == UNSEEN ? n : 2) * N_FRAMES;
	codes = calloc(n_codes, sizeof(*codes));
	if (!codes || begin() < 0)
		return 1;
	fp_thread_leave(fp_thread_self);
	for (unsigned i = 0; i < n_codes; i++)
		make_code(&codes[i], i);
	take_samples(codes, change, n);
	if (!every_frame_counted(n)) {
		fprintf(stderr, "bench_instructions: not every sample had %u frames\n", N_FRAMES);
		return 1;
	}
	free(codes);
	fixture_close(&fp_context.segment);
	return 0;
}
