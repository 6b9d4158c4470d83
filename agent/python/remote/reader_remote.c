/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fp_reader of another process by process_vm_readv.  For tools and tests, not
 * for the handler: a call costs more than a microsecond.
 */
#include "agent/python/remote/reader_remote.h"

#include <errno.h>
#include <sys/uio.h>

static int read_remote(const struct fp_reader *r, uintptr_t addr, void *dst, size_t n_bytes)
{
	struct iovec to = { dst, n_bytes };
	struct iovec from = { (void *)addr, n_bytes };

	if (process_vm_readv(r->pid, &to, 1, &from, 1, 0) != (ssize_t)n_bytes)
		return -EFAULT;
	return 0;
}

struct fp_reader fp_reader_remote(int pid)
{
	struct fp_reader r = { read_remote, pid };

	return r;
}
