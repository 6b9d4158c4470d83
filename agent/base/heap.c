/* SPDX-License-Identifier: Apache-2.0 */
/* See heap.h.  Ordinary context only. */
#include "agent/base/heap.h"

#include "agent/base/heap_host.h"

#include <errno.h>

/* Its complaints would go to the host's stderr. */
static void say_nothing(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void make_quiet(void)
{
	__atomic_store_n(&fpje_malloc_message, say_nothing, __ATOMIC_RELAXED);
}

void *fp_heap_alloc(size_t n_bytes)
{
	int saved_errno = errno;
	void *block;

	make_quiet();
	block = fpje_malloc(n_bytes);
	errno = saved_errno;
	return block;
}

void *fp_heap_alloc_zeroed(size_t n, size_t n_bytes)
{
	int saved_errno = errno;
	void *block;

	make_quiet();
	block = fpje_calloc(n, n_bytes);
	errno = saved_errno;
	return block;
}

void *fp_heap_resize(void *block, size_t n_bytes)
{
	int saved_errno = errno;
	void *moved;

	make_quiet();
	moved = fpje_realloc(block, n_bytes);
	errno = saved_errno;
	return moved;
}

void fp_heap_free(void *block)
{
	int saved_errno = errno;

	/* Freeing nothing must not be what starts the heap. */
	if (block)
		fpje_free(block);
	errno = saved_errno;
}

size_t fp_heap_mapped_bytes(void)
{
	return __atomic_load_n(&fp_heap_host_mapped_bytes, __ATOMIC_RELAXED);
}

void fp_heap_fork_prepare(void)
{
	if (fp_heap_fork_handlers.prepare)
		fp_heap_fork_handlers.prepare();
}

void fp_heap_fork_parent(void)
{
	if (fp_heap_fork_handlers.parent)
		fp_heap_fork_handlers.parent();
}

void fp_heap_fork_child(void)
{
	if (fp_heap_fork_handlers.child)
		fp_heap_fork_handlers.child();
}
