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

struct fp_hook_layout fp_hook_layout;

static inline uintptr_t thread_pointer(void)
{
#if defined(__x86_64__)
	uintptr_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}

static FP_COLD bool open_layout(void)
{
	struct fp_hook_layout l = {.ready = true};

	if (fp_python_hook_layout(&fp_context.python, &l.all) < 0)
		return false;
	l.ts_frame = l.all.ts_frame;
	l.cf_frame = l.all.cf_frame;
	l.through_cframe = l.all.cf_frame != FP_OFF_NONE;
	l.fr_previous = l.all.fr_previous;
	l.fr_ip = l.all.fr_ip;
	l.ip_mask = l.all.ip_mask;
	l.compare_code = l.ip_mask != UINT64_MAX;
	fp_hook_layout = l;
	return true;
}

uintptr_t fp_python_attached(void)
{
	const struct fp_py_hook_layout *l = &fp_hook_layout.all;
	bool gil;

	if (fp_unlikely(!fp_hook_layout.ready) && !open_layout())
		return fp_python_thread_state(&fp_context.python, &gil);
	return fp_hook_load(l->attached == INTPTR_MIN ? l->current : thread_pointer() + (uintptr_t)l->attached);
}

static uint32_t intern_new(uint32_t parent, uintptr_t address)
{
	struct fp_segment *s = &fp_context.segment;
	struct fp_py_frame f;
	uint32_t code_id;

	switch (fp_python_frame(&fp_context.python, &fp_reader_own, address, &f)) {
	case 0:
		break;
	case -EAGAIN:
		return parent;
	default:
		fp_loss_count(s, FP_LOSS_walk_torn);
		return fp_node_intern(s, parent, FP_KEY_MAKE_MARK(FP_MARK_torn));
	}
	code_id = fp_code_intern(s, &fp_context.python, &fp_reader_own, f.code);
	fp_mem_watch_code(f.code);
	return fp_node_intern(s, parent,
			      code_id ? FP_KEY_MAKE_PYTHON(code_id, f.offset) : FP_KEY_MAKE_MARK(FP_MARK_torn));
}

static inline uint32_t intern(struct fp_hook_memory *h, uint32_t parent, const struct fp_hook_frame *m)
{
	struct fp_hook_node *e = &h->nodes[fp_hash_mix(m->ip, parent) % FP_HOOK_CACHE];

	if (e->ip != m->ip || e->code != m->code || e->parent != parent || !e->node) {
		uint32_t node = intern_new(parent, m->frame);

		/* The root itself is no entry: its node means empty. */
		if (node == 0)
			return node;
		*e = (struct fp_hook_node){.code = m->code, .ip = m->ip, .parent = parent, .node = node};
	}
	return e->node;
}

static inline void fill(struct fp_hook_frame *m, uintptr_t frame)
{
	m->frame = frame;
	m->previous = fp_hook_load(frame + fp_hook_layout.fr_previous);
	m->code = fp_hook_load(frame + fp_hook_layout.all.fr_code);
	m->ip = fp_hook_load(frame + fp_hook_layout.fr_ip) & fp_hook_layout.ip_mask;
}

uint32_t fp_python_stack_intern(struct fp_hook_memory *h, uint32_t first)
{
	uint32_t parent = first ? h->frames[first - 1].node : 0;

	for (uint32_t i = first; i < h->n; i++) {
		struct fp_hook_frame *m = &h->frames[i];

		fill(m, m->frame);
		parent = m->node = intern(h, parent, m);
	}
	return parent ? parent : fp_node_of_mark(FP_MARK_no_python_frame);
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
	for (uint32_t i = same; i < n; i++)
		h->frames[i].frame = h->chain[n - 1 - i];
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
		    m->code != fp_hook_load(m->frame + fp_hook_layout.all.fr_code))
			first = i;
		if (fp_unlikely(m->previous != fp_hook_load(m->frame + fp_hook_layout.fr_previous)))
			return UINT32_MAX;
	}
	return first;
}

/* A call or a return since the last event, else another shape. */
static uint32_t realign(struct fp_hook_memory *h, uintptr_t top, uintptr_t base)
{
	uint32_t n = h->n, first;

	if (n && n < FP_HOOK_FRAMES && fp_hook_load(top + fp_hook_layout.fr_previous) == h->frames[n - 1].frame) {
		first = check_below(h, n);
		if (first == UINT32_MAX)
			return follow(h, top, base);
		h->frames[n].frame = top;
		h->n = n + 1;
		return first;
	}
	if (n > 1 && h->frames[n - 2].frame == top) {
		first = check_below(h, n - 1);
		if (first == UINT32_MAX)
			return follow(h, top, base);
		h->n = n - 1;
		return first;
	}
	return follow(h, top, base);
}

static FP_COLD struct fp_hook_memory *open_memory(struct fp_thread *t)
{
	struct fp_hook_memory *h = fp_sys_map_private(sizeof(*h));

	t->hook = h;
	return h;
}

static FP_COLD void forget_nodes(struct fp_hook_memory *h)
{
	h->n = 0;
	h->code_epoch = fp_mem_code_epoch;
	for (uint32_t i = 0; i < FP_HOOK_CACHE; i++)
		h->nodes[i].node = 0;
}

void fp_hook_memory_forget(struct fp_thread *t)
{
	struct fp_hook_memory *h = t->hook;

	if (!h)
		return;
	forget_nodes(h);
	for (uint32_t i = 0; i < FP_HOOK_CACHE; i++)
		h->cells[i].cell = 0;
}

uint64_t fp_hook_memory_bytes(const struct fp_thread *t)
{
	return t->hook ? sizeof(*t->hook) : 0;
}

uint32_t fp_python_stack_changed(struct fp_thread *t, uintptr_t tstate, uintptr_t top)
{
	struct fp_hook_memory *h = t->hook;
	uintptr_t base = 0;
	uint32_t first;

	if (fp_unlikely(!h) && !(h = open_memory(t)))
		return fp_node_of_mark(FP_MARK_no_room);
	if (fp_unlikely(h->code_epoch != fp_mem_code_epoch))
		forget_nodes(h);
	if (fp_hook_layout.all.ts_base_frame != FP_OFF_NONE)
		base = fp_hook_load(tstate + fp_hook_layout.all.ts_base_frame);
	if (fp_unlikely(!top || top == base))
		return fp_node_of_mark(FP_MARK_no_python_frame);
	first = realign(h, top, base);
	if (fp_unlikely(first == UINT32_MAX)) {
		h->n = 0;
		return fp_stack_take(t, NULL).stack;
	}
	return fp_python_stack_intern(h, first);
}

uint32_t fp_python_stack(struct fp_thread *t, uintptr_t tstate)
{
	if (fp_unlikely(!fp_hook_layout.ready) && !open_layout())
		return fp_stack_take(t, NULL).stack;
	return fp_python_stack_fast(t, tstate);
}

uint32_t fp_hook_cell_slow(struct fp_thread *t, uint64_t key)
{
	struct fp_hook_memory *h = t->hook;
	struct fp_mem_cell_key wanted = {.stack = (uint32_t)(key >> 32),
					 .thread = t->record,
					 .allocator = (uint8_t)(key >> 16),
					 .size_class = (uint16_t)key};
	uint32_t cell = fp_mem_cell_intern(&wanted);

	if (h || (h = open_memory(t)))
		h->cells[fp_hash_mix(key, 0) % FP_HOOK_CACHE] = (struct fp_hook_cell){.key = key, .cell = cell};
	return cell;
}
