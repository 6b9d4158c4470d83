/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See heap_host.h: memory straight from the kernel, and a polite no to
 * everything that would touch the host.  Ordinary context, jemalloc's locks held.
 */
#include "agent/base/heap_host.h"

#include "agent/base/sys.h"

/* One arena and no thread caches: few, cold allocations; no thread to purge. */
const char *fpje_malloc_conf = "narenas:1,tcache:false,background_thread:false,dirty_decay_ms:0,"
			       "muzzy_decay_ms:0,abort:false,abort_conf:false,stats_print:false,prof:false";

struct fp_heap_fork fp_heap_fork_handlers;
size_t fp_heap_host_mapped_bytes;

char *fpje_host_getenv(const char *name)
{
	(void)name;
	return NULL;
}

ssize_t fpje_host_readlink(const char *path, char *buffer, size_t n_bytes)
{
	(void)path;
	(void)buffer;
	(void)n_bytes;
	return -1;
}

void *fpje_host_map(void *at, size_t n_bytes, int protection, int flags, int fd, off_t offset)
{
	void *p = fp_sys_map(at, n_bytes, protection, flags, fd, (uint64_t)offset);

	if (!p)
		return MAP_FAILED;
	/* MAP_FIXED replaces what was counted already. */
	if (!(flags & MAP_FIXED))
		(void)__atomic_fetch_add(&fp_heap_host_mapped_bytes, n_bytes, __ATOMIC_RELAXED);
	return p;
}

int fpje_host_unmap(void *at, size_t n_bytes)
{
	if (fp_sys_call(SYS_munmap, at, n_bytes) < 0)
		return -1;
	(void)__atomic_fetch_sub(&fp_heap_host_mapped_bytes, n_bytes, __ATOMIC_RELAXED);
	return 0;
}

int fpje_host_protect(void *at, size_t n_bytes, int protection)
{
	return fp_sys_call(SYS_mprotect, at, n_bytes, protection) < 0 ? -1 : 0;
}

int fpje_host_advise(void *at, size_t n_bytes, int advice)
{
	return fp_sys_call(SYS_madvise, at, n_bytes, advice) < 0 ? -1 : 0;
}

/* The break is the host's. */
void *fpje_host_sbrk(intptr_t increment)
{
	(void)increment;
	return (void *)-1;
}

int fpje_host_thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *arg)
{
	(void)thread;
	(void)attributes;
	(void)routine;
	(void)arg;
	return EAGAIN;
}

/* Kept for the agent's own fork order; libc's list is allocated on the host's heap. */
int fpje_host_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	fp_heap_fork_handlers = (struct fp_heap_fork){prepare, parent, child};
	return 0;
}

int fpje_host_atexit(void (*function)(void))
{
	(void)function;
	return 0;
}

void *fpje_host_symbol(void *library, const char *name)
{
	(void)library;
	(void)name;
	return NULL;
}

/* jemalloc ends the process when its own metadata is destroyed; there is no
 * state to go on from. */
void fpje_host_abort(void)
{
	__builtin_trap();
}

void fpje_host_exit(int status)
{
	(void)status;
	__builtin_trap();
}

int fpje_host_creat(const char *path, mode_t mode)
{
	(void)path;
	(void)mode;
	return -1;
}

int fpje_host_open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	return -1;
}

/* What follows belongs to jemalloc's profiler, which stays off. */
int fpje_host_backtrace(void *seen, void *ctx)
{
	(void)seen;
	(void)ctx;
	return 0;
}

uintptr_t fpje_host_ip(void *context)
{
	(void)context;
	return 0;
}

double fpje_host_log(double x)
{
	return x;
}

double fpje_host_exp(double x)
{
	return x;
}

double fpje_host_round(double x)
{
	return x;
}
