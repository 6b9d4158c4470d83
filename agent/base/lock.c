/* SPDX-License-Identifier: Apache-2.0 */
/* The slow ways of lock.h.  Any context; raw system calls. */
#include "agent/base/lock.h"

#include "agent/base/sys.h"

#include <linux/futex.h>

#define SPINS 64

void fp_lock_wait(struct fp_lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t free = 0;

		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 &&
		    __atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
		(void)fp_sys_call(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, 2, NULL);
}

void fp_lock_wake(struct fp_lock *lock)
{
	(void)fp_sys_call(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1);
}
