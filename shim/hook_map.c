/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings and the program break, as the program itself asks for them; libc's
 * and the loader's own calls do not come through here.  Any context, as
 * hook_alloc.c.
 */
#include "agent/agent.h"
#include "shim/real.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static inline void *mapped(void *start, size_t n_bytes, int protection, int flags, int fd, const void *caller)
{
	if (*fp_agent_memory && start != MAP_FAILED)
		fp_agent_mapped(start, n_bytes, protection, flags, fd, caller);
	return start;
}

FP_HOOK void *mmap(void *at, size_t n_bytes, int protection, int flags, int fd, off_t offset)
{
	return mapped(fp_real(mmap)(at, n_bytes, protection, flags, fd, offset), n_bytes, protection, flags, fd,
		      __builtin_return_address(0));
}

FP_HOOK void *mmap64(void *at, size_t n_bytes, int protection, int flags, int fd, off64_t offset)
{
	return mapped(fp_real(mmap64)(at, n_bytes, protection, flags, fd, offset), n_bytes, protection, flags, fd,
		      __builtin_return_address(0));
}

/* Told before: as soon as the range is free another thread may get it. */
FP_HOOK int munmap(void *start, size_t n_bytes)
{
	if (*fp_agent_memory)
		fp_agent_unmapping(start, n_bytes);
	return fp_real(munmap)(start, n_bytes);
}

FP_HOOK void *mremap(void *old, size_t old_bytes, size_t n_bytes, int flags, ...)
{
	void *at = NULL, *start;
	va_list list;

	if (flags & MREMAP_FIXED) {
		va_start(list, flags);
		at = va_arg(list, void *);
		va_end(list);
	}
	start = fp_real(mremap)(old, old_bytes, n_bytes, flags, at);
	if (*fp_agent_memory && start != MAP_FAILED)
		fp_agent_remapped(old, old_bytes, start, n_bytes);
	return start;
}

FP_HOOK int brk(void *end)
{
	void *before = fp_real(sbrk)(0);
	int result = fp_real(brk)(end);

	if (*fp_agent_memory && result == 0 && before != end)
		fp_agent_break_moved(before, end);
	return result;
}

FP_HOOK void *sbrk(intptr_t increment)
{
	void *before = fp_real(sbrk)(increment);

	if (*fp_agent_memory && increment && before != (void *)-1)
		fp_agent_break_moved(before, (char *)before + increment);
	return before;
}
