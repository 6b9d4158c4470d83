/* SPDX-License-Identifier: Apache-2.0 */
/* See unwind_host.h.  Any context, a signal handler included. */
#include "agent/native/unwind_host.h"

#include "agent/base/sys.h"

#include <stdint.h>

#define ROOM_BYTES 4096u

static _Alignas(16) char room[ROOM_BYTES];
static size_t room_used;

void *fp_native_malloc(size_t n_bytes)
{
	size_t rounded, at;

	if (n_bytes > ROOM_BYTES / 4)
		return fp_sys_map_private(n_bytes);
	rounded = (n_bytes + 15) & ~(size_t)15;
	at = __atomic_fetch_add(&room_used, rounded, __ATOMIC_RELAXED);
	if (at + rounded <= ROOM_BYTES)
		return room + at;
	(void)__atomic_fetch_sub(&room_used, rounded, __ATOMIC_RELAXED);
	return NULL;
}

/* The room and fresh pages are zero, and used once. */
void *fp_native_calloc(size_t n, size_t n_bytes)
{
	size_t all;

	return __builtin_mul_overflow(n, n_bytes, &all) ? NULL : fp_native_malloc(all);
}

void fp_native_free(void *p)
{
	(void)p;
}

void *fp_native_map(void *at, size_t n_bytes, int protection, int flags, int fd, off_t offset)
{
	void *p = fp_sys_map(at, n_bytes, protection, flags, fd, (uint64_t)offset);

	return p ? p : MAP_FAILED;
}

int fp_native_unmap(void *at, size_t n_bytes)
{
	return fp_sys_call(SYS_munmap, at, n_bytes) < 0 ? -1 : 0;
}

int fp_native_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	(void)mutex;
	(void)attributes;
	return 0;
}

int fp_native_mutex_lock(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

int fp_native_mutex_unlock(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

int fp_native_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	(void)how;
	(void)set;
	(void)old;
	return 0;
}

int fp_native_pipe(int ends[2], int flags)
{
	(void)ends;
	(void)flags;
	return -1;
}

int fp_native_setcontext(const void *context)
{
	(void)context;
	return -1;
}

void fp_native_no_setup(void)
{
}

void fp_native_no_validation(void)
{
}

void fp_native_no_local_space(void)
{
}

uintptr_t fp_native_dynamic_list(void)
{
	static const uintptr_t empty[8];

	return (uintptr_t)empty;
}
