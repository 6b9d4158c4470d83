/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See host_mask.h.  The hooks' halves run wherever the host calls them, also
 * in signal handlers and in vfork children: raw system calls only, and what
 * is shared with the parent stays as it is there.
 */
#include "agent/hot/host_mask.h"

#include "agent/agent.h"
#include "agent/base/sys.h"
#include "agent/hot/faults.h"
#include "agent/hot/thread.h"

#define SIGNALS_OF_THREADS_LIBRARY (3ull << 31) /* 32 and 33: glibc never lets a program mask them */

/* Handlers on an alternate stack that we made block our signal: such a stack
 * may have room for one signal frame only. */
static uint64_t shielded;

static uint64_t bit(int number)
{
	return 1ull << (number - 1);
}

static uint64_t our_bit(void)
{
	return bit(fp_context.signal_number ? fp_context.signal_number : SIGPROF);
}

/* A set that names our signal and little else speaks of that signal. */
static bool names_signal(uint64_t set)
{
	return __builtin_popcountll(set) < 16;
}

bool fp_host_mask_adopt(void)
{
	uint64_t ours = our_bit(), before = 0;

	return fp_context.sampling && fp_sys_sigmask(SIG_UNBLOCK, &ours, &before) == 0 && (before & ours);
}

void fp_host_mask_begin(const struct fp_thread *t)
{
	uint64_t ours = our_bit();

	if (t->host_blocks && fp_context.sampling)
		(void)fp_sys_sigmask(SIG_UNBLOCK, &ours, NULL);
}

void fp_host_mask_end(const struct fp_thread *t)
{
	uint64_t ours = our_bit();

	if (t->host_blocks)
		(void)fp_sys_sigmask(SIG_BLOCK, &ours, NULL);
}

static void move_shield(int old, int fresh)
{
	uint64_t all = __atomic_load_n(&shielded, __ATOMIC_ACQUIRE);

	for (int n = 1; n <= 64; n++) {
		struct fp_kernel_sigaction act;

		if (!(all & bit(n)) || fp_sys_sigaction(n, NULL, &act) < 0)
			continue;
		act.mask = (act.mask & ~bit(old)) | bit(fresh);
		(void)fp_sys_sigaction(n, &act, NULL);
	}
}

void fp_host_mask_moved(int old, int fresh, uint64_t *mask)
{
	struct fp_thread *t = fp_thread_self;
	bool blocked = *mask & bit(fresh);

	move_shield(old, fresh);
	if (t && t->host_blocks)
		*mask |= bit(old);
	if (t)
		t->host_blocks = blocked;
	*mask &= ~bit(fresh);
}

/* As it came where the kernel lets us; only the main thread may repeat what a
 * kill() of others queued, from elsewhere it names us as the sender. */
static bool queue_again(int number, siginfo_t *info)
{
	if (info->si_code == SI_TKILL)
		return fp_sys_call(SYS_rt_tgsigqueueinfo, fp_context.pid, fp_sys_tid(), number, info) == 0;
	return fp_sys_call(SYS_rt_sigqueueinfo, fp_context.pid, number, info) == 0 ||
	       fp_sys_call(SYS_kill, fp_context.pid, number) == 0;
}

bool fp_host_mask_postpone(int number, siginfo_t *info, uint64_t *mask)
{
	struct fp_thread *t = fp_thread_self;

	if (!t || (number == fp_context.signal_number && !t->host_blocks))
		return false;
	if (number == fp_context.signal_number)
		fp_faults_leave_signal(mask);
	*mask |= bit(number);
	return queue_again(number, info);
}

/* A vfork child: its mask is its own, t is its parent's.  What the host
 * believes becomes real there, and stays so. */
static void make_real(struct fp_thread *t)
{
	uint64_t ours = our_bit();
	int pid = fp_sys_pid();

	if (t->real_mask_pid == pid)
		return;
	if (t->host_blocks)
		(void)fp_sys_sigmask(SIG_BLOCK, &ours, NULL);
	t->real_mask_pid = pid;
}

bool fp_agent_sigmask(int how, const sigset_t *set, sigset_t *old, int *ret_error)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t wanted = 0, before = 0, ours = our_bit();
	bool blocks, blocked;
	int error;

	if (!t || !fp_context.sampling)
		return false;
	if (!fp_context_is_own()) {
		make_real(t);
		return false;
	}
	if (set) {
		wanted = *(const uint64_t *)set & ~SIGNALS_OF_THREADS_LIBRARY;
		if (how != SIG_UNBLOCK && (wanted & ours) && names_signal(wanted)) {
			fp_faults_move_away();
			ours = our_bit();
			if (!fp_context.sampling)
				return false;
		}
	}
	blocks = blocked = t->host_blocks;
	if (set) {
		if (how == SIG_SETMASK)
			blocks = (wanted & ours) != 0;
		else if (wanted & ours)
			blocks = how == SIG_BLOCK;
		if (how != SIG_UNBLOCK)
			wanted &= ~ours;
	}
	error = fp_sys_sigmask(how, set ? &wanted : NULL, &before);
	if (error == 0) {
		/* The kernel wrote 64 bits; glibc leaves the rest of the set alone.
		 * In a handler whose sa_mask names it our signal is really blocked. */
		if (old)
			*(uint64_t *)old = blocked ? before | ours : before;
		t->host_blocks = blocks;
	}
	*ret_error = -error;
	return true;
}

bool fp_agent_wait_set(const sigset_t *set, sigset_t *ret_changed)
{
	uint64_t wanted, ours = our_bit();

	if (!set || !fp_context.sampling || !fp_context_is_own())
		return false;
	wanted = *(const uint64_t *)set;
	if (!(wanted & ours))
		return false;
	if (names_signal(wanted)) {
		fp_faults_move_away();
		return false;
	}
	*ret_changed = *set;
	*(uint64_t *)ret_changed &= ~ours;
	return true;
}

void fp_agent_hide_pending(sigset_t *set)
{
	if (fp_context.sampling)
		*(uint64_t *)set &= ~our_bit();
}

bool fp_agent_shielded(int number)
{
	return number > 0 && number <= 64 && (__atomic_load_n(&shielded, __ATOMIC_ACQUIRE) & bit(number));
}

bool fp_agent_shield(int number, const struct sigaction *act, struct sigaction *ret_changed)
{
	bool needed = (act->sa_flags & SA_ONSTACK) && act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN &&
		      !(*(const uint64_t *)&act->sa_mask & our_bit());

	if (number < 1 || number > 64 || !fp_context.sampling || !fp_context_is_own())
		return false;
	if (!needed) {
		(void)__atomic_and_fetch(&shielded, ~bit(number), __ATOMIC_ACQ_REL);
		return false;
	}
	*ret_changed = *act;
	*(uint64_t *)&ret_changed->sa_mask |= our_bit();
	(void)__atomic_or_fetch(&shielded, bit(number), __ATOMIC_ACQ_REL);
	return true;
}

void fp_agent_unshield(struct sigaction *old)
{
	*(uint64_t *)&old->sa_mask &= ~our_bit();
}

void fp_agent_mask_show(void)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t ours = our_bit();

	if (t && t->host_blocks && t->real_mask_pid != fp_sys_pid())
		(void)fp_sys_sigmask(SIG_BLOCK, &ours, NULL);
}

void fp_agent_mask_hide(void)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t ours = our_bit();

	if (t && t->host_blocks && t->real_mask_pid != fp_sys_pid())
		(void)fp_sys_sigmask(SIG_UNBLOCK, &ours, NULL);
}
