/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native walk.  Signal handler or hook of the walked thread.  Steps by
 * rules (unwind_rule.h) that are kept by address for all threads: a frame
 * whose rule is known costs one probe and one or two loads.
 */
#include "agent/native/native.h"

#include "agent/base/safe_load.h"
#include "agent/native/modules.h"
#include "agent/native/rule_table.h"

#include <signal.h>
#include <ucontext.h>

#if defined(__x86_64__)

#define GUESS_BYTES 0x10000u
/* libunwind takes 4 KiB of the stack that it runs on. */
#define LEARN_BYTES 12288u

struct walk {
	struct fp_rule_room *room;
	const struct fp_module_map *map;
	uint32_t epoch;            /* of the map, read once */
	uintptr_t pc, sp, fp, r10; /* r10: where called is false */
	uintptr_t stack_high;      /* [sp at the start, stack_high) is mapped; 0 unknown */
	uintptr_t stack_from;
	bool called;               /* pc is a return address */
	bool may_learn;
};

static bool load(const struct walk *w, uintptr_t at, uintptr_t *ret_value)
{
	if (at >= w->stack_from && at < w->stack_high && !(at & 7)) {
		*ret_value = *(const uintptr_t *)at;
		return true;
	}
	return fp_safe_copy(ret_value, (const void *)at, sizeof(*ret_value)) == 0;
}

static bool rule_of(const struct walk *w, uintptr_t pc, struct fp_rule *ret_rule)
{
	if (fp_rule_recall(w->epoch, pc, ret_rule))
		return true;
	if (!w->may_learn)
		return false;
	if (fp_rule_learn(w->room, w->map, pc, w->called, ret_rule) < 0)
		return false;
	/* An object may still be loaded where there is none. */
	if (ret_rule->kind != FP_RULE_UNKNOWN || fp_module_map_find(w->map, pc))
		fp_rule_keep(w->epoch, pc, *ret_rule);
	return true;
}

static bool leave_signal(struct walk *w)
{
	const ucontext_t *uc = (const ucontext_t *)w->sp;
	const greg_t *regs = uc->uc_mcontext.gregs;
	uintptr_t pc, sp, fp, r10;

	if (!load(w, (uintptr_t)&regs[REG_RIP], &pc) || !load(w, (uintptr_t)&regs[REG_RSP], &sp) ||
	    !load(w, (uintptr_t)&regs[REG_RBP], &fp) || !load(w, (uintptr_t)&regs[REG_R10], &r10))
		return false;
	w->pc = pc;
	w->sp = sp;
	w->fp = fp;
	w->r10 = r10;
	w->called = false;
	return true;
}

/* No unwind information (code made at run time, hand-written assembly): the
 * frame-pointer chain, when it leads up the stack into known code. */
static bool leave_by_guess(struct walk *w)
{
	uintptr_t pc, fp;

	if (w->fp < w->sp || w->fp - w->sp > GUESS_BYTES || w->fp & 7)
		return false;
	if (!load(w, w->fp, &fp) || !load(w, w->fp + 8, &pc) || !fp_module_map_find(w->map, pc - 1))
		return false;
	w->pc = pc;
	w->sp = w->fp + 16;
	w->fp = fp;
	w->called = true;
	return true;
}

static bool leave_by_rule(struct walk *w, struct fp_rule rule)
{
	uintptr_t cfa = w->sp, pc, fp = w->fp;

	if (rule.base == FP_BASE_R10 && w->called)
		return false;
	if (rule.base != FP_BASE_SP)
		cfa = rule.base == FP_BASE_FP ? w->fp : w->r10;
	cfa += (uintptr_t)(intptr_t)rule.cfa_offset;
	if (rule.kind == FP_RULE_LOAD && !load(w, cfa, &cfa))
		return false;
	if (cfa <= w->sp || !load(w, cfa - 8, &pc))
		return false;
	/* Epilogues may leave the place of a register undescribed; only a caller
	 * that needs it is lost then. */
	if (rule.saved == FP_SAVED_AT_CFA && !load(w, cfa + (uintptr_t)(intptr_t)rule.fp_offset, &fp))
		fp = 0;
	if (rule.saved == FP_SAVED_AT_FP && !load(w, w->fp + (uintptr_t)(intptr_t)rule.fp_offset, &fp))
		fp = 0;
	w->pc = pc;
	w->sp = cfa;
	w->fp = fp;
	w->called = true;
	return pc > 1;
}

static bool step(struct walk *w)
{
	struct fp_rule rule;

	if (!rule_of(w, w->pc - w->called, &rule))
		return false;
	switch (rule.kind) {
	case FP_RULE_OFFSET:
	case FP_RULE_LOAD:
		return leave_by_rule(w, rule);
	case FP_RULE_SIGNAL:
		return leave_signal(w);
	case FP_RULE_UNKNOWN:
		return leave_by_guess(w);
	default:
		return false;
	}
}

/* Is there room below us for libunwind?  The stack that we run on is the
 * thread's, its alternate one, or one that nobody told us of. */
static bool has_stack(const stack_t *alternate, uintptr_t low, uintptr_t high)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), other = (uintptr_t)alternate->ss_sp;

	if (here >= low && here < high)
		return here - low > LEARN_BYTES;
	if (!(alternate->ss_flags & SS_DISABLE) && here >= other && here - other < alternate->ss_size)
		return here - other > LEARN_BYTES;
	return true;
}

unsigned fp_native_walk(void *thread_scratch, const void *ucontext, uintptr_t stack_low, uintptr_t stack_high,
			uintptr_t *pcs, unsigned cap)
{
	const greg_t *regs = ((const ucontext_t *)ucontext)->uc_mcontext.gregs;
	struct walk w = {
		.room = thread_scratch,
		.map = fp_module_map_newest(),
		.pc = (uintptr_t)regs[REG_RIP],
		.sp = (uintptr_t)regs[REG_RSP],
		.fp = (uintptr_t)regs[REG_RBP],
		.r10 = (uintptr_t)regs[REG_R10],
		.may_learn = has_stack(&((const ucontext_t *)ucontext)->uc_stack, stack_low, stack_high),
	};
	unsigned n = 0;

	if (w.map)
		w.epoch = __atomic_load_n(&w.map->epoch, __ATOMIC_RELAXED);
	/* From the stack pointer up, the stack of a running thread is mapped. */
	if (w.sp >= stack_low && w.sp < stack_high) {
		w.stack_from = w.sp;
		w.stack_high = stack_high - 7;
	}
	if (!cap)
		return 0;
	do
		pcs[n++] = w.pc - w.called;
	while (n < cap && w.map && step(&w));
	return n;
}

#else

/* Frame records, as the ABIs of other architectures keep them. */
unsigned fp_native_walk(void *thread_scratch, const void *ucontext, uintptr_t stack_low, uintptr_t stack_high,
			uintptr_t *pcs, unsigned cap)
{
	const ucontext_t *uc = ucontext;
	uintptr_t fp, record[2];
	unsigned n = 0;

	(void)thread_scratch;
#if defined(__aarch64__)
	pcs[n++] = uc->uc_mcontext.pc;
	fp = uc->uc_mcontext.regs[29];
#endif
	while (n < cap && fp >= stack_low && fp < stack_high && !(fp & 15) &&
	       fp_safe_copy(record, (const void *)fp, sizeof(record)) == 0 && record[1] > 1) {
		pcs[n++] = record[1] - 1;
		if (record[0] <= fp)
			break;
		fp = record[0];
	}
	return n;
}

#endif

size_t fp_native_thread_bytes(void)
{
	return fp_rule_room_bytes();
}

void fp_native_forked(void)
{
	fp_modules_forked();
	fp_rule_forked();
}
