/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy and its family: a count in the thread's own words, then a jump to
 * libc's vector code.  Anything may call these at any time: IFUNC resolvers
 * before this object is relocated, signal handlers, vfork children, malloc.
 * Until libc's functions are known nothing but the code here is used, no table
 * of the linker's and no thread-local storage.  Built without frame pointers.
 */
#include "shim/hook_copy.h"

#include "agent/agent.h"
#include "shim/real.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <string.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RARE(why) __attribute__((noinline, why)) static

typedef void *plain_copy(void *to, const void *from, size_t n_bytes);
typedef void *checked_copy(void *to, const void *from, size_t n_bytes, size_t to_bytes);

/* Where a hook jumps to.  Both NULL: nowhere yet.  counted NULL: copies are
 * not recorded. */
struct plain_route {
	plain_copy *counted, *uncounted;
};
struct checked_route {
	checked_copy *counted, *uncounted;
};
static struct plain_route route_memcpy, route_memmove, route_mempcpy;
static struct checked_route route_memcpy_chk, route_memmove_chk, route_mempcpy_chk;

/* One instruction per word, as fp_copy_meter wants it. */
static inline __attribute__((always_inline)) bool count_copy(size_t n_bytes)
{
	struct fp_copy_meter *m = &fp_copy_meter;
#if defined(__x86_64__)
	bool due;

	__asm__("addq $1, %0" : "+m"(m->calls) : : "cc");
	__asm__("subq %2, %0" : "+m"(m->left), "=@ccle"(due) : "r"(n_bytes));
	return due;
#else
	m->calls++;
	m->left -= (int64_t)n_bytes;
	return m->left <= 0;
#endif
}

/* Before libc is known. */
RARE(cold) void *move_to_end(void *to, const void *from, size_t n_bytes)
{
	return (char *)fp_base_move(to, from, n_bytes) + n_bytes;
}

/* Rare ways are functions of their own, so that the common one needs no stack. */
#define PLAIN_HOOK(name, first) \
	RARE(cold) void *copied_##name(void *to, const void *from, size_t n_bytes, const void *caller) \
	{ \
		fp_agent_copied(n_bytes, caller); \
		return route_##name.counted(to, from, n_bytes); \
	} \
	FP_HOOK void *name(void *to, const void *from, size_t n_bytes) \
	{ \
		plain_copy *copy = route_##name.counted; \
\
		if (UNLIKELY(!copy)) { \
			copy = route_##name.uncounted; \
			return copy ? copy(to, from, n_bytes) : first(to, from, n_bytes); \
		} \
		if (UNLIKELY(count_copy(n_bytes))) \
			return copied_##name(to, from, n_bytes, __builtin_return_address(0)); \
		return copy(to, from, n_bytes); \
	}

/* What libc checks, libc checks: it ends a program whose room is too small. */
#define CHECKED_HOOK(hook, name, first) \
	RARE(cold) void *copied_##name(void *to, const void *from, size_t n_bytes, size_t to_bytes, \
				       const void *caller) \
	{ \
		fp_agent_copied(n_bytes, caller); \
		return route_##name.counted(to, from, n_bytes, to_bytes); \
	} \
	RARE(cold) void *first_##name(void *to, const void *from, size_t n_bytes, size_t to_bytes) \
	{ \
		if (n_bytes <= to_bytes) \
			return first(to, from, n_bytes); \
		return ((checked_copy *)fp_real_find(FP_HOOK_##hook))(to, from, n_bytes, to_bytes); \
	} \
	FP_HOOK void *hook(void *to, const void *from, size_t n_bytes, size_t to_bytes) \
	{ \
		checked_copy *copy = route_##name.counted; \
\
		if (UNLIKELY(!copy)) { \
			copy = route_##name.uncounted; \
			return copy ? copy(to, from, n_bytes, to_bytes) : first_##name(to, from, n_bytes, to_bytes); \
		} \
		if (UNLIKELY(count_copy(n_bytes))) \
			return copied_##name(to, from, n_bytes, to_bytes, __builtin_return_address(0)); \
		return copy(to, from, n_bytes, to_bytes); \
	}

PLAIN_HOOK(memcpy, fp_base_move)
PLAIN_HOOK(memmove, fp_base_move)
PLAIN_HOOK(mempcpy, move_to_end)

void *__memcpy_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);
void *__memmove_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);
void *__mempcpy_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);
CHECKED_HOOK(__memcpy_chk, memcpy_chk, fp_base_move)
CHECKED_HOOK(__memmove_chk, memmove_chk, fp_base_move)
CHECKED_HOOK(__mempcpy_chk, mempcpy_chk, move_to_end)

static bool from_libc(const void *function)
{
	Dl_info where, libc;

	return dladdr(function, &where) && dladdr((const void *)gnu_get_libc_version, &libc) &&
	       where.dli_fbase == libc.dli_fbase;
}

/* A binary from before glibc 2.14 asks for memcpy@GLIBC_2.2.5, which allowed
 * overlaps; it gets our hook as well, so both go to memmove.  In glibc they are
 * one function as a rule.  Another preloaded library gets what was asked of us. */
static plain_copy *find_memcpy(void)
{
	void *copy = fp_real_find(FP_HOOK_memcpy), *move = fp_real_find(FP_HOOK_memmove);

	if (copy != move && from_libc(copy) && from_libc(move))
		return (plain_copy *)move;
	return (plain_copy *)copy;
}

void fp_shim_copy_begin(bool count)
{
#define ROUTE(route, function) \
	do { \
		route.uncounted = function; \
		if (count) \
			route.counted = route.uncounted; \
	} while (0)
	ROUTE(route_memcpy, find_memcpy());
	ROUTE(route_memmove, (plain_copy *)fp_real_find(FP_HOOK_memmove));
	ROUTE(route_mempcpy, (plain_copy *)fp_real_find(FP_HOOK_mempcpy));
	ROUTE(route_memcpy_chk, (checked_copy *)fp_real_find(FP_HOOK___memcpy_chk));
	ROUTE(route_memmove_chk, (checked_copy *)fp_real_find(FP_HOOK___memmove_chk));
	ROUTE(route_mempcpy_chk, (checked_copy *)fp_real_find(FP_HOOK___mempcpy_chk));
#undef ROUTE
}
