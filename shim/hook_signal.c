/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal dispositions and masks: the program sees its own, not the agent's.
 * sigaction, signal and the masks are async-signal-safe and stay so; they may
 * run in a vfork child, where the agent leaves them alone.
 */
#include "agent/agent.h"
#include "shim/real.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/time.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* old interfaces are hooked because old programs use them */

FP_HOOK int sigaction(int number, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction changed;
	int result;
	bool hides;

	if (fp_agent_sigaction(number, act, old, &result))
		return result;
	hides = old && fp_agent_shielded(number);
	if (act && fp_agent_shield(number, act, &changed))
		act = &changed;
	result = fp_real(sigaction)(number, act, old);
	if (result == 0 && hides)
		fp_agent_unshield(old);
	return result;
}

/* The older interfaces: true and the old handler when the agent answered. */
static bool set_handler(int number, sighandler_t handler, int flags, bool mask_itself, sighandler_t *ret_old)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags}, old;
	int result;

	if (handler == SIG_ERR)
		return false;
	sigemptyset(&act.sa_mask);
	if (mask_itself)
		sigaddset(&act.sa_mask, number);
	if (!fp_agent_sigaction(number, &act, &old, &result))
		return false;
	*ret_old = result < 0 ? SIG_ERR : old.sa_handler;
	return true;
}

FP_HOOK sighandler_t signal(int number, sighandler_t handler)
{
	sighandler_t old;

	return set_handler(number, handler, SA_RESTART, true, &old) ? old : fp_real(signal)(number, handler);
}

sighandler_t bsd_signal(int number, sighandler_t handler);
FP_HOOK sighandler_t bsd_signal(int number, sighandler_t handler)
{
	sighandler_t old;

	return set_handler(number, handler, SA_RESTART, true, &old) ? old : fp_real(bsd_signal)(number, handler);
}

FP_HOOK sighandler_t ssignal(int number, sighandler_t handler)
{
	sighandler_t old;

	return set_handler(number, handler, SA_RESTART, true, &old) ? old : fp_real(ssignal)(number, handler);
}

FP_HOOK sighandler_t sysv_signal(int number, sighandler_t handler)
{
	sighandler_t old;

	return set_handler(number, handler, (int)(SA_RESETHAND | SA_NODEFER), false, &old) ?
		       old :
		       fp_real(sysv_signal)(number, handler);
}

sighandler_t __sysv_signal(int number, sighandler_t handler);
FP_HOOK sighandler_t __sysv_signal(int number, sighandler_t handler)
{
	sighandler_t old;

	return set_handler(number, handler, (int)(SA_RESETHAND | SA_NODEFER), false, &old) ?
		       old :
		       fp_real(__sysv_signal)(number, handler);
}

FP_HOOK sighandler_t sigset(int number, sighandler_t handler)
{
	sighandler_t old;
	sigset_t set, before;

	if (handler == SIG_HOLD || !set_handler(number, handler, 0, false, &old))
		return fp_real(sigset)(number, handler);
	sigemptyset(&set);
	sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, &before);
	return sigismember(&before, number) == 1 ? SIG_HOLD : old;
}

FP_HOOK int sigignore(int number)
{
	sighandler_t old;

	return set_handler(number, SIG_IGN, 0, false, &old) ? 0 : fp_real(sigignore)(number);
}

FP_HOOK int siginterrupt(int number, int interrupt)
{
	struct sigaction act;
	int result;

	if (!fp_agent_sigaction(number, NULL, &act, &result))
		return fp_real(siginterrupt)(number, interrupt);
	if (interrupt)
		act.sa_flags &= ~SA_RESTART;
	else
		act.sa_flags |= SA_RESTART;
	return sigaction(number, &act, NULL);
}

FP_HOOK int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	int error;

	if (!fp_agent_sigmask(how, set, old, &error))
		return fp_real(sigprocmask)(how, set, old);
	if (error)
		errno = error;
	return error ? -1 : 0;
}

FP_HOOK int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	int error;

	if (!fp_agent_sigmask(how, set, old, &error))
		return fp_real(pthread_sigmask)(how, set, old);
	return error;
}

/* The BSD and System V forms: a word of signals, one signal. */
static int change_mask(int how, unsigned long word)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigemptyset(&old);
	*(unsigned long *)&set = word;
	return sigprocmask(how, &set, &old) < 0 ? -1 : (int)*(unsigned long *)&old;
}

FP_HOOK int sigsetmask(int mask)
{
	return change_mask(SIG_SETMASK, (unsigned int)mask);
}

FP_HOOK int sigblock(int mask)
{
	return change_mask(SIG_BLOCK, (unsigned int)mask);
}

static int change_one(int how, int number)
{
	sigset_t set;

	sigemptyset(&set);
	return sigaddset(&set, number) < 0 ? -1 : sigprocmask(how, &set, NULL);
}

FP_HOOK int sighold(int number)
{
	return change_one(SIG_BLOCK, number);
}

FP_HOOK int sigrelse(int number)
{
	return change_one(SIG_UNBLOCK, number);
}

FP_HOOK int sigpending(sigset_t *set)
{
	int result = fp_real(sigpending)(set);

	if (result == 0)
		fp_agent_hide_pending(set);
	return result;
}

FP_HOOK int sigwait(const sigset_t *set, int *number)
{
	sigset_t changed;

	return fp_real(sigwait)(fp_agent_wait_set(set, &changed) ? &changed : set, number);
}

FP_HOOK int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t changed;

	return fp_real(sigwaitinfo)(fp_agent_wait_set(set, &changed) ? &changed : set, info);
}

FP_HOOK int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	sigset_t changed;

	return fp_real(sigtimedwait)(fp_agent_wait_set(set, &changed) ? &changed : set, info, timeout);
}

FP_HOOK int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t changed;

	return fp_real(signalfd)(fd, fp_agent_wait_set(set, &changed) ? &changed : set, flags);
}

FP_HOOK int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
	if (which == ITIMER_PROF)
		fp_agent_timer_prof();
	return fp_real(setitimer)(which, value, old);
}
