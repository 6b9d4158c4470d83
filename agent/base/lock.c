/* SPDX-License-Identifier: Apache-2.0 */
/* The slow ways of lock.h.  Any context; raw system calls. */
#include "agent/base/lock.h"

#include "agent/base/clock.h"
#include "agent/base/sys.h"

#include <linux/futex.h>

#define SPINS 64
#define LOOK_NS 10000000      /* between two looks at who holds it */
#define LOOKS_MAX 100

__thread uint32_t fp_lock_name __attribute__((tls_model("initial-exec"))) = FP_LOCK_NAMELESS;

/* tkill, as a vfork child's threads are its parent's. */
static bool is_gone(uint32_t word)
{
	word &= FP_LOCK_NAMELESS;
	return word != FP_LOCK_NAMELESS && fp_sys_call(SYS_tkill, word >> FP_LOCK_BITS, 0) == -ESRCH;
}

static bool change(struct fp_lock *lock, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&lock->word, &from, to, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool spin(struct fp_lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

		if (word & FP_LOCK_STUCK)
			return false;
		if (!word && fp_lock_try(lock))
			return true;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	return false;
}

/* Sleeps until the word may have changed (true), or for a while: a signal ends that early. */
static bool sleep_on(struct fp_lock *lock, uint32_t word)
{
	struct timespec pause = {0, LOOK_NS};
	long r = fp_sys_call(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, word, &pause);

	return r == 0 || r == -EAGAIN;
}

bool fp_lock_wait(struct fp_lock *lock)
{
	uint32_t seen = 0, looks = 0;
	int64_t now_ns, look_ns = 0;

	if (fp_lock_is_mine(lock))
		return false;
	if (spin(lock))
		return true;
	for (;;) {
		uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED), waited = word | FP_LOCK_WAITED;

		if (word & FP_LOCK_STUCK)
			return false;
		/* Others may sleep still: whoever slept leaves the bit. */
		if (!word && change(lock, 0, fp_lock_name | FP_LOCK_WAITED))
			return true;
		if (!word || (word != waited && !change(lock, word, waited)))
			continue;
		now_ns = fp_clock_monotonic_ns();
		if (waited != seen || sleep_on(lock, waited)) {
			seen = waited;
			look_ns = now_ns;
			looks = 0;
			continue;
		}
		if (now_ns - look_ns < LOOK_NS)
			continue;
		look_ns = now_ns;
		if (is_gone(word) && change(lock, waited, fp_lock_name | FP_LOCK_WAITED))
			return true;
		if (++looks >= LOOKS_MAX && change(lock, waited, waited | FP_LOCK_STUCK))
			return false;
	}
}

void fp_lock_wake(struct fp_lock *lock)
{
	(void)fp_sys_call(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1);
}
