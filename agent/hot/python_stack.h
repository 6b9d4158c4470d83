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
#include "agent/base/thread_pointer.h"
#include "agent/hot/thread.h"

#define FP_HOOK_FRAMES 4096u
#define FP_HOOK_BITS 16u        /* of the caches where each allocation is booked … */
#define FP_HOOK_BITS_FEW 10u    /* … and where samples are */
#define FP_HOOK_CELLS 4096u

struct fp_hook_frame {
	uintptr_t frame, previous, ip, code; /* as read */
	uint32_t node;
};

struct fp_hook_node {
	uintptr_t code, ip;
	uint32_t parent, node;
	uint32_t stamp;          /* another than the memory's: empty */
};

/* A place in a function, what it asks for, and the cell of that; the stack
 * below it is parent. */
struct fp_hook_site {
	uintptr_t ip, code;
	uint32_t parent, kind;   /* kind: allocator << 16 | size class */
	uint32_t cell;
	uint32_t stamp;
};

/* What a code object is: its id, 0 for frames that are no Python function. */
struct fp_hook_code {
	uintptr_t code;
	uint32_t id;
	uint32_t stamp;
};
#define FP_HOOK_CODES 512u

struct fp_hook_cell {
	uint64_t key;            /* stack << 32 | kind */
	uint32_t cell;
	uint32_t stamp;
};

/* A thread's memory of its last event; mapped at its first, kept with the slot. */
struct fp_hook_memory {
	uint32_t n;              /* frames of the last event, from the root */
	uint32_t code_epoch;
	uint32_t stamp;          /* of what is cached */
	uint32_t shift;          /* 64 - the bits of the caches in use */
	struct fp_hook_frame frames[FP_HOOK_FRAMES];
	struct fp_hook_site sites[1u << FP_HOOK_BITS];
	struct fp_hook_node nodes[1u << FP_HOOK_BITS];
	struct fp_hook_code codes[FP_HOOK_CODES];
	struct fp_hook_cell cells[FP_HOOK_CELLS];
	uintptr_t chain[FP_HOOK_FRAMES]; /* leaf first, of a chain that changed its shape */
};

/* Where frames keep what is compared; ready: set once the layout is checked. */
struct fp_hook_layout {
	size_t ts_frame, cf_frame, fr_previous, fr_ip, fr_code;
	uint64_t ip_mask, code_mask;
	uint16_t co_code;
	uint8_t ip_unit;
	bool offset_known;
	intptr_t attached;       /* as in fp_py_hook_layout */
	uintptr_t current;
	uint16_t ts_base_frame;
	bool ready;
	bool through_cframe;
	bool objects;            /* 3.8-3.10: an instruction does not tell its function */
};
extern struct fp_hook_layout fp_hook_layout;

/* The calling thread holds t.  tstate: its own, not 0, layout LIVE.  Never
 * fails: what cannot be read ends on a mark. */
uint32_t fp_python_stack(struct fp_thread *t, uintptr_t tstate);
/* Makes fp_hook_layout ready; false: use the checked ways of stack.h. */
bool fp_hook_layout_open(void);

/* The cell of a stack of this thread (mem_ledger.h), cached. */
uint32_t fp_hook_cell(struct fp_thread *t, uint32_t stack, uint8_t allocator, uint32_t size_class);

static inline uint32_t fp_hook_kind(uint8_t allocator, uint32_t size_class)
{
	return ((uint32_t)allocator << 16) | size_class;
}

static inline uintptr_t fp_hook_load(uintptr_t address)
{
	return *(const uintptr_t *)address;
}

/* The thread state that holds the GIL; only for who knows that the calling
 * thread does, and with the layout ready.  0: none. */
static inline uintptr_t fp_hook_attached(void)
{
	const struct fp_hook_layout *l = &fp_hook_layout;

	return fp_hook_load(l->attached == INTPTR_MIN ? l->current : fp_thread_pointer() + (uintptr_t)l->attached);
}

/* Slow ways of fp_hook_cell_here.  Both leave the nodes of all frames but the
 * leaf's right, and the leaf's frame and link. */
void fp_hook_intern_callers(struct fp_hook_memory *h, uint32_t first);
bool fp_hook_realign(struct fp_thread *t, uintptr_t tstate, uintptr_t top);
uint32_t fp_hook_cell_new(struct fp_thread *t, uint32_t kind);
uint32_t fp_hook_cell_elsewhere(struct fp_thread *t, uintptr_t tstate, uint32_t kind);

static inline struct fp_hook_site *fp_hook_site_of(struct fp_hook_memory *h, uintptr_t ip, uint32_t parent, uint32_t kind)
{
	uint64_t mixed = (ip + (uint64_t)kind * 0x9e3779b97f4a7c15ull) ^ ((uint64_t)parent * 0xd6e8feb86659fd93ull);

	return &h->sites[(mixed * 0xbf58476d1ce4e5b9ull) >> h->shift];
}

/* Are the frames those of the last event?  Callers that went on are interned. */
static inline __attribute__((always_inline)) bool fp_hook_is_aligned(struct fp_hook_memory *h, uintptr_t top,
								      bool objects)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	size_t fr_previous = l->fr_previous, fr_ip = l->fr_ip;
	const struct fp_hook_frame *m, *moved = NULL;

	if (fp_unlikely(!h || !h->n || h->code_epoch != fp_mem_code_epoch))
		return false;
	m = &h->frames[h->n - 1];
	if (fp_unlikely(m->frame != top) || m->previous != fp_hook_load(top + fr_previous))
		return false;
	while (m-- != h->frames) {
		uintptr_t frame = m->frame;

		if (((fp_hook_load(frame + fr_ip) ^ m->ip) & (objects ? UINT32_MAX : UINT64_MAX)) ||
		    (objects && fp_hook_load(frame + l->fr_code) != m->code))
			moved = m;
		if (fp_unlikely(m->previous != fp_hook_load(frame + fr_previous)))
			return false;
	}
	if (fp_unlikely(moved != NULL))
		fp_hook_intern_callers(h, (uint32_t)(moved - h->frames));
	return true;
}

/* The cell for an allocation of this kind by the Python line that runs: where
 * the leaf has asked for the same at this instruction before, one probe. */
static inline __attribute__((always_inline)) uint32_t fp_hook_cell_by(struct fp_thread *t, uintptr_t tstate,
								       uint32_t kind, bool objects)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	uintptr_t top = fp_hook_load(tstate + l->ts_frame), ip;
	const struct fp_hook_site *site;
	struct fp_hook_memory *h;
	uint32_t parent;

	if (l->through_cframe)
		top = fp_hook_load(top + l->cf_frame);
	if (fp_unlikely(!fp_hook_is_aligned(t->hook, top, objects)) && !fp_hook_realign(t, tstate, top))
		return fp_hook_cell_elsewhere(t, tstate, kind);
	h = t->hook;
	parent = h->n > 1 ? h->frames[h->n - 2].node : 0;
	ip = fp_hook_load(top + l->fr_ip) & (objects ? UINT32_MAX : UINT64_MAX);
	site = fp_hook_site_of(h, ip, parent, kind);
	if (fp_unlikely(site->stamp != h->stamp || site->ip != ip || site->kind != kind || site->parent != parent) ||
	    (objects && site->code != fp_hook_load(top + l->fr_code)))
		return fp_hook_cell_new(t, kind);
	return site->cell;
}

/* tstate: as of fp_python_stack. */
static inline uint32_t fp_hook_cell_here(struct fp_thread *t, uintptr_t tstate, uint32_t kind)
{
	return fp_hook_layout.objects ? fp_hook_cell_by(t, tstate, kind, true) :
					fp_hook_cell_by(t, tstate, kind, false);
}

/* Forgets everything: a new thread in the slot, or a fresh capture. */
void fp_hook_memory_forget(struct fp_thread *t);
uint64_t fp_hook_memory_bytes(const struct fp_thread *t);

#endif
