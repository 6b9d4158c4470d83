/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system's allocators.  May run before every constructor (ld.so, other
 * libraries), inside dlsym while the originals are looked for (boot_alloc.h),
 * in signal handlers, vfork children, ending threads, after destructors.
 * Sizes, addresses, alignment, failures and errno are the original's; blocks
 * carry no header, so malloc_usable_size and free of blocks from before us need
 * no care.
 */
#include "agent/agent.h"
#include "agent/capture/format.h"
#include "shim/boot_alloc.h"
#include "shim/real.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define unlikely(x) __builtin_expect(!!(x), 0)

void free_sized(void *block, size_t n_bytes);
void free_aligned_sized(void *block, size_t alignment, size_t n_bytes);

static inline void *given(void *block, size_t n_bytes, int allocator)
{
	if (unlikely(*fp_agent_memory) && block)
		fp_agent_allocated(block, n_bytes, allocator);
	return block;
}

FP_HOOK void *malloc(size_t n_bytes)
{
	__typeof__(&malloc) original = fp_real(malloc);

	if (unlikely(!original))
		return fp_boot_alloc(n_bytes);
	return given(original(n_bytes), n_bytes, FP_ALLOCATOR_MALLOC);
}

FP_HOOK void *calloc(size_t n, size_t n_bytes)
{
	__typeof__(&calloc) original = fp_real(calloc);

	if (unlikely(!original))
		return n_bytes && n > (size_t)-1 / n_bytes ? NULL : fp_boot_alloc(n * n_bytes);
	return given(original(n, n_bytes), n * n_bytes, FP_ALLOCATOR_CALLOC);
}

/* Out of the pool: the block moves to the allocator. */
static void *leave_pool(void *block, size_t n_bytes)
{
	size_t room = fp_boot_room(block);
	char *moved = malloc(n_bytes);

	for (size_t i = 0; moved && i < n_bytes && i < room; i++)
		moved[i] = ((const char *)block)[i];
	return moved;
}

/* resize: the original with its arguments. */
#define RESIZE(block, n_bytes, call) \
	do { \
		struct fp_agent_block before; \
		void *moved; \
\
		if (!*fp_agent_memory) \
			return call; \
		if (!(block)) \
			return given(call, n_bytes, FP_ALLOCATOR_REALLOC); \
		fp_agent_resizing(block, &before); \
		moved = call; \
		if (moved) \
			fp_agent_allocated(moved, n_bytes, FP_ALLOCATOR_REALLOC); \
		else if (n_bytes) /* realloc to nothing frees */ \
			fp_agent_resize_failed(block, &before); \
		return moved; \
	} while (0)

FP_HOOK void *realloc(void *block, size_t n_bytes)
{
	__typeof__(&realloc) original = fp_real(realloc);

	if (unlikely(!original) || unlikely(fp_boot_owns(block)))
		return block ? leave_pool(block, n_bytes) : malloc(n_bytes);
	RESIZE(block, n_bytes, original(block, n_bytes));
}

FP_HOOK void *reallocarray(void *block, size_t n, size_t n_bytes)
{
	__typeof__(&reallocarray) original = fp_real(reallocarray);
	size_t whole;

	if (__builtin_mul_overflow(n, n_bytes, &whole) || !original) {
		errno = ENOMEM;
		return NULL;
	}
	if (unlikely(fp_boot_owns(block)))
		return leave_pool(block, whole);
	/* libc's own realloc beneath it is called directly: not through us */
	RESIZE(block, whole, original(block, n, n_bytes));
}

FP_HOOK void free(void *block)
{
	__typeof__(&free) original = fp_real(free);

	if (unlikely(fp_boot_owns(block)) || unlikely(!original))
		return;
	if (unlikely(*fp_agent_memory) && block)
		fp_agent_freeing(block);
	original(block);
}

FP_HOOK void free_sized(void *block, size_t n_bytes)
{
	__typeof__(&free_sized) original = fp_real(free_sized);

	if (!original) {
		free(block);
		return;
	}
	if (*fp_agent_memory && block)
		fp_agent_freeing(block);
	original(block, n_bytes);
}

FP_HOOK void free_aligned_sized(void *block, size_t alignment, size_t n_bytes)
{
	__typeof__(&free_aligned_sized) original = fp_real(free_aligned_sized);

	if (!original) {
		free(block);
		return;
	}
	if (*fp_agent_memory && block)
		fp_agent_freeing(block);
	original(block, alignment, n_bytes);
}

FP_HOOK int posix_memalign(void **ret_block, size_t alignment, size_t n_bytes)
{
	__typeof__(&posix_memalign) original = fp_real(posix_memalign);
	int error = original ? original(ret_block, alignment, n_bytes) : ENOMEM;

	if (error == 0)
		(void)given(*ret_block, n_bytes, FP_ALLOCATOR_POSIX_MEMALIGN);
	return error;
}

FP_HOOK void *aligned_alloc(size_t alignment, size_t n_bytes)
{
	__typeof__(&aligned_alloc) original = fp_real(aligned_alloc);

	return original ? given(original(alignment, n_bytes), n_bytes, FP_ALLOCATOR_ALIGNED_ALLOC) : NULL;
}

FP_HOOK void *memalign(size_t alignment, size_t n_bytes)
{
	__typeof__(&memalign) original = fp_real(memalign);

	return original ? given(original(alignment, n_bytes), n_bytes, FP_ALLOCATOR_MEMALIGN) : NULL;
}

FP_HOOK void *valloc(size_t n_bytes)
{
	__typeof__(&valloc) original = fp_real(valloc);

	return original ? given(original(n_bytes), n_bytes, FP_ALLOCATOR_VALLOC) : NULL;
}

FP_HOOK void *pvalloc(size_t n_bytes)
{
	__typeof__(&pvalloc) original = fp_real(pvalloc);

	return original ? given(original(n_bytes), (n_bytes + 4095) & ~(size_t)4095, FP_ALLOCATOR_PVALLOC) : NULL;
}
