/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame walk.  Runs in the signal handler of the thread it walks, in hooks
 * and in tools; reads through fp_reader only, allocates nothing, calls nothing.
 *
 * The interpreter is stopped between any two instructions, so a version's torn
 * windows (docs/python-layouts.md) are recognised here: by what a chain must
 * end in, by the type of every code object, and by a bound against cycles.
 */
#include "agent/python/layout.h"

#include <errno.h>
#include <string.h>

#define FRAME_BYTES 96
#define OWNER_THREAD 0
#define OWNER_GENERATOR 1
#define STEPS_MAX (1u << 20)

struct walker {
	const struct fp_python *py;
	const struct fp_py_layout *l;
	const struct fp_reader *r;
	struct fp_py_frame *frames;
	unsigned cap, n;
	bool truncated;
	uintptr_t tstate;
	uintptr_t top_frame, top_code; /* the leaf-most that lies on the data stack */
	/* Brent's cycle check over frame addresses */
	uintptr_t tortoise;
	unsigned steps, turn;
};

struct frame_fields {
	uintptr_t code, previous, ip, func;
	unsigned owner, is_entry;
	int32_t lasti;
	uint32_t tlbc;
};

enum segment_end {
	SEGMENT_WHOLE,
	SEGMENT_TORN,
};

static inline uintptr_t word_at(const unsigned char *bytes, unsigned at)
{
	uintptr_t word;

	memcpy(&word, bytes + at, sizeof(word));
	return word;
}

static bool load_frame(const struct walker *w, uintptr_t addr, struct frame_fields *f)
{
	const struct fp_py_layout *l = w->l;
	unsigned char b[FRAME_BYTES];

	if (w->r->read(w->r, addr + l->fr_read, b, l->fr_read_bytes))
		return false;
	f->previous = word_at(b, l->fr_previous - l->fr_read);
	f->code = word_at(b, l->fr_code - l->fr_read);
	f->func = l->fr_func == FP_OFF_NONE ? 1 : word_at(b, l->fr_func);
	f->owner = l->fr_owner == FP_OFF_NONE ? OWNER_THREAD : b[l->fr_owner];
	f->is_entry = l->fr_is_entry == FP_OFF_NONE ? 0 : b[l->fr_is_entry];
	f->tlbc = 0;
	if (l->style == FP_FRAMES_OBJECT) {
		memcpy(&f->lasti, b + (l->fr_ip - l->fr_read), sizeof(f->lasti));
		return true;
	}
	f->ip = word_at(b, l->fr_ip);
	if (l->style == FP_FRAMES_LINKED) {
		f->code &= ~(uintptr_t)7; /* stack reference tags */
		f->func &= ~(uintptr_t)7;
	}
	if (l->fr_tlbc != FP_OFF_NONE)
		memcpy(&f->tlbc, b + l->fr_tlbc, sizeof(f->tlbc));
	return true;
}

static bool is_code(const struct walker *w, uintptr_t code)
{
	uintptr_t type;

	if (code < 4096 || code % sizeof(uintptr_t))
		return false;
	if (w->r->read(w->r, code + FP_OB_TYPE(w->l), &type, sizeof(type)))
		return false;
	return type == w->py->code_type;
}

/* Free-threaded builds give a thread its own copy of the bytecode. */
static uintptr_t code_start(const struct walker *w, const struct frame_fields *f)
{
	uintptr_t array, start;

	if (!f->tlbc)
		return f->code + w->l->co_code;
	if (w->r->read(w->r, f->code + w->l->co_tlbc, &array, sizeof(array)) ||
	    w->r->read(w->r, array + 8 + (uintptr_t)f->tlbc * 8, &start, sizeof(start)))
		return 0;
	return start;
}

static int32_t frame_offset(const struct walker *w, const struct frame_fields *f)
{
	uintptr_t start;
	int64_t offset;

	if (w->l->style == FP_FRAMES_OBJECT)
		return f->lasti < 0 || f->lasti > (1 << 28) ? -1 : f->lasti * w->l->lasti_unit;
	start = code_start(w, f);
	offset = (int64_t)(f->ip - start);
	if (!start || offset < 0 || offset > (1 << 30))
		return -1;
	return (int32_t)offset;
}

/* False when the chain runs in a circle or without end. */
static bool step(struct walker *w, uintptr_t addr)
{
	if (addr == w->tortoise || w->steps >= STEPS_MAX)
		return false;
	if (++w->steps == w->turn) {
		w->turn *= 2;
		w->tortoise = addr;
	}
	return true;
}

/* False when cap is reached. */
static bool push(struct walker *w, uintptr_t addr, const struct frame_fields *f, bool is_entry)
{
	struct fp_py_frame *to;

	if (w->n == w->cap) {
		w->truncated = true;
		return false;
	}
	if (!w->top_frame && f->owner == OWNER_THREAD) {
		w->top_frame = addr;
		w->top_code = f->code;
	}
	to = &w->frames[w->n++];
	to->code = f->code;
	to->frame = addr;
	to->offset = frame_offset(w, f);
	to->is_entry = is_entry;
	return true;
}

static void mark_entry(struct walker *w, unsigned first)
{
	if (w->n > first)
		w->frames[w->n - 1].is_entry = 1;
}

/* 3.8-3.10: each frame object is an eval call of its own. */
static enum fp_walk_status walk_objects(struct walker *w, uintptr_t addr)
{
	struct frame_fields f;

	while (addr) {
		if (!step(w, addr) || !load_frame(w, addr, &f) || !is_code(w, f.code))
			return FP_WALK_TORN;
		if (!push(w, addr, &f, true))
			return FP_WALK_TRUNCATED;
		addr = f.previous;
	}
	return FP_WALK_OK;
}

/* 3.11: from the frame of one cframe to its entry frame, whose previous must
 * be what the outer cframe calls current. */
static enum segment_end segment_311(struct walker *w, uintptr_t addr, uintptr_t outer)
{
	struct frame_fields f;

	while (addr) {
		if (!step(w, addr) || !load_frame(w, addr, &f))
			return SEGMENT_TORN;
		if (f.owner > OWNER_GENERATOR || f.is_entry > 1 || !is_code(w, f.code))
			return SEGMENT_TORN;
		if (f.is_entry && f.previous != outer)
			return SEGMENT_TORN;
		if (!push(w, addr, &f, f.is_entry) || f.is_entry)
			return SEGMENT_WHOLE;
		addr = f.previous;
	}
	return SEGMENT_TORN;
}

/* 3.12: the same, but the entry frame is a shim beside the cframe on the C
 * stack and no Python function. */
static enum segment_end segment_312(struct walker *w, uintptr_t addr, uintptr_t outer, uintptr_t cframe)
{
	unsigned first = w->n;
	struct frame_fields f;

	while (addr) {
		if (!step(w, addr) || !load_frame(w, addr, &f))
			return SEGMENT_TORN;
		if (f.owner == w->l->owner_entry) {
			if (f.previous != outer || addr - cframe + 4096 > 8192)
				return SEGMENT_TORN;
			mark_entry(w, first);
			return SEGMENT_WHOLE;
		}
		if (f.owner > OWNER_GENERATOR || !is_code(w, f.code))
			return SEGMENT_TORN;
		if (!push(w, addr, &f, false))
			return SEGMENT_WHOLE;
		addr = f.previous;
	}
	return SEGMENT_TORN;
}

/* Where the data stack goes on behind a frame; 0 unknown. */
static uintptr_t frame_end(const struct walker *w, uintptr_t addr, uintptr_t code)
{
	uint32_t stack, locals;

	if (w->r->read(w->r, code + w->l->co_stacksize, &stack, sizeof(stack)) ||
	    w->r->read(w->r, code + w->l->co_nlocalsplus, &locals, sizeof(locals)))
		return 0;
	return addr + w->l->fr_read_bytes + ((uintptr_t)stack + locals) * sizeof(uintptr_t);
}

/* Is the leaf found the last frame on the data stack, or followed only by the
 * one that is about to begin?  If not, eval calls were skipped. */
static bool is_last_frame(const struct walker *w)
{
	uintptr_t top, end, code;

	if (!w->top_frame ||
	    w->r->read(w->r, w->tstate + w->l->ts_datastack_top, &top, sizeof(top)))
		return false;
	end = frame_end(w, w->top_frame, w->top_code);
	if (end == top)
		return true;
	if (!end || w->r->read(w->r, end + w->l->fr_code, &code, sizeof(code)) || !is_code(w, code))
		return false;
	return frame_end(w, end, code) == top;
}

/* 3.11 and 3.12.  Eval publishes its cframe before it fills it: the innermost
 * one may still be what lay on the C stack, its link to the caller's included.
 * Then its frame has not begun, and the caller's cframe is the truth, if the
 * data stack shows that it is the caller's. */
static enum fp_walk_status walk_cframes(struct walker *w, uintptr_t cframe, uintptr_t root)
{
	const struct fp_py_layout *l = w->l;
	uintptr_t fields[2], outer[2], next;
	bool innermost = true, began = true;
	enum segment_end end;
	unsigned first;

	if (w->r->read(w->r, cframe + l->cf_frame, fields, sizeof(fields)))
		return FP_WALK_TORN;
	while (fields[1] && !w->truncated) {
		next = fields[1];
		/* Below a greenlet lies a copy of the root cframe that names no frame. */
		if (!innermost && next == root && !fields[0]) {
			cframe = root;
			break;
		}
		if (w->r->read(w->r, next + l->cf_frame, outer, sizeof(outer)))
			return FP_WALK_TORN;
		first = w->n;
		if (l->style == FP_FRAMES_ENTRY)
			end = fields[0] ? segment_311(w, fields[0], outer[0]) : SEGMENT_TORN;
		else
			end = fields[0] ? segment_312(w, fields[0], outer[0], cframe) : SEGMENT_TORN;
		if (end == SEGMENT_TORN) {
			if (!innermost)
				return FP_WALK_TORN;
			began = false;
			w->n = first;
			w->top_frame = 0;
			w->tortoise = 0;
			w->steps = 0;
			w->turn = 16;
		}
		innermost = false;
		cframe = next;
		memcpy(fields, outer, sizeof(fields));
		if (w->steps >= STEPS_MAX)
			return FP_WALK_TORN;
		w->steps++;
	}
	if (!began && !is_last_frame(w))
		return FP_WALK_TORN;
	if (w->truncated)
		return FP_WALK_TRUNCATED;
	return cframe == root ? FP_WALK_OK : FP_WALK_TORN;
}

/* 3.13-: one chain over all eval calls.  It must end after an entry frame (3.15:
 * at the thread state's base frame); anything else was cut. */
static enum fp_walk_status walk_linked(struct walker *w, uintptr_t addr, uintptr_t base)
{
	const struct fp_py_layout *l = w->l;
	bool after_entry = true;
	struct frame_fields f;
	unsigned first = 0;

	while (addr && addr != base) {
		if (!step(w, addr) || !load_frame(w, addr, &f))
			return FP_WALK_TORN;
		if (f.owner == l->owner_entry) {
			if (f.code != w->py->none)
				return FP_WALK_TORN;
			mark_entry(w, first);
			first = w->n;
			after_entry = true;
		} else if (f.owner <= OWNER_GENERATOR && is_code(w, f.code)) {
			/* Frames of the trampoline around __init__ have no function. */
			if (f.func && f.func != w->py->none && !push(w, addr, &f, false))
				return FP_WALK_TRUNCATED;
			after_entry = false;
		} else {
			return FP_WALK_TORN;
		}
		addr = f.previous;
	}
	return after_entry && addr == base ? FP_WALK_OK : FP_WALK_TORN;
}

unsigned fp_python_walk(const struct fp_python *py, const struct fp_reader *r, uintptr_t tstate,
			struct fp_py_frame *frames, unsigned cap, enum fp_walk_status *ret_status)
{
	struct walker w = { .py = py, .l = py->layout, .r = r, .frames = frames, .cap = cap, .tstate = tstate,
			    .turn = 16 };
	enum fp_walk_status status = FP_WALK_TORN;
	uintptr_t top, base = 0;

	if (r->read(r, tstate + w.l->ts_frame, &top, sizeof(top)))
		goto out;
	if (w.l->ts_base_frame != FP_OFF_NONE &&
	    r->read(r, tstate + w.l->ts_base_frame, &base, sizeof(base)))
		goto out;
	switch (w.l->style) {
	case FP_FRAMES_OBJECT:
		status = walk_objects(&w, top);
		break;
	case FP_FRAMES_ENTRY:
	case FP_FRAMES_CFRAME:
		status = top ? walk_cframes(&w, top, tstate + w.l->ts_root_cframe) : FP_WALK_OK;
		break;
	case FP_FRAMES_LINKED:
		status = top ? walk_linked(&w, top, base) : FP_WALK_OK;
		break;
	}
out:
	if (status == FP_WALK_OK && !w.n)
		status = FP_WALK_EMPTY;
	*ret_status = status;
	return status == FP_WALK_TORN ? 0 : w.n;
}

int fp_python_hook_layout(const struct fp_python *py, struct fp_py_hook_layout *ret_layout)
{
	const struct fp_py_layout *l = py->layout;
	bool objects = l->style == FP_FRAMES_OBJECT;
	struct fp_py_hook_layout h = {
		.ts_frame = l->ts_frame,
		.cf_frame = objects || l->style == FP_FRAMES_LINKED ? FP_OFF_NONE : l->cf_frame,
		.ts_base_frame = l->ts_base_frame,
		.fr_code = l->fr_code,
		.fr_previous = l->fr_previous,
		.fr_ip = l->fr_ip,
		.ip_mask = objects ? UINT32_MAX : UINT64_MAX,
		.code_mask = l->style == FP_FRAMES_LINKED ? ~(uint64_t)7 : UINT64_MAX,
		.co_code = l->co_code,
		.ip_unit = objects ? l->lasti_unit : 0,
		.offset_known = l->fr_tlbc == FP_OFF_NONE,
		.attached = INTPTR_MIN,
	};

	if (l->rt_tstate_current != FP_OFF_NONE)
		h.current = py->runtime + l->rt_tstate_current;
	else if (py->tstate_tls_offset != INTPTR_MIN)
		h.attached = py->tstate_tls_offset;
	else
		return -ENOTSUP;
	*ret_layout = h;
	return 0;
}

int fp_python_frame(const struct fp_python *py, const struct fp_reader *r, uintptr_t address,
		    struct fp_py_frame *ret_frame)
{
	struct walker w = {.py = py, .l = py->layout, .r = r, .frames = ret_frame, .cap = 1};
	bool linked = w.l->style == FP_FRAMES_LINKED || w.l->style == FP_FRAMES_CFRAME;
	struct frame_fields f;

	if (!load_frame(&w, address, &f))
		return -EFAULT;
	if (linked && f.owner == w.l->owner_entry)
		return -EAGAIN;
	if (f.owner > OWNER_GENERATOR || !is_code(&w, f.code))
		return -EFAULT;
	if (w.l->style == FP_FRAMES_LINKED && (!f.func || f.func == py->none))
		return -EAGAIN;
	(void)push(&w, address, &f, f.is_entry);
	return 0;
}

unsigned fp_python_interpreters(const struct fp_python *py, const struct fp_reader *r)
{
	const struct fp_py_layout *l = py->layout;
	uintptr_t at = 0;
	unsigned n = 0;

	if (!l || r->read(r, py->runtime + l->rt_interpreters, &at, sizeof(at)))
		return 1;
	for (; at && n < 64; n++)
		if (r->read(r, at + l->in_next, &at, sizeof(at)))
			return 1;
	return n ? n : 1;
}
