/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock of one word for the ledgers: spins a little, then sleeps in the
 * kernel.  Only code that holds a struct fp_thread takes it (inside is set),
 * so a signal handler on the same thread never comes here twice.  A fork child
 * resets it: its holder may be a thread that is gone.
 */
#ifndef FP_BASE_LOCK_H
#define FP_BASE_LOCK_H

#include "agent/base/attrs.h"

#include <stdbool.h>

struct fp_lock {
	uint32_t word; /* 0 free, 1 held, 2 held and waited for */
};

void fp_lock_wait(struct fp_lock *lock);
void fp_lock_wake(struct fp_lock *lock);

static inline void fp_lock_take(struct fp_lock *lock)
{
	uint32_t free = 0;

	if (fp_unlikely(!__atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		fp_lock_wait(lock);
}

static inline void fp_lock_give(struct fp_lock *lock)
{
	if (fp_unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2))
		fp_lock_wake(lock);
}

static inline void fp_lock_reset(struct fp_lock *lock)
{
	lock->word = 0;
}

#endif
