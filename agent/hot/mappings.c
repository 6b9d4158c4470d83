/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doors of agent.h for mappings and brk, and what carries blocks of others.  They
 * run where those for allocations do (allocations.c), with the ledger's lock.
 */
#include "agent/hot/allocations.h"

#include "agent/agent.h"
#include "agent/base/text.h"
#include "agent/hot/python_stack.h"
#include "agent/ledger/mem_ranges.h"
#include "agent/ledger/node_table.h"
#include "agent/native/native.h"

#include <sys/mman.h>

/* The object of an allocator that is not libc's: its mappings carry blocks. */
static struct fp_text_range other_allocator;
static uintptr_t allocator_address;

void fp_agent_allocator(const void *allocator)
{
	allocator_address = (uintptr_t)allocator;
}

static void look_at_module(void *ctx, const struct fp_module *m, bool added, uint32_t generation)
{
	const char *name = m->path;

	(void)ctx;
	(void)added;
	(void)generation;
	if (allocator_address < m->start || allocator_address >= m->end)
		return;
	for (const char *c = m->path; *c; c++)
		if (*c == '/')
			name = c + 1;
	if (!fp_text_starts(name, "libc.so") && !fp_text_starts(name, "libc-"))
		other_allocator = (struct fp_text_range){m->start, m->end};
}

void fp_memory_find_allocator(void)
{
	fp_native_each(look_at_module, NULL);
}

static int kind_of_mapping(int protection, int flags, int fd, const void *caller)
{
	const struct fp_python *py = &fp_context.python;

	if (fp_memory_is_carrier() || protection == PROT_NONE || fp_domains_maps_arenas(caller))
		return FP_ALLOCATOR_CARRIER;
	if (py->free_threaded && (uintptr_t)caller >= py->library.start && (uintptr_t)caller < py->library.end)
		return FP_ALLOCATOR_CARRIER; /* mimalloc's segments */
	if ((uintptr_t)caller >= other_allocator.start && (uintptr_t)caller < other_allocator.end)
		return FP_ALLOCATOR_CARRIER;
	return fd >= 0 && !(flags & MAP_ANONYMOUS) ? FP_ALLOCATOR_FILE_MAP : FP_ALLOCATOR_MMAP;
}

static void map(struct fp_thread *t, void *start, size_t n_bytes, int allocator)
{
	uint64_t whole = fp_round_up(n_bytes, FP_PAGE_BYTES);
	uint32_t cell, stack = allocator == FP_ALLOCATOR_CARRIER ? fp_node_of_mark(FP_MARK_native) :
								   fp_memory_stack(t, false);

	cell = fp_hook_cell(t, stack, (uint8_t)allocator, fp_size_class(whole));
	if (fp_memory_lock(t)) {
		fp_mem_range_map((uintptr_t)start, whole, cell);
		fp_memory_unlock();
	}
}

void fp_agent_mapped(void *start, size_t n_bytes, int protection, int flags, int fd, const void *caller)
{
	int allocator = kind_of_mapping(protection, flags, fd, caller);
	struct fp_thread *t = fp_memory_enter();

	if (!t)
		return;
	map(t, start, n_bytes, allocator);
	fp_memory_after_event(t);
}

void fp_agent_unmapping(void *start, size_t n_bytes)
{
	struct fp_thread *t;

	if ((uintptr_t)start % FP_PAGE_BYTES || !n_bytes)
		return; /* munmap will refuse it */
	t = fp_memory_enter();
	if (!t)
		return;
	if (!fp_memory_ended() && fp_memory_lock(t)) {
		fp_mem_range_unmap((uintptr_t)start, fp_round_up(n_bytes, FP_PAGE_BYTES));
		fp_memory_unlock();
	}
	fp_memory_leave(t);
}

void fp_agent_remapped(void *old_start, size_t old_bytes, void *start, size_t n_bytes)
{
	struct fp_thread *t = fp_memory_enter();
	uint32_t before;
	int allocator = FP_ALLOCATOR_MMAP;

	if (!t)
		return;
	if (fp_memory_lock(t)) {
		before = fp_mem_range_cell((uintptr_t)old_start);
		if (before)
			allocator = fp_mem_ledger.cells[before].allocator;
		fp_mem_range_unmap((uintptr_t)old_start, fp_round_up(old_bytes, FP_PAGE_BYTES));
		fp_memory_unlock();
	}
	map(t, start, n_bytes, allocator);
	fp_memory_after_event(t);
}

void fp_agent_break_moved(void *old_break, void *new_break)
{
	uintptr_t from = (uintptr_t)old_break, to = (uintptr_t)new_break;
	struct fp_thread *t = fp_memory_enter();

	if (!t)
		return;
	if (to > from) {
		map(t, old_break, to - from, FP_ALLOCATOR_BRK);
	} else if (fp_memory_lock(t)) {
		fp_mem_range_unmap(to, from - to);
		fp_memory_unlock();
	}
	fp_memory_after_event(t);
}
