/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrappers around CPython's MEM and OBJ allocators, set by PyMem_SetAllocator.
 * Blocks and sizes pass unchanged, no header is added, the interpreter is not
 * called.  Runs with the GIL held (free-threaded: attached), so the ledger's
 * python half needs no lock; in a fork child at once; in a signal handler of the
 * program never (CPython runs those between instructions).  The wrappers stay
 * for good: once the switch is off they pass on.
 */
#include "agent/hot/python_domains.h"

#include "agent/base/text.h"

enum { DOMAIN_MEM = 1, DOMAIN_OBJ = 2, DOMAINS };

/* What we stand before.  A fresh entry at each installation: calls that are
 * under way keep theirs. */
#define INSTALLATIONS 8
static struct fp_py_allocator below[INSTALLATIONS][DOMAINS];
static unsigned n_installed;

/* The system's allocations of a thread between two looks at who stands where. */
#define CHECK_EVERY 64u

size_t fp_carry_limit = FP_LARGE_BYTES;

struct fp_thread *fp_domains_adopt(void)
{
	struct fp_thread *t = *fp_agent_memory ? fp_memory_enter() : NULL;

	if (t)
		fp_memory_leave(t);
	return t;
}

void fp_domains_after_events(void)
{
	if (fp_mem_ledger.tick_due || !fp_context.sampling)
		fp_memory_tick();
}

void fp_domains_rebook(struct fp_thread *t, void *block, const struct fp_mem_gone *gone)
{
	if (!gone->cell || !*fp_agent_memory || !fp_memory_enter())
		return;
	if (fp_memory_lock_python(t)) {
		fp_mem_rebook(&fp_mem_ledger.python, (uintptr_t)block, gone);
		fp_memory_unlock();
	}
	fp_memory_leave(t);
}

/* pymalloc's arenas are mapped by one short function, whose address it tells. */
#define ARENA_MAPPER_BYTES 128u
static uintptr_t arena_mapper;

bool fp_domains_maps_arenas(const void *caller)
{
	return (uintptr_t)caller - arena_mapper < ARENA_MAPPER_BYTES;
}

bool fp_domains_over_pymalloc(void)
{
	return fp_carry_limit == FP_LARGE_BYTES;
}

/* As Memray's captures count them; before the wrappers stand there.  Before the
 * interpreter begins they are the ones it was built with, and its name for them must
 * not be asked: 3.12 takes a lock that it has not made. */
#define ALLOCATOR_PYMALLOC 1u
static uint32_t allocator_below(void)
{
	static const char *const names[] = {NULL, "pymalloc", "pymalloc_debug", "malloc", NULL, "mimalloc", "mimalloc_debug"};
	typedef const char *(*get_name)(void);
	get_name get = (get_name)fp_context.python.get_allocator_name;
	const char *name = fp_context.python.free_threaded ? "mimalloc" : "pymalloc";

	if (fp_context.python.state == FP_PYTHON_LIVE)
		name = get ? get() : "";
	for (uint32_t i = 0; name && i < FP_COUNT(names); i++)
		if (names[i] && fp_text_equal(name, names[i]))
			return i;
	return 4; /* another */
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

static bool is_ours(const struct fp_py_allocator *a)
{
	return a->malloc == fp_domains_exact.malloc || a->malloc == fp_domains_sampled.malloc ||
	       a->malloc == fp_domains_pymalloc.malloc;
}

/* What stands before a. */
static struct fp_py_allocator wrapper_of(struct fp_py_allocator *a, bool exact, bool pymalloc)
{
	struct fp_py_allocator ours = exact ? fp_domains_exact : fp_domains_sampled;

	if (!exact && pymalloc && !a->ctx) { /* the debugging ones have one */
		ours = fp_domains_pymalloc;
		ours.free = a->free;
	}
	ours.ctx = a;
	return ours;
}

void fp_domains_install(bool exact)
{
	typedef void (*get_set)(int domain, struct fp_py_allocator *a);
	get_set get = (get_set)fp_context.python.get_allocator, set = (get_set)fp_context.python.set_allocator;
	struct fp_py_allocator *saved, ours;
	uint32_t allocator;

	if (!get || !set || n_installed == INSTALLATIONS)
		return;
	find_arena_mapper();
	allocator = allocator_below();
	fp_memory_allocator_found(allocator);
	saved = below[n_installed];
	for (int d = DOMAIN_MEM; d <= DOMAIN_OBJ; d++) {
		get(d, &saved[d]);
		if (is_ours(&saved[d]))
			continue;
		ours = wrapper_of(&saved[d], exact, allocator == ALLOCATOR_PYMALLOC);
		set(d, &ours);
	}
	n_installed++;
}

/* PYTHONMALLOC and -X dev put other allocators in our place while the
 * interpreter begins.  tracemalloc and other wrappers stand before us and call
 * us: then events still come, and the thread's count or countdown has moved. */
void fp_domains_check(struct fp_thread *t)
{
	typedef void (*get_allocator)(int domain, struct fp_py_allocator *a);
	get_allocator get = (get_allocator)fp_context.python.get_allocator;
	uint64_t seen = t->memory.python_events + (uint64_t)(fp_thread_countdown + t->memory.held), before = t->memory.checked;
	struct fp_py_allocator a;
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
	fp_carry_limit = 0;
	fp_memory_slow_down();
	fp_domains_install(fp_mem_ledger.exact);
}
