/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock of one word for the ledgers: spins a little, then sleeps in the
 * kernel.  The word names the thread that holds it, so at no moment is it held
 * and nobody knows by whom: a handler of the program may jump out of the code
 * that took it (the thread finds out later, and gives it back), and a thread may
 * end there (who waits takes over).  What the lock guards must bear being left
 * half-way.  Nobody waits for long: past a second of a holder that lives,
 * take fails for everybody until that one gives it back.
 *
 * Only code that holds a struct fp_thread takes it (inside is set), so a signal
 * handler on the same thread never comes here twice, but for the end of the
 * process.  A fork child resets it: its holder may be a thread that is gone.
 */
#ifndef FP_BASE_LOCK_H
#define FP_BASE_LOCK_H

#include "agent/base/attrs.h"

#include <stdbool.h>

struct fp_lock {
	uint32_t word; /* 0 free; the holder's name and the bits below */
};

#define FP_LOCK_WAITED 1u   /* for it */
#define FP_LOCK_STUCK 2u    /* nobody waits any more */
#define FP_LOCK_BITS 2u
#define FP_LOCK_NAMELESS (UINT32_MAX >> FP_LOCK_BITS << FP_LOCK_BITS)

/* The calling thread's name: its tid << FP_LOCK_BITS; threads that were never
 * named share one, and find none of their locks again. */
extern __thread uint32_t fp_lock_name __attribute__((tls_model("initial-exec")));

bool fp_lock_wait(struct fp_lock *lock);
void fp_lock_wake(struct fp_lock *lock);

static inline void fp_lock_name_thread(int tid)
{
	fp_lock_name = (uint32_t)tid << FP_LOCK_BITS;
}

static inline bool fp_lock_try(struct fp_lock *lock)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&lock->word, &free, fp_lock_name, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* False: it cannot be had, as the calling thread holds it already, or
 * somebody does who does not go on. */
FP_NODISCARD static inline bool fp_lock_take(struct fp_lock *lock)
{
	return fp_likely(fp_lock_try(lock)) || fp_lock_wait(lock);
}

static inline void fp_lock_give(struct fp_lock *lock)
{
	if (fp_unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) & FP_LOCK_WAITED))
		fp_lock_wake(lock);
}

static inline bool fp_lock_is_mine(const struct fp_lock *lock)
{
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	return (word ^ fp_lock_name) >> FP_LOCK_BITS == 0 && fp_lock_name != FP_LOCK_NAMELESS;
}

/* Gives it back where the calling thread holds it. */
static inline void fp_lock_give_mine(struct fp_lock *lock)
{
	if (fp_lock_is_mine(lock))
		fp_lock_give(lock);
}

static inline void fp_lock_reset(struct fp_lock *lock)
{
	lock->word = 0;
}

#endif
