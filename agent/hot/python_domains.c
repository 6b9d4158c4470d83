/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrappers around CPython's MEM and OBJ allocators, set by PyMem_SetAllocator.
 * Blocks and sizes pass unchanged, no header is added, the interpreter is not
 * called.  Runs with the GIL held (free-threaded: attached), so the ledger's
 * python half needs no lock; in a fork child at once; in a signal handler of the
 * program never (CPython runs those between instructions).  The wrappers stay
 * for good: once the switch is off they pass on.
 */
#include "agent/hot/allocations.h"

#include "agent/agent.h"
#include "agent/base/float_mode.h"
#include "agent/base/poisson.h"
#include "agent/hot/python_stack.h"

/* PyMemAllocatorEx of cpython/pymem.h, 3.5 and later. */
struct py_allocator {
	void *ctx;
	void *(*malloc)(void *ctx, size_t n_bytes);
	void *(*calloc)(void *ctx, size_t n, size_t n_bytes);
	void *(*realloc)(void *ctx, void *block, size_t n_bytes);
	void (*free)(void *ctx, void *block);
};
enum { DOMAIN_MEM = 1, DOMAIN_OBJ = 2, DOMAINS };

/* What we stand before.  A fresh entry at each installation: calls that are
 * under way keep theirs. */
#define INSTALLATIONS 8
static struct py_allocator below[INSTALLATIONS][DOMAINS];
static unsigned n_installed;

/* Events until a thread that books exactly looks whether the interpreter ends. */
#define ENDED_EVERY 64u
/* The system's allocations of a thread between two looks at who stands where. */
#define CHECK_EVERY 64u

/* Larger requests are handed on to malloc, and those for nothing: n - 1 tells.
 * With other allocators beneath than pymalloc, all may be. */
#define LARGE_BYTES 512u
static size_t carry_limit = LARGE_BYTES;

static FP_COLD struct fp_thread *adopt(void)
{
	struct fp_thread *t = *fp_agent_memory ? fp_memory_enter() : NULL;

	if (t)
		fp_memory_leave(t);
	return t;
}

static inline struct fp_thread *find_thread(void)
{
	struct fp_thread *t = fp_thread_self;

	return fp_likely(t != NULL) ? t : adopt();
}

static FP_COLD void after_events(struct fp_thread *t)
{
	if (fp_mem_ledger.tick_due || !fp_context.sampling)
		fp_memory_tick(t);
}

static inline void after_event(struct fp_thread *t)
{
	after_events(t);
	fp_memory_leave(t);
}

/* exact -------------------------------------------------------------------- */

static FP_COLD uint32_t cell_slowly(struct fp_thread *t, uint8_t allocator, uint32_t size_class)
{
	return fp_hook_cell(t, fp_memory_stack(t, true), allocator, size_class);
}

static inline uint32_t cell_of(struct fp_thread *t, uint8_t allocator, uint32_t size_class)
{
	uintptr_t tstate;

	if (fp_unlikely(!fp_hook_layout.ready || fp_context.memory_native) || fp_unlikely(!(tstate = fp_hook_attached())))
		return cell_slowly(t, allocator, size_class);
	return fp_hook_cell_here(t, tstate, fp_hook_kind(allocator, size_class));
}

static FP_COLD void book_slowly(struct fp_thread *t, uint32_t cell, void *block, size_t n_bytes)
{
	fp_mem_settle_waiting();
	if (!fp_memory_lock_python(t))
		return;
	fp_mem_book(&fp_mem_ledger.python, cell, (uintptr_t)block, n_bytes, &t->memory.recent);
	fp_memory_unlock_python();
}

static inline __attribute__((always_inline)) void book(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator)
{
	uint32_t cell;

	if (!*fp_agent_memory || !fp_memory_enter())
		return;
	t->memory.recent.sequence++;
	cell = cell_of(t, allocator, fp_size_class(n_bytes));
	if (fp_likely(n_bytes - 1 < LARGE_BYTES && !((uintptr_t)block & 15) && cell != FP_MEM_CELL_NO_ROOM) &&
	    fp_likely(!fp_mem_ledger.lock_all))
		fp_mem_book_small(cell, (uintptr_t)block, n_bytes, &t->memory.recent);
	else
		book_slowly(t, cell, block, n_bytes);
	if (fp_unlikely(!(t->memory.recent.sequence % ENDED_EVERY)))
		after_events(t);
	fp_memory_leave(t);
}

static FP_COLD struct fp_mem_gone unbook_slowly(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	fp_mem_settle_waiting();
	if (!fp_memory_lock_python(t))
		return gone;
	gone = fp_mem_unbook(&fp_mem_ledger.python, (uintptr_t)block, &t->memory.recent);
	fp_memory_unlock_python();
	return gone;
}

static FP_COLD bool unbook_carried(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = unbook_slowly(t, block);

	return gone.cell && (!gone.shadow || !carry_limit);
}

/* True: what ended is a block that malloc carried. */
static inline bool unbook(struct fp_thread *t, void *block)
{
	bool carried = false;

	if (!*fp_agent_memory || !fp_memory_enter())
		return false;
	fp_mem_look_for_code((uintptr_t)block);
	if (fp_likely(++t->memory.python_events % ENDED_EVERY) || !fp_memory_ended()) {
		if (fp_likely(fp_mem_cancel((uintptr_t)block, &t->memory.recent)) ||
		    fp_likely(!fp_mem_ledger.lock_all && fp_mem_unbook_small((uintptr_t)block, &t->memory.recent)))
			carried = !carry_limit;
		else
			carried = unbook_carried(t, block);
	}
	fp_memory_leave(t);
	return carried;
}

static void rebook(struct fp_thread *t, void *block, const struct fp_mem_gone *gone)
{
	if (!gone->cell || !*fp_agent_memory || !fp_memory_enter())
		return;
	if (fp_memory_lock_python(t)) {
		fp_mem_rebook(&fp_mem_ledger.python, (uintptr_t)block, gone);
		fp_memory_unlock_python();
	}
	fp_memory_leave(t);
}

static void *exact_malloc(void *ctx, size_t n_bytes)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = find_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->malloc(a->ctx, n_bytes);
	if (fp_unlikely(n_bytes - 1 >= carry_limit)) {
		t->memory.carrier_depth++;
		block = a->malloc(a->ctx, n_bytes);
		t->memory.carrier_depth--;
	} else {
		block = a->malloc(a->ctx, n_bytes);
	}
	if (fp_likely(block != NULL))
		book(t, block, n_bytes, FP_ALLOCATOR_PYTHON_MALLOC);
	return block;
}

static void *exact_calloc(void *ctx, size_t n, size_t n_bytes)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = find_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->calloc(a->ctx, n, n_bytes);
	t->memory.carrier_depth++;
	block = a->calloc(a->ctx, n, n_bytes);
	t->memory.carrier_depth--;
	if (fp_likely(block != NULL))
		book(t, block, n * n_bytes, FP_ALLOCATOR_PYTHON_CALLOC);
	return block;
}

static FP_COLD struct fp_mem_gone unbook_locked(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (!fp_memory_enter())
		return gone;
	fp_mem_look_for_code((uintptr_t)block);
	if (!fp_memory_ended())
		gone = unbook_slowly(t, block);
	fp_memory_leave(t);
	return gone;
}

/* A realloc that fails leaves the block: what it was is noted first. */
static inline struct fp_mem_gone unbook_to_move(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (fp_unlikely(!*fp_agent_memory))
		return gone;
	if (fp_unlikely(fp_mem_ledger.lock_all))
		return unbook_locked(t, block);
	gone = fp_mem_look(&fp_mem_ledger.python, (uintptr_t)block);
	(void)unbook(t, block);
	return gone;
}

static void *exact_realloc(void *ctx, void *block, size_t n_bytes)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = find_thread();
	struct fp_mem_gone gone = {.cell = 0};
	void *moved;

	if (fp_unlikely(!t))
		return a->realloc(a->ctx, block, n_bytes);
	if (block)
		gone = unbook_to_move(t, block);
	t->memory.carrier_depth++;
	moved = a->realloc(a->ctx, block, n_bytes);
	t->memory.carrier_depth--;
	if (fp_likely(moved != NULL))
		book(t, moved, n_bytes, FP_ALLOCATOR_PYTHON_REALLOC);
	else
		rebook(t, block, &gone);
	return moved;
}

/* A block that is not known as carried lets the allocators beneath look too:
 * it may be from before these wrappers, and theirs. */
static void exact_free(void *ctx, void *block)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = fp_likely(block != NULL) ? find_thread() : NULL;

	if (fp_likely(t != NULL) && fp_unlikely(unbook(t, block))) {
		t->memory.carrier_depth++;
		a->free(a->ctx, block);
		t->memory.carrier_depth--;
		return;
	}
	a->free(a->ctx, block);
}

/* sampled ------------------------------------------------------------------ */

static FP_COLD int64_t draw(struct fp_thread *t, uint64_t mean_bytes)
{
	return fp_poisson_distance(&t->random, mean_bytes);
}

/* Bytes until the next sample. */
static int64_t next_distance(struct fp_thread *t)
{
	struct fp_float_mode mode = fp_float_begin();
	int64_t n_bytes = draw(t, fp_mem_ledger.sample_bytes);

	fp_float_end(mode);
	return n_bytes;
}

/* The countdown has passed 0: this block is met, unless nothing was drawn yet. */
static FP_COLD void meet(struct fp_thread *t, void *block, size_t n_bytes, uint8_t allocator)
{
	bool drawn = t->memory.drawn;
	uint32_t stack, cell;

	if (!*fp_agent_memory || !fp_mem_ledger.sample_bytes) {
		t->memory.countdown = INT64_MAX / 2;
		t->memory.drawn = false;
		return;
	}
	t->random |= 1;
	t->memory.countdown = next_distance(t) - 1; /* met below 0, not at it */
	t->memory.drawn = true;
	if (!drawn) {
		/* This block is the first to count; what it covers may hold a sample. */
		t->memory.countdown -= (int64_t)n_bytes;
		if (t->memory.countdown >= 0)
			return;
		t->memory.countdown = next_distance(t) - 1;
	}
	if (!block || !fp_memory_enter())
		return;
	t->memory.python_events++;
	stack = fp_memory_stack(t, true);
	cell = fp_hook_cell(t, stack, allocator, fp_size_class(n_bytes));
	if (fp_memory_lock_python(t)) {
		fp_mem_book_sampled(cell, (uintptr_t)block, n_bytes, &t->memory.recent);
		fp_memory_unlock_python();
	}
	after_event(t);
}

/* The filter says that the block may be one that was met, or a code object. */
static FP_COLD struct fp_mem_gone end_met(struct fp_thread *t, void *block)
{
	struct fp_mem_gone gone = {.cell = 0};

	if (!*fp_agent_memory || !fp_memory_enter())
		return gone;
	fp_mem_look_for_code((uintptr_t)block);
	if (!fp_memory_ended() && fp_memory_lock_python(t)) {
		gone = fp_mem_unbook(&fp_mem_ledger.python, (uintptr_t)block, &t->memory.recent);
		fp_memory_unlock_python();
	}
	fp_memory_leave(t);
	return gone;
}

/* A large block, one that is met, or a thread that is not known. */
static FP_COLD void *sampled_malloc_slow(const struct py_allocator *a, size_t n_bytes)
{
	struct fp_thread *t = find_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->malloc(a->ctx, n_bytes);
	t->memory.carrier_depth++;
	block = a->malloc(a->ctx, n_bytes);
	t->memory.carrier_depth--;
	if (fp_unlikely(t->memory.countdown < 0))
		meet(t, block, n_bytes, FP_ALLOCATOR_PYTHON_MALLOC);
	return block;
}

static void *sampled_malloc(void *ctx, size_t n_bytes)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = fp_thread_self;

	if (fp_unlikely(!t))
		return sampled_malloc_slow(a, n_bytes);
	t->memory.recent.sequence++;
	if (fp_unlikely((t->memory.countdown -= (int64_t)n_bytes) < 0 || n_bytes - 1 >= carry_limit))
		return sampled_malloc_slow(a, n_bytes);
	return a->malloc(a->ctx, n_bytes);
}

static void *sampled_calloc(void *ctx, size_t n, size_t n_bytes)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = find_thread();
	void *block;

	if (fp_unlikely(!t))
		return a->calloc(a->ctx, n, n_bytes);
	t->memory.carrier_depth++;
	block = a->calloc(a->ctx, n, n_bytes);
	t->memory.carrier_depth--;
	if (fp_unlikely(!block))
		return block;
	t->memory.recent.sequence++;
	if (fp_unlikely((t->memory.countdown -= (int64_t)(n * n_bytes)) < 0))
		meet(t, block, n * n_bytes, FP_ALLOCATOR_PYTHON_CALLOC);
	return block;
}

static void *sampled_realloc(void *ctx, void *block, size_t n_bytes)
{
	const struct py_allocator *a = ctx;
	struct fp_thread *t = find_thread();
	struct fp_mem_gone gone = {.cell = 0};
	void *moved;

	if (fp_unlikely(!t))
		return a->realloc(a->ctx, block, n_bytes);
	if (block && fp_unlikely(fp_mem_filter_of((uintptr_t)block)))
		gone = end_met(t, block);
	t->memory.carrier_depth++;
	moved = a->realloc(a->ctx, block, n_bytes);
	t->memory.carrier_depth--;
	if (fp_unlikely(!moved)) {
		rebook(t, block, &gone);
		return moved;
	}
	t->memory.recent.sequence++;
	if (fp_unlikely((t->memory.countdown -= (int64_t)n_bytes) < 0))
		meet(t, moved, n_bytes, FP_ALLOCATOR_PYTHON_REALLOC);
	return moved;
}

static FP_COLD void sampled_free_slow(const struct py_allocator *a, void *block)
{
	struct fp_thread *t = find_thread();

	if (t)
		(void)end_met(t, block);
	a->free(a->ctx, block);
}

static void sampled_free(void *ctx, void *block)
{
	const struct py_allocator *a = ctx;

	if (fp_unlikely(fp_mem_filter_of((uintptr_t)block))) {
		sampled_free_slow(a, block);
		return;
	}
	a->free(a->ctx, block);
}

/* installation --------------------------------------------------------------- */

/* pymalloc's arenas are mapped by one short function, whose address it tells. */
#define ARENA_MAPPER_BYTES 128u
static uintptr_t arena_mapper;

bool fp_domains_maps_arenas(const void *caller)
{
	return (uintptr_t)caller - arena_mapper < ARENA_MAPPER_BYTES;
}

static void find_arena_mapper(void)
{
	struct {
		void *ctx;
		void *(*map)(void *ctx, size_t n_bytes);
		void (*unmap)(void *ctx, void *start, size_t n_bytes);
	} arenas;
	void (*get)(void *) = (void (*)(void *))fp_context.python.get_arenas;

	if (!get)
		return;
	get(&arenas);
	arena_mapper = (uintptr_t)arenas.map;
}

static bool is_ours(const struct py_allocator *a)
{
	return a->malloc == exact_malloc || a->malloc == sampled_malloc;
}

void fp_domains_install(bool exact)
{
	typedef void (*get_set)(int domain, struct py_allocator *a);
	get_set get = (get_set)fp_context.python.get_allocator, set = (get_set)fp_context.python.set_allocator;
	struct py_allocator *saved;

	if (!get || !set || n_installed == INSTALLATIONS)
		return;
	find_arena_mapper();
	saved = below[n_installed];
	for (int d = DOMAIN_MEM; d <= DOMAIN_OBJ; d++) {
		struct py_allocator ours = {.malloc = exact ? exact_malloc : sampled_malloc,
					    .calloc = exact ? exact_calloc : sampled_calloc,
					    .realloc = exact ? exact_realloc : sampled_realloc,
					    .free = exact ? exact_free : sampled_free};

		get(d, &saved[d]);
		if (is_ours(&saved[d]))
			continue;
		ours.ctx = &saved[d];
		set(d, &ours);
	}
	n_installed++;
}

/* PYTHONMALLOC and -X dev put other allocators in our place while the
 * interpreter begins.  tracemalloc and other wrappers stand before us and call
 * us: then events still come, and the thread's count or countdown has moved. */
void fp_domains_check(struct fp_thread *t)
{
	typedef void (*get_allocator)(int domain, struct py_allocator *a);
	get_allocator get = (get_allocator)fp_context.python.get_allocator;
	uint64_t seen = t->memory.python_events + (uint64_t)t->memory.countdown, before = t->memory.checked;
	struct py_allocator a;
	bool gil = false;

	if (fp_likely(++t->memory.checks % CHECK_EVERY || !get || fp_context.python.state != FP_PYTHON_LIVE))
		return;
	if (!fp_python_thread_state(&fp_context.python, &gil) || !gil)
		return;
	t->memory.checked = seen;
	get(DOMAIN_OBJ, &a);
	if (is_ours(&a) || seen != before || t->memory.checks < 2 * CHECK_EVERY)
		return;
	fp_loss_count(&fp_context.segment, FP_LOSS_mem_allocator_replaced);
	carry_limit = 0;
	fp_domains_install(fp_mem_ledger.exact);
}
