/* SPDX-License-Identifier: Apache-2.0 */
/* The slow ways of python_stack.h.  Hooks only; frames are read with plain loads
 * for the reason given there. */
#include "agent/hot/python_stack.h"

#include "agent/base/hash.h"
#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
#include "agent/hot/allocations.h"
#include "agent/hot/code_dealloc.h"
#include "agent/hot/stack.h"
#include "agent/ledger/code_table.h"
#include "agent/ledger/mem_ledger.h"
#include "agent/ledger/node_table.h"

#include <errno.h>

#define RETURNS_MAX 24u /* between two events, before the whole chain is read again */
#define CALLS_MAX 6u
#define NO_IP UINTPTR_MAX /* of an entry whose node is not right */

struct fp_hook_layout fp_hook_layout;

FP_COLD bool fp_hook_layout_open(void)
{
	struct fp_hook_layout l = {.ready = true};
	struct fp_py_hook_layout found;

	if (fp_python_hook_layout(&fp_context.python, &found) < 0 || !fp_code_dealloc_watch())
		return false;
	l.ts_frame = found.ts_frame;
	l.cf_frame = found.cf_frame;
	l.through_cframe = found.cf_frame != FP_OFF_NONE;
	l.ts_base_frame = found.ts_base_frame;
	l.fr_previous = found.fr_previous;
	l.fr_ip = found.fr_ip;
	l.fr_code = found.fr_code;
	l.ip_mask = found.ip_mask;
	l.code_mask = found.code_mask;
	l.co_code = found.co_code;
	l.ip_unit = found.ip_unit;
	l.offset_known = found.offset_known;
	l.objects = found.ip_mask != UINT64_MAX;
	l.thread_mask = found.attached == INTPTR_MIN ? 0 : UINTPTR_MAX;
	l.attached = found.attached == INTPTR_MIN ? found.current : (uintptr_t)found.attached;
	fp_hook_layout = l;
	fp_memory_hasten();
	return true;
}

/* An instruction of what lies at that address now; 0: not to be cached.  Exact:
 * two instructions have two of them, and a freed code object's are never met
 * again.  objects: ip counts from the start of the code. */
static inline uint64_t place_of(uintptr_t code, uintptr_t ip, bool objects)
{
	uint64_t generation = (uint64_t)fp_mem_code_generation(code) << FP_MEM_CODE_GENERATION_SHIFT;

	if (!objects)
		return ip | generation;
	return ip >> 14 || code >> 47 ? 0 : (code >> 4) << 14 | ip | generation;
}

/* Stacks that were met one after the other have nodes one after the other, and are
 * met in that order again: neighbours lie in one set or the next. */
static inline struct fp_hook_set *set_of(struct fp_hook_set *sets, uint32_t mask, uint64_t where, uint32_t parent, uint32_t kind)
{
	uint64_t mixed = (where ^ (uint64_t)kind << 40) * 0xbf58476d1ce4e5b9ull;

	return &sets[((parent >> 2) + (uint32_t)(mixed >> 40)) & mask];
}

/* Puts an entry before the others of its set; the last falls out. */
static void put_first(struct fp_hook_set *set, const struct fp_hook_entry *e)
{
	if (!e->where)
		return;
	for (uint32_t way = FP_HOOK_WAYS - 1; way; way--)
		set->ways[way] = set->ways[way - 1];
	set->ways[0] = *e;
}

/* By the checked way; notes what the code object is. */
static uint32_t intern_checked(struct fp_hook_memory *h, uint32_t parent, uintptr_t frame, uintptr_t code)
{
	struct fp_hook_code *c = &h->codes[fp_mem_code_place(code) % FP_HOOK_CODES];
	struct fp_segment *s = &fp_context.segment;
	struct fp_py_frame f;
	uint32_t code_id = 0;

	switch (fp_python_frame(&fp_context.python, &fp_reader_own, frame, &f)) {
	case 0:
		code_id = fp_code_intern(s, &fp_context.python, &fp_reader_own, f.code);
		fp_mem_watch_code(f.code);
		if (!code_id)
			return fp_node_intern(s, parent, FP_KEY_MAKE_MARK(FP_MARK_torn));
		break;
	case -EAGAIN:
		f.offset = 0;
		break;
	default:
		fp_loss_count(s, FP_LOSS_walk_torn);
		return fp_node_intern(s, parent, FP_KEY_MAKE_MARK(FP_MARK_torn));
	}
	*c = (struct fp_hook_code){.code = code, .id = code_id, .generation = fp_mem_code_generation(code)};
	return code_id ? fp_node_intern(s, parent, FP_KEY_MAKE_PYTHON(code_id, f.offset)) : parent;
}

static uint32_t intern_new(struct fp_hook_memory *h, uint32_t parent, uintptr_t frame, uintptr_t code, uintptr_t ip)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	const struct fp_hook_code *c = &h->codes[fp_mem_code_place(code) % FP_HOOK_CODES];
	int64_t offset;

	if (c->code != code || c->generation != fp_mem_code_generation(code) || !l->offset_known)
		return intern_checked(h, parent, frame, code);
	if (!c->id)
		return parent;
	offset = l->ip_unit ? (int64_t)(int32_t)ip * l->ip_unit : (int64_t)(ip - (code & l->code_mask) - l->co_code);
	if (offset < 0 || offset > 1 << 30)
		offset = -1;
	return fp_node_intern(&fp_context.segment, parent, FP_KEY_MAKE_PYTHON(c->id, (int32_t)offset));
}

/* Reads frame i of the chain again; its node below the one before it. */
static inline uint32_t intern(struct fp_hook_memory *h, uint32_t i)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	uintptr_t frame = h->frames[i].frame, code = fp_hook_load(frame + l->fr_code);
	uintptr_t ip = fp_hook_load(frame + l->fr_ip) & l->ip_mask;
	uint64_t where = place_of(code, ip, l->objects);
	struct fp_hook_entry fresh = {.where = where, .parent = h->nodes[i - 1]};
	struct fp_hook_set *set = set_of(h->callers, h->mask, where, fresh.parent, 0);

	h->frames[i].ip = ip;
	h->codes_of[i] = code;
	for (const struct fp_hook_entry *e = set->ways; e != set->ways + FP_HOOK_WAYS; e++)
		if (e->where == where && e->parent == fresh.parent && where)
			return h->nodes[i] = e->value;
	fresh.value = intern_new(h, fresh.parent, frame, code, ip);
	put_first(set, &fresh);
	return h->nodes[i] = fresh.value;
}

static void intern_callers(struct fp_hook_memory *h, uint32_t first)
{
	if (first >= h->n)
		return;
	for (uint32_t i = first; i < h->n; i++)
		(void)intern(h, i);
	h->frames[h->n].ip = NO_IP; /* its node hung below another */
}

/* The leaf's node. */
static uint32_t intern_leaf(struct fp_hook_memory *h)
{
	uint32_t node = intern(h, h->n);

	return node ? node : fp_node_of_mark(FP_MARK_no_python_frame);
}

static inline __attribute__((always_inline)) bool is_moved(const struct fp_hook_memory *h, uint32_t i, bool objects)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	uintptr_t frame = h->frames[i].frame;

	return h->frames[i].ip != (fp_hook_load(frame + l->fr_ip) & (objects ? UINT32_MAX : UINT64_MAX)) ||
	       (objects && h->codes_of[i] != fp_hook_load(frame + l->fr_code));
}

/* The chain has another shape: all of it, from the leaf; entries that still
 * hold keep their nodes.  Returns the first that does not; n is set. */
static uint32_t follow(struct fp_hook_memory *h, uintptr_t top, uintptr_t base)
{
	uint32_t n = 0, same = 1;
	uintptr_t f;

	for (f = top; f && f != base; f = fp_hook_load(f + fp_hook_layout.fr_previous)) {
		if (n == FP_HOOK_FRAMES)
			return UINT32_MAX;
		h->chain[n++] = f;
	}
	h->frames[0].frame = f;
	while (same <= n && same <= h->n && h->frames[same].frame == h->chain[n - same] && !is_moved(h, same, fp_hook_layout.objects))
		same++;
	for (uint32_t i = same; i <= n; i++)
		h->frames[i] = (struct fp_hook_frame){.frame = h->chain[n - i], .ip = NO_IP};
	h->n = n;
	return same;
}

/* The frames to i as far as they are those of the memo; returns the first
 * whose instruction changed, i + 1 when none did, UINT32_MAX when a link did. */
static inline __attribute__((always_inline)) uint32_t check(const struct fp_hook_memory *h, uint32_t i, bool objects)
{
	size_t fr_previous = fp_hook_layout.fr_previous;
	uint32_t first = i + 1;

	for (; i; i--) {
		if (is_moved(h, i, objects))
			first = i;
		if (fp_unlikely(h->frames[i - 1].frame != fp_hook_load(h->frames[i].frame + fr_previous)))
			return UINT32_MAX;
	}
	return first;
}

static uint32_t check_below(const struct fp_hook_memory *h, uint32_t i)
{
	return fp_hook_layout.objects ? check(h, i, true) : check(h, i, false);
}

/* Where a frame is in the memo, looked for near its end; 0: nowhere there. */
static uint32_t find_frame(const struct fp_hook_memory *h, uintptr_t frame)
{
	uint32_t least = h->n > RETURNS_MAX ? h->n - RETURNS_MAX : 0, i;

	for (i = h->n; i > least && h->frames[i].frame != frame;)
		i--;
	return i > least ? i : 0;
}

/* Some returns, then some calls since the last event; else another shape.
 * Returns the first frame whose node is not right. */
static uint32_t realign(struct fp_hook_memory *h, uintptr_t top, uintptr_t base)
{
	uintptr_t called[CALLS_MAX], frame = top;
	uint32_t n_called = 0, at, first;

	while (!(at = find_frame(h, frame))) {
		if (n_called == CALLS_MAX || !frame || frame == base)
			return follow(h, top, base);
		called[n_called++] = frame;
		frame = fp_hook_load(frame + fp_hook_layout.fr_previous);
		if (!frame || frame == base)
			return follow(h, top, base);
	}
	first = check_below(h, at);
	if (first == UINT32_MAX || at + n_called > FP_HOOK_FRAMES)
		return follow(h, top, base);
	for (uint32_t i = 1; i <= n_called; i++)
		h->frames[at + i] = (struct fp_hook_frame){.frame = called[n_called - i], .ip = NO_IP};
	h->n = at + n_called;
	return first;
}

static void forget_chain(struct fp_hook_memory *h)
{
	h->n = 0;
	h->frames[0].frame = FP_HOOK_NO_FRAME;
}

static FP_COLD struct fp_hook_memory *open_memory(struct fp_thread *t)
{
	struct fp_hook_memory *h = fp_sys_map_private(sizeof(*h));

	if (h) {
		forget_chain(h);
		h->mask = (1u << (fp_mem_ledger.exact ? FP_HOOK_SET_BITS : FP_HOOK_SET_BITS_FEW)) - 1;
		h->code_epoch = fp_mem_code_epoch;
		h->code_turn = fp_mem_code_turn;
	}
	t->hook = h;
	return h;
}

/* A code object was freed: what lies at its address now may look as it did. */
static FP_COLD void forget_frames(struct fp_hook_memory *h)
{
	forget_chain(h);
	h->code_epoch = fp_mem_code_epoch;
	for (uint32_t i = 0; i < FP_HOOK_LEAVES; i++)
		h->leaves[i].value = 0;
	if (h->code_turn == fp_mem_code_turn)
		return;
	h->code_turn = fp_mem_code_turn;
	(void)fp_sys_call(SYS_madvise, h->sites, (char *)h->cells - (char *)h->sites, MADV_DONTNEED);
}

void fp_hook_memory_forget(struct fp_thread *t)
{
	if (t->hook)
		fp_sys_unmap(t->hook, sizeof(*t->hook));
	t->hook = NULL;
}

size_t fp_hook_memory_bytes(void)
{
	return sizeof(struct fp_hook_memory);
}

/* The leaf's frame; 0: none. */
static inline uintptr_t top_of(uintptr_t tstate)
{
	uintptr_t top = fp_hook_load(tstate + fp_hook_layout.ts_frame);

	return fp_hook_layout.through_cframe && top ? fp_hook_load(top + fp_hook_layout.cf_frame) : top;
}

static bool align(struct fp_thread *t, uintptr_t tstate, uintptr_t top)
{
	struct fp_hook_memory *h = t->hook;
	uintptr_t base = 0;
	uint32_t first;

	if (fp_unlikely(!h) && !(h = open_memory(t)))
		return false;
	if (fp_unlikely(h->code_epoch != fp_mem_code_epoch))
		forget_frames(h);
	if (fp_hook_layout.ts_base_frame != FP_OFF_NONE)
		base = fp_hook_load(tstate + fp_hook_layout.ts_base_frame);
	if (fp_unlikely(!top || top == base))
		return false;
	first = realign(h, top, base);
	if (fp_unlikely(first == UINT32_MAX)) {
		forget_chain(h);
		return false;
	}
	intern_callers(h, first);
	return true;
}

/* No frames, or too many. */
static uint32_t stack_elsewhere(struct fp_thread *t, uintptr_t tstate)
{
	uintptr_t top = top_of(tstate), base = 0;

	if (fp_hook_layout.ts_base_frame != FP_OFF_NONE)
		base = fp_hook_load(tstate + fp_hook_layout.ts_base_frame);
	return !top || top == base ? fp_node_of_mark(FP_MARK_no_python_frame) : fp_stack_take(t, NULL).stack;
}

uint32_t fp_python_stack(struct fp_thread *t, uintptr_t tstate)
{
	if (fp_unlikely(!fp_hook_layout.ready) && !fp_hook_layout_open())
		return fp_stack_take(t, NULL).stack;
	return align(t, tstate, top_of(tstate)) ? intern_leaf(t->hook) : stack_elsewhere(t, tstate);
}

static inline uint8_t allocator_of(uint32_t kind)
{
	uint32_t n = kind >> 6;

	return (uint8_t)(FP_ALLOCATOR_PYTHON_MALLOC + n + (n > 2));
}

static FP_COLD uint32_t new_cell(struct fp_thread *t, struct fp_hook_set *set, struct fp_hook_entry *wanted, uint32_t kind)
{
	uint32_t stack = intern_leaf(t->hook), cell = fp_hook_cell(t, stack, allocator_of(kind), kind & 63);

	wanted->value = kind << FP_HOOK_KIND_SHIFT | cell;
	put_first(set, wanted);
	return cell;
}

static __attribute__((noinline)) uint32_t find_cell_of_leaf(struct fp_thread *t, uint32_t kind)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	struct fp_hook_memory *h = t->hook;
	uintptr_t leaf = h->frames[h->n].frame, ip = fp_hook_load(leaf + l->fr_ip) & l->ip_mask;
	struct fp_hook_entry wanted = {.where = place_of(fp_hook_load(leaf + l->fr_code), ip, l->objects),
				       .parent = h->nodes[h->n - 1]};
	struct fp_hook_set *set = set_of(h->sites, h->mask, wanted.where, wanted.parent, kind);
	const struct fp_hook_entry *e;
	uint32_t cell;

	for (e = set->ways; e != set->ways + FP_HOOK_WAYS; e++)
		if (e->where == wanted.where && e->parent == wanted.parent && e->value >> FP_HOOK_KIND_SHIFT == kind && e->where)
			break;
	cell = e != set->ways + FP_HOOK_WAYS ? e->value & ((1u << FP_HOOK_KIND_SHIFT) - 1) :
					       new_cell(t, set, &wanted, kind);
	if (!l->objects)
		*fp_hook_leaf_of(h, ip, wanted.parent, kind) = (struct fp_hook_leaf){
			.ip = ip, .parent = wanted.parent, .value = kind << FP_HOOK_KIND_SHIFT | cell};
	return cell;
}

static inline uint32_t cell_of_leaf(struct fp_thread *t, uint32_t kind)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	struct fp_hook_memory *h = t->hook;
	uint32_t cell = l->objects ? 0 : fp_hook_cell_of_leaf(h, fp_hook_load(h->frames[h->n].frame + l->fr_ip), kind);

	return fp_likely(cell) ? cell : find_cell_of_leaf(t, kind);
}

uint32_t fp_hook_cell_slowly(struct fp_thread *t, uintptr_t tstate, uint32_t kind, enum fp_hook_why why)
{
	switch (why) {
	case FP_HOOK_LEAF:
		return find_cell_of_leaf(t, kind);
	case FP_HOOK_MOVED:
		intern_callers(t->hook, (uint32_t)(t->hook->moved - t->hook->frames));
		return cell_of_leaf(t, kind);
	case FP_HOOK_CHAIN:
		break;
	}
	if (fp_likely(align(t, tstate, top_of(tstate))))
		return cell_of_leaf(t, kind);
	return fp_hook_cell(t, stack_elsewhere(t, tstate), allocator_of(kind), kind & 63);
}

uint32_t fp_hook_cell(struct fp_thread *t, uint32_t stack, uint8_t allocator, uint32_t size_class)
{
	struct fp_hook_memory *h = t->hook;
	uint64_t key = ((uint64_t)stack << 32) | (uint32_t)allocator << 16 | size_class;
	struct fp_mem_cell_key wanted = {.stack = stack,
					 .thread = t->record,
					 .allocator = allocator,
					 .size_class = (uint16_t)size_class};
	struct fp_hook_cell *e;

	if (fp_unlikely(!h) && !(h = open_memory(t)))
		return fp_mem_cell_intern(&wanted);
	e = &h->cells[fp_hash_mix(key, 0) % FP_HOOK_CELLS];
	if (fp_unlikely(e->key != key))
		*e = (struct fp_hook_cell){.key = key, .cell = fp_mem_cell_intern(&wanted)};
	return e->cell;
}
