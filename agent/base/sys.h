/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw system calls: no errno, no cancellation point, no hook of ours or of
 * the host's in between.  Any context.  Results are >= 0 or -errno.
 */
#ifndef FP_BASE_SYS_H
#define FP_BASE_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>

#if defined(__x86_64__)
static inline long fp_sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long fp_sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "filperf has no system call sequence for this architecture"
#endif

#define FP_SYS_PICK(_1, _2, _3, _4, _5, _6, _7, name, ...) name
#define fp_sys_call(...) \
	FP_SYS_PICK(__VA_ARGS__, fp_sys_n6, fp_sys_n5, fp_sys_n4, fp_sys_n3, fp_sys_n2, fp_sys_n1, fp_sys_n0, ) \
	(__VA_ARGS__)
#define fp_sys_n0(n) fp_sys_call6(n, 0, 0, 0, 0, 0, 0)
#define fp_sys_n1(n, a) fp_sys_call6(n, (long)(a), 0, 0, 0, 0, 0)
#define fp_sys_n2(n, a, b) fp_sys_call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define fp_sys_n3(n, a, b, c) fp_sys_call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define fp_sys_n4(n, a, b, c, d) fp_sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define fp_sys_n5(n, a, b, c, d, e) fp_sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define fp_sys_n6(n, a, b, c, d, e, f) \
	fp_sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline int fp_sys_open(const char *path, int flags, int mode)
{
	return (int)fp_sys_call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

static inline void fp_sys_close(int fd)
{
	(void)fp_sys_call(SYS_close, fd);
}

static inline long fp_sys_read(int fd, void *buffer, size_t n_bytes)
{
	return fp_sys_call(SYS_read, fd, buffer, n_bytes);
}

static inline long fp_sys_write(int fd, const void *buffer, size_t n_bytes)
{
	return fp_sys_call(SYS_write, fd, buffer, n_bytes);
}

/* NULL on failure. */
static inline void *fp_sys_map(void *at, size_t n_bytes, int protection, int flags, int fd, uint64_t offset)
{
	long r = fp_sys_call(SYS_mmap, at, n_bytes, protection, flags, fd, offset);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

static inline void *fp_sys_map_private(size_t n_bytes)
{
	return fp_sys_map(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static inline void fp_sys_unmap(void *at, size_t n_bytes)
{
	(void)fp_sys_call(SYS_munmap, at, n_bytes);
}

static inline int fp_sys_pid(void)
{
	return (int)fp_sys_call(SYS_getpid);
}

static inline int fp_sys_tid(void)
{
	return (int)fp_sys_call(SYS_gettid);
}

static inline int fp_sys_limit(int resource, struct rlimit *ret_limit)
{
	return (int)fp_sys_call(SYS_prlimit64, 0, resource, NULL, ret_limit);
}

/* The kernel's own layout of rt_sigaction, x86-64 and aarch64. */
struct fp_kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static inline int fp_sys_sigaction(int number, const struct fp_kernel_sigaction *act, struct fp_kernel_sigaction *old)
{
	return (int)fp_sys_call(SYS_rt_sigaction, number, act, old, 8);
}

static inline int fp_sys_sigmask(int how, const uint64_t *set, uint64_t *old)
{
	return (int)fp_sys_call(SYS_rt_sigprocmask, how, set, old, 8);
}

/* Reads a small file whole; returns the bytes read (NUL-ended) or -errno. */
static inline long fp_sys_read_file(const char *path, char *buffer, size_t n_bytes)
{
	int fd = fp_sys_open(path, O_RDONLY, 0);
	size_t have = 0;
	long n = 0;

	if (fd < 0)
		return fd;
	while (have + 1 < n_bytes && (n = fp_sys_read(fd, buffer + have, n_bytes - 1 - have)) > 0)
		have += (size_t)n;
	fp_sys_close(fd);
	if (n < 0)
		return n;
	buffer[have] = 0;
	return (long)have;
}

#endif
