/* SPDX-License-Identifier: Apache-2.0 */
/* The slow ways of python_stack.h.  Hooks only; frames are read with plain loads
 * for the reason given there. */
#include "agent/hot/python_stack.h"

#include "agent/base/hash.h"
#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
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

	if (fp_python_hook_layout(&fp_context.python, &found) < 0)
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
	l.attached = found.attached;
	l.current = found.current;
	fp_hook_layout = l;
	return true;
}

/* By the checked way; notes what the code object is. */
static uint32_t intern_checked(struct fp_hook_memory *h, uint32_t parent, const struct fp_hook_frame *m)
{
	struct fp_hook_code *c = &h->codes[(m->code >> 6) % FP_HOOK_CODES];
	struct fp_segment *s = &fp_context.segment;
	struct fp_py_frame f;
	uint32_t code_id = 0;

	switch (fp_python_frame(&fp_context.python, &fp_reader_own, m->frame, &f)) {
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
	*c = (struct fp_hook_code){.code = m->code, .id = code_id, .stamp = h->stamp};
	return code_id ? fp_node_intern(s, parent, FP_KEY_MAKE_PYTHON(code_id, f.offset)) : parent;
}

static uint32_t intern_new(struct fp_hook_memory *h, uint32_t parent, const struct fp_hook_frame *m)
{
	const struct fp_hook_layout *l = &fp_hook_layout;
	const struct fp_hook_code *c = &h->codes[(m->code >> 6) % FP_HOOK_CODES];
	int64_t offset;

	if (c->stamp != h->stamp || c->code != m->code || !l->offset_known)
		return intern_checked(h, parent, m);
	if (!c->id)
		return parent;
	offset = l->ip_unit ? (int64_t)(int32_t)m->ip * l->ip_unit :
			      (int64_t)(m->ip - (m->code & l->code_mask) - l->co_code);
	if (offset < 0 || offset > 1 << 30)
		offset = -1;
	return fp_node_intern(&fp_context.segment, parent, FP_KEY_MAKE_PYTHON(c->id, (int32_t)offset));
}

static inline uint32_t intern(struct fp_hook_memory *h, uint32_t parent, const struct fp_hook_frame *m)
{
	struct fp_hook_node *e = &h->nodes[(m->ip ^ parent * 0xd6e8feb86659fd93ull) * 0xbf58476d1ce4e5b9ull >> h->shift];

	if (e->ip != m->ip || e->code != m->code || e->parent != parent || e->stamp != h->stamp) {
		uint32_t node = intern_new(h, parent, m);

		*e = (struct fp_hook_node){
			.code = m->code, .ip = m->ip, .parent = parent, .node = node, .stamp = h->stamp};
	}
	return e->node;
}

static inline void fill(struct fp_hook_frame *m, uintptr_t frame)
{
	m->frame = frame;
	m->previous = fp_hook_load(frame + fp_hook_layout.fr_previous);
	m->code = fp_hook_load(frame + fp_hook_layout.fr_code);
	m->ip = fp_hook_load(frame + fp_hook_layout.fr_ip) & fp_hook_layout.ip_mask;
}

void fp_hook_intern_callers(struct fp_hook_memory *h, uint32_t first)
{
	uint32_t parent = first ? h->frames[first - 1].node : 0;

	if (first + 1 >= h->n)
		return;
	for (uint32_t i = first; i + 1 < h->n; i++) {
		struct fp_hook_frame *m = &h->frames[i];

		fill(m, m->frame);
		parent = m->node = intern(h, parent, m);
	}
	h->frames[h->n - 1].ip = NO_IP; /* its node hung below another */
}

/* The leaf's node. */
static uint32_t intern_leaf(struct fp_hook_memory *h)
{
	struct fp_hook_frame *leaf = &h->frames[h->n - 1];
	uint32_t parent = h->n > 1 ? leaf[-1].node : 0;

	fill(leaf, leaf->frame);
	leaf->node = intern(h, parent, leaf);
	return leaf->node ? leaf->node : fp_node_of_mark(FP_MARK_no_python_frame);
}

static bool is_same(const struct fp_hook_frame *a, const struct fp_hook_frame *b)
{
	return a->frame == b->frame && a->previous == b->previous && a->code == b->code && a->ip == b->ip;
}

/* The chain has another shape: all of it, from the leaf; entries that still
 * hold keep their nodes.  Returns the first that does not; n is set. */
static uint32_t follow(struct fp_hook_memory *h, uintptr_t top, uintptr_t base)
{
	uint32_t n = 0, same = 0;

	for (uintptr_t f = top; f && f != base; f = fp_hook_load(f + fp_hook_layout.fr_previous)) {
		if (n == FP_HOOK_FRAMES)
			return UINT32_MAX;
		h->chain[n++] = f;
	}
	for (; same < n && same < h->n; same++) {
		struct fp_hook_frame now;

		fill(&now, h->chain[n - 1 - same]);
		if (!is_same(&now, &h->frames[same]))
			break;
	}
	for (uint32_t i = same; i < n; i++) {
		h->frames[i].frame = h->chain[n - 1 - i];
		h->frames[i].ip = NO_IP;
	}
	h->n = n;
	return same;
}

/* The frames below i as far as they are those of the memo; returns the first
 * whose instruction changed, i when none did, UINT32_MAX when a link did. */
static uint32_t check_below(const struct fp_hook_memory *h, uint32_t i)
{
	uint32_t first = i;

	while (i--) {
		const struct fp_hook_frame *m = &h->frames[i];

		if (m->ip != (fp_hook_load(m->frame + fp_hook_layout.fr_ip) & fp_hook_layout.ip_mask) ||
		    m->code != fp_hook_load(m->frame + fp_hook_layout.fr_code))
			first = i;
		if (fp_unlikely(m->previous != fp_hook_load(m->frame + fp_hook_layout.fr_previous)))
			return UINT32_MAX;
	}
	return first;
}

/* Where a frame is in the memo, looked for near its end; n: nowhere there. */
static uint32_t find_frame(const struct fp_hook_memory *h, uintptr_t frame)
{
	uint32_t least = h->n > RETURNS_MAX ? h->n - RETURNS_MAX : 0;

	for (uint32_t i = h->n; i-- > least;)
		if (h->frames[i].frame == frame)
			return i;
	return h->n;
}

/* Some returns, then some calls since the last event; else another shape.
 * Returns the first frame whose node is not right. */
static uint32_t realign(struct fp_hook_memory *h, uintptr_t top, uintptr_t base)
{
	uintptr_t called[CALLS_MAX], frame = top;
	uint32_t n_called = 0, at, first;

	while ((at = find_frame(h, frame)) == h->n) {
		if (n_called == CALLS_MAX || !frame || frame == base)
			return follow(h, top, base);
		called[n_called++] = frame;
		frame = fp_hook_load(frame + fp_hook_layout.fr_previous);
		if (!frame || frame == base)
			return follow(h, top, base);
	}
	first = check_below(h, at + 1);
	if (first == UINT32_MAX || at + 1 + n_called > FP_HOOK_FRAMES)
		return follow(h, top, base);
	for (uint32_t i = 0; i < n_called; i++) {
		h->frames[at + 1 + i].frame = called[n_called - 1 - i];
		h->frames[at + 1 + i].ip = NO_IP;
	}
	h->n = at + 1 + n_called;
	return first;
}

static FP_COLD struct fp_hook_memory *open_memory(struct fp_thread *t)
{
	struct fp_hook_memory *h = fp_sys_map_private(sizeof(*h));

	if (h) {
		h->stamp = 1;
		h->shift = 64 - (fp_mem_ledger.exact ? FP_HOOK_BITS : FP_HOOK_BITS_FEW);
	}
	t->hook = h;
	return h;
}

static FP_COLD void forget_nodes(struct fp_hook_memory *h)
{
	h->n = 0;
	h->code_epoch = fp_mem_code_epoch;
	h->stamp++;
}

void fp_hook_memory_forget(struct fp_thread *t)
{
	struct fp_hook_memory *h = t->hook;

	if (!h)
		return;
	forget_nodes(h);
}

uint64_t fp_hook_memory_bytes(const struct fp_thread *t)
{
	return t->hook ? sizeof(*t->hook) : 0;
}

bool fp_hook_realign(struct fp_thread *t, uintptr_t tstate, uintptr_t top)
{
	struct fp_hook_memory *h = t->hook;
	uintptr_t base = 0;
	uint32_t first;

	if (fp_unlikely(!h) && !(h = open_memory(t)))
		return false;
	if (fp_unlikely(h->code_epoch != fp_mem_code_epoch))
		forget_nodes(h);
	if (fp_hook_layout.ts_base_frame != FP_OFF_NONE)
		base = fp_hook_load(tstate + fp_hook_layout.ts_base_frame);
	if (fp_unlikely(!top || top == base))
		return false;
	first = realign(h, top, base);
	if (fp_unlikely(first == UINT32_MAX)) {
		h->n = 0;
		return false;
	}
	fp_hook_intern_callers(h, first);
	h->frames[h->n - 1].previous = fp_hook_load(top + fp_hook_layout.fr_previous);
	return true;
}

/* No frames, or too many. */
static uint32_t stack_elsewhere(struct fp_thread *t, uintptr_t tstate)
{
	uintptr_t top = fp_hook_load(tstate + fp_hook_layout.ts_frame), base = 0;

	if (fp_hook_layout.through_cframe && top)
		top = fp_hook_load(top + fp_hook_layout.cf_frame);
	if (fp_hook_layout.ts_base_frame != FP_OFF_NONE)
		base = fp_hook_load(tstate + fp_hook_layout.ts_base_frame);
	return !top || top == base ? fp_node_of_mark(FP_MARK_no_python_frame) : fp_stack_take(t, NULL).stack;
}

uint32_t fp_python_stack(struct fp_thread *t, uintptr_t tstate)
{
	uintptr_t top;

	if (fp_unlikely(!fp_hook_layout.ready) && !fp_hook_layout_open())
		return fp_stack_take(t, NULL).stack;
	top = fp_hook_load(tstate + fp_hook_layout.ts_frame);
	if (fp_hook_layout.through_cframe && top)
		top = fp_hook_load(top + fp_hook_layout.cf_frame);
	return fp_hook_realign(t, tstate, top) ? intern_leaf(t->hook) : stack_elsewhere(t, tstate);
}

uint32_t fp_hook_cell_elsewhere(struct fp_thread *t, uintptr_t tstate, uint32_t kind)
{
	return fp_hook_cell(t, stack_elsewhere(t, tstate), (uint8_t)(kind >> 16), kind & 0xffff);
}

uint32_t fp_hook_cell_new(struct fp_thread *t, uint32_t kind)
{
	struct fp_hook_memory *h = t->hook;
	uint32_t stack = intern_leaf(h), cell = fp_hook_cell(t, stack, (uint8_t)(kind >> 16), kind & 0xffff);
	const struct fp_hook_frame *leaf = &h->frames[h->n - 1];
	uint32_t parent = h->n > 1 ? leaf[-1].node : 0;

	*fp_hook_site_of(h, leaf->ip, parent, kind) = (struct fp_hook_site){.ip = leaf->ip,
									     .code = leaf->code,
									     .parent = parent,
									     .kind = kind,
									     .cell = cell,
									     .stamp = h->stamp};
	return cell;
}

uint32_t fp_hook_cell(struct fp_thread *t, uint32_t stack, uint8_t allocator, uint32_t size_class)
{
	struct fp_hook_memory *h = t->hook;
	uint64_t key = ((uint64_t)stack << 32) | fp_hook_kind(allocator, size_class);
	struct fp_mem_cell_key wanted = {.stack = stack,
					 .thread = t->record,
					 .allocator = allocator,
					 .size_class = (uint16_t)size_class};
	struct fp_hook_cell *e;

	if (fp_unlikely(!h) && !(h = open_memory(t)))
		return fp_mem_cell_intern(&wanted);
	e = &h->cells[fp_hash_mix(key, 0) % FP_HOOK_CELLS];
	if (fp_unlikely(e->stamp != h->stamp || e->key != key))
		*e = (struct fp_hook_cell){.key = key, .cell = fp_mem_cell_intern(&wanted), .stamp = h->stamp};
	return e->cell;
}
