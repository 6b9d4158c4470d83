/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of the calling thread (stack.h): walk, compare with the last walk
 * from the root side, intern what changed.  Signal handler or hook; reads
 * foreign memory only through a fault-safe reader.
 */
#include "agent/hot/stack.h"

#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/hot/faults.h"
#include "agent/ledger/code_table.h"
#include "agent/ledger/node_table.h"
#include "agent/native/merge.h"
#include "agent/native/native.h"

#include <ucontext.h>

/* Deeper frames of an unchanged chain are trusted without reading their code
 * object again: a caller that deep was not replaced by a twin at the same
 * frame, code and call address between two samples. */
#define VERIFY_DEPTH 128u

static struct fp_scratch *open_scratch(struct fp_thread *t)
{
	uint32_t cap = fp_context.frames_cap;
	size_t head = fp_round_up(sizeof(struct fp_scratch), 64);
	size_t frames = fp_round_up(cap * sizeof(struct fp_py_frame), 64);
	size_t memo = fp_round_up(cap * sizeof(struct fp_memo), 64);
	size_t keys = fp_round_up((cap + FP_NATIVE_CAP) * sizeof(uint64_t), 64), n_bytes;
	char *room;

	if (t->scratch)
		return t->scratch;
	n_bytes = head + frames + memo + keys + fp_native_thread_bytes();
	room = fp_sys_map_private(n_bytes);
	if (!room)
		return NULL;
	t->scratch = (struct fp_scratch *)room;
	t->scratch->n_bytes = n_bytes;
	t->scratch->frames_cap = cap;
	t->scratch->frames = (struct fp_py_frame *)(room + head);
	t->scratch->memo = (struct fp_memo *)(room + head + frames);
	t->scratch->keys = (uint64_t *)(room + head + frames + memo);
	t->scratch->native = room + head + frames + memo + keys;
	return t->scratch;
}

static uintptr_t interrupted_pc(const void *ucontext)
{
	const ucontext_t *uc = ucontext;

#if defined(__x86_64__)
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)uc->uc_mcontext.pc;
#endif
}

static bool after_system_call(const struct fp_reader *r, uintptr_t pc)
{
#if defined(__x86_64__)
	uint8_t before[2];

	return r->read(r, pc - 2, before, 2) == 0 && before[0] == 0x0f && before[1] == 0x05;
#elif defined(__aarch64__)
	uint32_t before;

	return r->read(r, pc - 4, &before, 4) == 0 && before == 0xd4000001u; /* svc #0 */
#endif
}

static bool in_range(const struct fp_text_range *range, uintptr_t pc)
{
	return pc >= range->start && pc < range->end;
}

static enum fp_cpu_kind kind_of(const struct fp_reader *r, uintptr_t pc)
{
	const struct fp_python *py = &fp_context.python;

	for (unsigned i = 0; i < py->n_eval; i++)
		if (in_range(&py->eval[i], pc))
			return FP_CPU_PYTHON;
	if (after_system_call(r, pc))
		return FP_CPU_SYSTEM;
	return in_range(&py->library, pc) ? FP_CPU_LIBRARY : FP_CPU_NATIVE;
}

static bool same_code(const struct fp_reader *r, const struct fp_memo *m)
{
	const struct fp_code_record *code =
		(const struct fp_code_record *)fp_segment_at(&fp_context.segment, FP_REGION_CODES) + m->code_id;
	struct fp_code_key key;

	return fp_python_code_key(&fp_context.python, r, m->code, &key) == 0 && key.name == code->name_address &&
	       key.file == code->file_address && key.lines == code->lines_address &&
	       key.first_line == code->first_line;
}

/* Brings the memo up to frames[n-1 … 0] and returns how many there are. */
static unsigned remember(struct fp_thread *t, const struct fp_reader *r, unsigned n, uint32_t root)
{
	struct fp_scratch *s = t->scratch;
	struct fp_segment *segment = &fp_context.segment;
	unsigned d = 0;

	while (d < n && d < s->n_memo) {
		const struct fp_py_frame *f = &s->frames[n - 1 - d];
		const struct fp_memo *m = &s->memo[d];

		if (f->frame != m->frame || f->code != m->code || f->offset != m->offset ||
		    (n - d <= VERIFY_DEPTH && !same_code(r, m)))
			break;
		d++;
	}
	for (; d < n; d++) {
		const struct fp_py_frame *f = &s->frames[n - 1 - d];
		struct fp_memo *m = &s->memo[d];
		uint32_t parent = d ? s->memo[d - 1].node : root;

		m->code_id = fp_code_intern(segment, &fp_context.python, r, f->code);
		m->node = m->code_id ? fp_node_intern(segment, parent, FP_KEY_MAKE_PYTHON(m->code_id, f->offset)) :
				       fp_node_intern(segment, parent, FP_KEY_MAKE_MARK(FP_MARK_torn));
		m->frame = f->frame;
		m->code = f->code;
		m->offset = f->offset;
	}
	s->n_memo = n;
	return n;
}

/* Where the linker put this object. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

/* A walk from a hook begins in the agent, one from below Python's allocator
 * goes through it: neither is of the program. */
static unsigned walk_native(struct fp_thread *t, void *ucontext)
{
	uintptr_t *pcs = t->scratch->pcs;
	unsigned n = fp_native_walk(t->scratch->native, ucontext, t->stack_low, t->stack_high, pcs, FP_NATIVE_CAP);
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (pcs[i] < (uintptr_t)__ehdr_start || pcs[i] >= (uintptr_t)etext)
			pcs[kept++] = pcs[i];
	return kept ? kept : n;
}

static uint32_t intern_natives(const uintptr_t *pcs, unsigned n, uint32_t parent)
{
	uint32_t generation = fp_native_generation();

	while (n)
		parent = fp_node_intern(&fp_context.segment, parent, FP_KEY_MAKE_NATIVE(pcs[--n], generation));
	return parent;
}

/* FIL_PERF_SPY_NATIVE=1: Python frames where the eval loop's frames were. */
static uint32_t intern_merged(struct fp_thread *t, unsigned n_py, unsigned n_pcs, uint32_t root)
{
	struct fp_scratch *s = t->scratch;
	uint32_t generation = fp_native_generation(), parent = root;
	unsigned n = fp_native_merge(&fp_context.python, s->pcs, n_pcs, s->frames, n_py, s->keys,
				     s->frames_cap + FP_NATIVE_CAP);

	while (n) {
		uint64_t item = s->keys[--n], key = FP_KEY_MAKE_NATIVE(item, generation);

		if (item & FP_MERGE_PYTHON) {
			unsigned i = (unsigned)(item & ~FP_MERGE_PYTHON);
			uint32_t code_id = s->memo[n_py - 1 - i].code_id;

			key = code_id ? FP_KEY_MAKE_PYTHON(code_id, s->frames[i].offset) :
					FP_KEY_MAKE_MARK(FP_MARK_torn);
		}
		parent = fp_node_intern(&fp_context.segment, parent, key);
	}
	return parent;
}

static uint32_t python_stack(struct fp_thread *t, const struct fp_reader *r, uintptr_t tstate, void *native_context)
{
	struct fp_scratch *s = t->scratch;
	struct fp_segment *segment = &fp_context.segment;
	enum fp_walk_status status;
	uint32_t root = 0;
	unsigned n = fp_python_walk(&fp_context.python, r, tstate, s->frames, s->frames_cap, &status);

	switch (status) {
	case FP_WALK_TORN:
		fp_loss_count(segment, FP_LOSS_walk_torn);
		return fp_node_of_mark(FP_MARK_torn);
	case FP_WALK_EMPTY:
		if (native_context)
			return intern_natives(s->pcs, walk_native(t, native_context), 0);
		return fp_node_of_mark(FP_MARK_no_python_frame);
	case FP_WALK_TRUNCATED:
		fp_loss_count(segment, FP_LOSS_walk_truncated);
		root = fp_node_of_mark(FP_MARK_truncated);
		s->n_memo = 0;
		break;
	case FP_WALK_OK:
		break;
	}
	n = remember(t, r, n, root);
	if (status == FP_WALK_TRUNCATED)
		s->n_memo = 0;
	if (native_context)
		return intern_merged(t, n, walk_native(t, native_context), root);
	return n ? s->memo[n - 1].node : fp_node_of_mark(FP_MARK_no_python_frame);
}

/* A thread outside Python, or a program without it. */
static uint32_t native_stack(struct fp_thread *t, void *ucontext)
{
	if (!ucontext)
		return fp_node_of_mark(FP_MARK_native);
	return intern_natives(t->scratch->pcs, walk_native(t, ucontext), 0);
}

/* native: the native part of a Python stack is wanted. */
static struct fp_stack_sample take(struct fp_thread *t, void *ucontext, bool native)
{
	struct fp_python *py = &fp_context.python;
	bool fast = fp_faults_caught(ucontext);
	const struct fp_reader *r = fast ? &fp_reader_own : &fp_reader_own_slow;
	struct fp_stack_sample taken = {.kind = FP_CPU_NATIVE};
	uint32_t state = __atomic_load_n(&py->state, __ATOMIC_ACQUIRE);
	uintptr_t tstate = 0;

	if (ucontext)
		taken.kind = kind_of(r, interrupted_pc(ucontext));
	if (!open_scratch(t)) {
		taken.stack = fp_node_of_mark(FP_MARK_native);
		return taken;
	}
	if (state == FP_PYTHON_FOUND || state == FP_PYTHON_LIVE)
		tstate = fp_python_thread_state(py, &taken.gil);
	if (state == FP_PYTHON_FOUND && tstate && taken.gil) {
		struct fp_capture_header *h = fp_context.segment.header;

		if (fp_python_check_live(py, r, tstate) == -ENOTSUP)
			fp_text_copy(h->python_reason, sizeof(h->python_reason), py->reason);
		state = py->state;
		h->python_state = state;
	}
	taken.python = tstate != 0;
	if (tstate && state == FP_PYTHON_LIVE)
		taken.stack = python_stack(t, r, tstate, fast && native ? ucontext : NULL);
	else
		taken.stack = native_stack(t, fast ? ucontext : NULL);
	if (state == FP_PYTHON_UNSUPPORTED)
		fp_loss_count(&fp_context.segment, FP_LOSS_no_python_layout);
	return taken;
}

struct fp_stack_sample fp_stack_take(struct fp_thread *t, void *ucontext)
{
	return take(t, ucontext, fp_context.native);
}

uint32_t fp_stack_of_hook(struct fp_thread *t)
{
	ucontext_t here;

#if defined(__x86_64__)
	uintptr_t *frame = __builtin_frame_address(0);

	/* As if this function had returned already. */
	here.uc_mcontext.gregs[REG_RIP] = (greg_t)frame[1];
	here.uc_mcontext.gregs[REG_RSP] = (greg_t)(frame + 2);
	here.uc_mcontext.gregs[REG_RBP] = (greg_t)frame[0];
	here.uc_mcontext.gregs[REG_R10] = 0;
#elif defined(__aarch64__)
	uintptr_t *frame = __builtin_frame_address(0);

	here.uc_mcontext.pc = frame[1];
	here.uc_mcontext.sp = (uintptr_t)(frame + 2);
	here.uc_mcontext.regs[29] = frame[0];
#endif
	here.uc_stack.ss_flags = SS_DISABLE;
	*(uint64_t *)&here.uc_sigmask = 0;
	return take(t, &here, true).stack;
}
