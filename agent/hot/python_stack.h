/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python stacks for hooks that come millions of times a second: the frames of
 * the last event are kept, each event compares the whole chain with them by
 * plain loads and interns only what changed.  A hook stands at a call of the
 * interpreter's, where the chain is whole, and follows only links that it has
 * just read; handlers of signals use stack.h.
 *
 * Plain loads, because every address comes from the thread state or from a
 * frame that was reached from there at this event: the memo predicts where the
 * next frame lies, so that loads do not wait for each other, but it is used
 * only once the link read says the same.
 */
#ifndef FP_HOT_PYTHON_STACK_H
#define FP_HOT_PYTHON_STACK_H

#include "agent/base/hash.h"
#include "agent/hot/thread.h"

#define FP_HOOK_FRAMES 4096u
#define FP_HOOK_CACHE 1024u

struct fp_hook_frame {
	uintptr_t frame, previous, ip, code; /* as read */
	uint32_t node;
};

struct fp_hook_node {
	uintptr_t code, ip;
	uint32_t parent, node;   /* node 0: empty */
};

struct fp_hook_cell {
	uint64_t key;            /* stack, allocator, size class; as fp_hook_key */
	uint32_t cell;           /* 0: empty */
};

/* A thread's memory of its last event; mapped at its first, kept with the slot. */
struct fp_hook_memory {
	uint32_t n;              /* frames of the last event, from the root */
	uint32_t code_epoch;
	struct fp_hook_frame frames[FP_HOOK_FRAMES];
	struct fp_hook_node nodes[FP_HOOK_CACHE];
	struct fp_hook_cell cells[FP_HOOK_CACHE];
	uintptr_t chain[FP_HOOK_FRAMES]; /* leaf first, of a chain that changed its shape */
};

/* Where frames keep what is compared; ready: set once the layout is checked. */
struct fp_hook_layout {
	size_t ts_frame, cf_frame, fr_previous, fr_ip;
	uint64_t ip_mask;
	bool ready;
	bool through_cframe;
	bool compare_code;       /* an instruction does not tell its function */
	struct fp_py_hook_layout all;
};
extern struct fp_hook_layout fp_hook_layout;

/* The calling thread holds t.  tstate: its own, not 0, layout LIVE.  Never
 * fails: what cannot be read ends on a mark. */
uint32_t fp_python_stack(struct fp_thread *t, uintptr_t tstate);

/* The thread state that holds the GIL; only for who knows that the calling
 * thread does.  0: none yet. */
uintptr_t fp_python_attached(void);

/* The cell of a stack of this thread (mem_ledger.h), cached. */
uint32_t fp_hook_cell_slow(struct fp_thread *t, uint64_t key);

static inline uint64_t fp_hook_key(uint32_t stack, uint8_t allocator, uint32_t size_class)
{
	return ((uint64_t)stack << 32) | ((uint64_t)allocator << 16) | size_class;
}

static inline uint32_t fp_hook_cell(struct fp_thread *t, uint32_t stack, uint8_t allocator, uint32_t size_class)
{
	const struct fp_hook_memory *h = t->hook;
	uint64_t key = fp_hook_key(stack, allocator, size_class);
	const struct fp_hook_cell *e;

	if (fp_unlikely(!h))
		return fp_hook_cell_slow(t, key);
	e = &h->cells[fp_hash_mix(key, 0) % FP_HOOK_CACHE];
	return fp_likely(e->cell && e->key == key) ? e->cell : fp_hook_cell_slow(t, key);
}

/* The slow ways of fp_python_stack_fast. */
uint32_t fp_python_stack_changed(struct fp_thread *t, uintptr_t tstate, uintptr_t top);
uint32_t fp_python_stack_intern(struct fp_hook_memory *h, uint32_t first);

static inline uintptr_t fp_hook_load(uintptr_t address)
{
	return *(const uintptr_t *)address;
}

/* fp_python_stack for the common case: same frames, another instruction in
 * some of them. */
static inline uint32_t fp_python_stack_fast(struct fp_thread *t, uintptr_t tstate)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	struct fp_hook_memory *h = t->hook;
	uintptr_t top = fp_hook_load(tstate + l->ts_frame);
	size_t previous = l->fr_previous, ip = l->fr_ip;
	uint64_t mask = l->ip_mask;
	const struct fp_hook_frame *m, *changed = NULL;

	if (l->through_cframe && top)
		top = fp_hook_load(top + l->cf_frame);
	if (fp_unlikely(!h || !h->n || h->code_epoch != fp_mem_code_epoch || h->frames[h->n - 1].frame != top))
		return fp_python_stack_changed(t, tstate, top);
	m = &h->frames[h->n - 1];
	for (;; m--) {
		uintptr_t frame = m->frame;

		if (m->ip != (fp_hook_load(frame + ip) & mask) ||
		    (l->compare_code && m->code != fp_hook_load(frame + l->all.fr_code)))
			changed = m;
		if (fp_unlikely(m->previous != fp_hook_load(frame + previous)))
			return fp_python_stack_changed(t, tstate, top);
		if (m == h->frames)
			break;
	}
	if (!changed)
		return h->frames[h->n - 1].node;
	return fp_python_stack_intern(h, (uint32_t)(changed - h->frames));
}

/* Forgets everything: a new thread in the slot, or a fresh capture. */
void fp_hook_memory_forget(struct fp_thread *t);
uint64_t fp_hook_memory_bytes(const struct fp_thread *t);

#endif
