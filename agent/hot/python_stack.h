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
#define FP_HOOK_NO_FRAME UINTPTR_MAX
#define FP_HOOK_SET_BITS 15u    /* of the caches where each allocation is booked … */
#define FP_HOOK_SET_BITS_FEW 8u /* … and where samples are */
#define FP_HOOK_WAYS 4u
#define FP_HOOK_CELLS 4096u
#define FP_HOOK_CODES 4096u
#define FP_HOOK_LEAVES 1024u

struct fp_hook_frame {
	uintptr_t frame, ip; /* as read */
};

/* What was found for an instruction of a code object with the stack below it:
 * the node, or the cell of an allocation there. */
struct fp_hook_entry {
	uint64_t where;      /* the instruction, place_of in python_stack.c; 0: empty */
	uint32_t parent;
	uint32_t value;      /* node, or kind << FP_HOOK_KIND_SHIFT | cell */
};
#define FP_HOOK_KIND_SHIFT 23u
static_assert(FP_SHADOW_CELL_BITS <= FP_HOOK_KIND_SHIFT, "a cell and its kind share a word");

/* Of one cache line; what was found last comes first. */
struct fp_hook_set {
	struct fp_hook_entry ways[FP_HOOK_WAYS];
} __attribute__((aligned(64)));

/* What the leaf's instruction asked for lately: a cell without a search. */
struct fp_hook_leaf {
	uintptr_t ip;
	uint32_t parent;
	uint32_t value;          /* kind << FP_HOOK_KIND_SHIFT | cell; 0: empty */
};

/* What a code object is: its id, 0 for frames that are no Python function. */
struct fp_hook_code {
	uintptr_t code;
	uint32_t id;
	uint32_t generation;
};

struct fp_hook_cell {
	uint64_t key;            /* stack << 32 | allocator << 16 | size class; 0: empty */
	uint32_t cell;
	uint32_t reserved;
};

/* A thread's memory of its last event; mapped at its first, given back with the slot. */
struct fp_hook_memory {
	uint32_t n;              /* frames of the last event, from the root */
	uint32_t code_epoch;     /* of fp_mem_code_epoch */
	uint32_t code_turn;      /* of fp_mem_code_turn */
	uint32_t mask;           /* of the sets in use */
	const struct fp_hook_frame *moved; /* FP_HOOK_MOVED: the first that went on */
	struct fp_hook_leaf leaves[FP_HOOK_LEAVES]; /* of the code objects of code_epoch */
	struct fp_hook_frame frames[1 + FP_HOOK_FRAMES]; /* from 1; frame of [0]: the root's link, FP_HOOK_NO_FRAME when n is 0 */
	uint32_t nodes[1 + FP_HOOK_FRAMES];              /* [0]: no node */
	uintptr_t codes_of[1 + FP_HOOK_FRAMES];          /* as read */
	struct fp_hook_set sites[1u << FP_HOOK_SET_BITS];
	struct fp_hook_set callers[1u << FP_HOOK_SET_BITS];
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
	uintptr_t thread_mask, attached; /* (thread pointer & thread_mask) + attached holds the thread state */
	uint16_t ts_base_frame;
	bool ready;
	bool through_cframe;
	bool objects;            /* 3.8-3.10: an instruction does not tell its function */
};
extern FP_OWN struct fp_hook_layout fp_hook_layout;

/* The calling thread holds t.  tstate: its own, not 0, layout LIVE.  Never
 * fails: what cannot be read ends on a mark. */
uint32_t fp_python_stack(struct fp_thread *t, uintptr_t tstate);
/* Makes fp_hook_layout ready; false: use the checked ways of stack.h. */
bool fp_hook_layout_open(void);

/* The cell of a stack of this thread (mem_ledger.h), cached. */
uint32_t fp_hook_cell(struct fp_thread *t, uint32_t stack, uint8_t allocator, uint32_t size_class);

/* The kind of an allocation of at most FP_SIZE_SMALL classes by one of Python's
 * three, or by malloc, realloc and calloc. */
static inline uint32_t fp_hook_kind(uint8_t allocator, uint32_t size_class)
{
	static_assert(FP_ALLOCATOR_PYTHON_REALLOC == 4 && FP_ALLOCATOR_MALLOC == 6 && FP_ALLOCATOR_CALLOC == 8,
		      "the one number between them is left out");
	return ((uint32_t)(allocator - FP_ALLOCATOR_PYTHON_MALLOC - (allocator > 4)) << 6) | size_class;
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

	return fp_hook_load((fp_thread_pointer() & l->thread_mask) + l->attached);
}

/* The cell for an allocation of this kind by the Python line that runs, when the
 * frames are those of the last event and it asked for the same lately: no call.
 * Else 0, and why. */
enum fp_hook_why {
	FP_HOOK_CHAIN, /* the chain has another shape */
	FP_HOOK_MOVED, /* callers went on */
	FP_HOOK_LEAF,  /* the leaf did not ask for that lately */
};

static inline struct fp_hook_leaf *fp_hook_leaf_of(struct fp_hook_memory *h, uintptr_t ip, uint32_t parent, uint32_t kind)
{
	return &h->leaves[((uint32_t)(ip >> 1) + kind + parent) & (FP_HOOK_LEAVES - 1)];
}

/* The callers' nodes are right.  0: it did not ask for that lately. */
static inline uint32_t fp_hook_cell_of_leaf(struct fp_hook_memory *h, uintptr_t ip, uint32_t kind)
{
	uint32_t parent = h->nodes[h->n - 1];
	const struct fp_hook_leaf *e = fp_hook_leaf_of(h, ip, parent, kind);

	if (fp_likely(e->ip == ip && e->parent == parent && e->value >> FP_HOOK_KIND_SHIFT == kind))
		return e->value & ((1u << FP_HOOK_KIND_SHIFT) - 1);
	return 0;
}

/* Is caller that of frame?  Notes in moved whether frame went on. */
static inline __attribute__((always_inline)) bool fp_hook_is_next(struct fp_hook_memory *h, const struct fp_hook_frame *m,
								  uintptr_t frame, uintptr_t caller, size_t fr_ip,
								  size_t fr_previous)
{
	if (fp_unlikely(fp_hook_load(frame + fr_ip) != m->ip))
		h->moved = m;
	return fp_likely(caller == fp_hook_load(frame + fr_previous));
}

static inline __attribute__((always_inline)) uint32_t fp_hook_cell_here(struct fp_hook_memory *h, uintptr_t tstate,
									 uint32_t kind, enum fp_hook_why *why)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	size_t fr_previous = l->fr_previous, fr_ip = l->fr_ip;
	uintptr_t top = fp_hook_load(tstate + l->ts_frame), frame, caller;
	const struct fp_hook_frame *m;

	*why = FP_HOOK_CHAIN;
	if (l->through_cframe)
		top = fp_hook_load(top + l->cf_frame);
	if (fp_unlikely(!h || h->code_epoch != fp_mem_code_epoch))
		return 0;
	m = &h->frames[h->n];
	frame = m[-1].frame;
	if (m->frame != top || frame != fp_hook_load(top + fr_previous))
		return 0;
	h->moved = NULL; /* in memory: the registers are all in use */
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* no store that depends on a compare */
	if (!(h->n & 1)) {
		caller = (--m)[-1].frame;
		if (!fp_hook_is_next(h, m, frame, caller, fr_ip, fr_previous))
			return 0;
		frame = caller;
	}
	while (m != &h->frames[1]) { /* two at once: a third of the work was the loop */
		m -= 2;
		caller = m->frame;
		if (!fp_hook_is_next(h, m + 1, frame, caller, fr_ip, fr_previous))
			return 0;
		frame = m[-1].frame;
		if (!fp_hook_is_next(h, m, caller, frame, fr_ip, fr_previous))
			return 0;
	}
	*why = FP_HOOK_MOVED;
	if (h->moved)
		return 0;
	*why = FP_HOOK_LEAF;
	return fp_hook_cell_of_leaf(h, fp_hook_load(top + fr_ip), kind);
}
/* Then, or where fp_hook_layout.objects says that the above is not for these frames. */
uint32_t fp_hook_cell_slowly(struct fp_thread *t, uintptr_t tstate, uint32_t kind, enum fp_hook_why why);

/* Whether fp_hook_cell_of may be asked about a block: small, by an allocator that has
 * a kind, and the frames are those that fp_hook_cell_here knows. */
static inline bool fp_hook_knows(uint8_t allocator, size_t n_bytes)
{
	return n_bytes - 1 < 16u * FP_SIZE_SMALL && allocator <= FP_ALLOCATOR_CALLOC && fp_hook_layout.ready &&
	       !fp_hook_layout.objects && !fp_context.memory_native;
}

static inline uint32_t fp_hook_cell_of(struct fp_thread *t, uintptr_t tstate, uint8_t allocator, size_t n_bytes)
{
	uint32_t kind = fp_hook_kind(allocator, (uint32_t)(n_bytes + 15) / 16), cell;
	enum fp_hook_why why;

	cell = fp_hook_cell_here(t->hook, tstate, kind, &why);
	return fp_likely(cell) ? cell : fp_hook_cell_slowly(t, tstate, kind, why);
}

/* Forgets everything: a new thread in the slot, or a fresh capture; not in a hook. */
void fp_hook_memory_forget(struct fp_thread *t);
size_t fp_hook_memory_bytes(void);

#endif
