/* SPDX-License-Identifier: Apache-2.0 */
/* See safe_load.h.  Any context. */
#include "agent/base/safe_load.h"

#include "agent/base/sys.h"

#include <sys/uio.h>

#if defined(__x86_64__)
extern const char fp_safe_copy_end[], fp_safe_copy_fault[];

uintptr_t fp_safe_landing(uintptr_t pc)
{
	if (pc >= (uintptr_t)fp_safe_copy && pc < (uintptr_t)fp_safe_copy_end)
		return (uintptr_t)fp_safe_copy_fault;
	return 0;
}
#else
int fp_safe_copy(void *dst, const void *src, size_t n_bytes)
{
	return fp_safe_copy_slow(dst, src, n_bytes);
}

uintptr_t fp_safe_landing(uintptr_t pc)
{
	(void)pc;
	return 0;
}
#endif

int fp_safe_copy_slow(void *dst, const void *src, size_t n_bytes)
{
	struct iovec to = {dst, n_bytes}, from = {(void *)(uintptr_t)src, n_bytes};
	long n = fp_sys_call(SYS_process_vm_readv, fp_sys_pid(), &to, 1, &from, 1, 0);

	return n == (long)n_bytes ? 0 : -EFAULT;
}

static int read_fast(const struct fp_reader *r, uintptr_t addr, void *dst, size_t n_bytes)
{
	(void)r;
	return fp_safe_copy(dst, (const void *)addr, n_bytes);
}

static int read_slow(const struct fp_reader *r, uintptr_t addr, void *dst, size_t n_bytes)
{
	(void)r;
	return fp_safe_copy_slow(dst, (const void *)addr, n_bytes);
}

const struct fp_reader fp_reader_own = {.read = read_fast};
const struct fp_reader fp_reader_own_slow = {.read = read_slow};
