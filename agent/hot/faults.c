/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals shared with the host (faults.h).  Handlers run in any thread at any
 * instant, also inside malloc and the loader; they take no lock.  The hooks'
 * halves (fp_agent_sigaction, fp_agent_sigmask) run wherever the host calls
 * those, a vfork child included: there they change nothing of ours, because
 * its memory is the parent's and its dispositions are not.
 */
#include "agent/hot/faults.h"

#include "agent/agent.h"
#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
#include "agent/hot/sampler.h"

#include <errno.h>
#include <ucontext.h>

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif
#define SIGNALS_OF_THREADS_LIBRARY (3ull << 31) /* 32 and 33: glibc never lets a program mask them */

/* What the host believes about a signal that we handle.  Two slots, so that a
 * handler reads a whole one while another thread writes. */
struct shadow {
	struct sigaction host[2];
	uint32_t current;
	bool ours; /* our handler is what the kernel has */
};
static struct shadow segv_shadow, bus_shadow;

#if defined(__x86_64__)
void fp_signal_restorer(void);
#define RESTORER ((void *)fp_signal_restorer)
#define RESTORER_FLAG ((unsigned int)SA_RESTORER)
#else
#define RESTORER NULL
#define RESTORER_FLAG 0u
#endif

static uint64_t bit(int number)
{
	return 1ull << (number - 1);
}

static struct shadow *shadow_of(int number)
{
	if (number == SIGSEGV)
		return &segv_shadow;
	return number == SIGBUS ? &bus_shadow : NULL;
}

static struct sigaction *host_action(struct shadow *s)
{
	return &s->host[__atomic_load_n(&s->current, __ATOMIC_ACQUIRE)];
}

static void remember_host(struct shadow *s, const struct sigaction *act)
{
	uint32_t other = 1 - s->current;

	s->host[other] = *act;
	if (act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN)
		s->host[other].sa_flags |= (int)RESTORER_FLAG;
	__atomic_store_n(&s->current, other, __ATOMIC_RELEASE);
}

static int set_kernel(int number, void *handler, unsigned long flags, uint64_t mask)
{
	struct fp_kernel_sigaction act = {handler, flags | RESTORER_FLAG, RESTORER, mask};

	return fp_sys_sigaction(number, &act, NULL);
}

/* The signal's default action, now. */
static void die_by_default(int number)
{
	(void)set_kernel(number, (void *)SIG_DFL, 0, 0);
	(void)fp_sys_call(SYS_tgkill, fp_sys_pid(), fp_sys_tid(), number);
}

/* What the kernel would have done had the host's action been installed. */
static void give_to_host(int number, siginfo_t *info, void *context, struct shadow *s)
{
	struct sigaction act = *host_action(s);
	ucontext_t *uc = context;
	uint64_t mask;

	if (act.sa_handler == SIG_DFL || (act.sa_handler == SIG_IGN && info->si_code > 0)) {
		if (info->si_code > 0) /* a fault: it happens again, under the default action */
			(void)set_kernel(number, (void *)SIG_DFL, 0, 0);
		else
			die_by_default(number);
		return;
	}
	if (act.sa_handler == SIG_IGN)
		return;
	if (act.sa_flags & SA_RESETHAND) {
		struct sigaction reset = {.sa_handler = SIG_DFL};

		remember_host(s, &reset);
	}
	mask = *(uint64_t *)&act.sa_mask | *(uint64_t *)&uc->uc_sigmask;
	if (!(act.sa_flags & SA_NODEFER))
		mask |= bit(number);
	(void)fp_sys_sigmask(SIG_SETMASK, &mask, NULL);
	if (act.sa_flags & SA_SIGINFO)
		act.sa_sigaction(number, info, context);
	else
		act.sa_handler(number);
}

static bool land_safe_load(ucontext_t *uc)
{
#if defined(__x86_64__)
	uintptr_t landing = fp_safe_landing((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);

	if (landing)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)landing;
	return landing != 0;
#else
	(void)uc;
	return false;
#endif
}

/* Somebody cut the capture: anonymous memory takes its place, and no more is
 * recorded; what the file still holds stays readable. */
static bool replace_cut_capture(uintptr_t address)
{
	struct fp_segment *s = &fp_context.segment;
	uintptr_t start = (uintptr_t)s->header;

	if (!start || address < start || address >= start + s->n_bytes)
		return false;
	__atomic_store_n(&fp_context.state, FP_STATE_ENDED, __ATOMIC_RELEASE);
	s->broken = true;
	return fp_sys_map(s->header, s->n_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != NULL;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	if (info->si_code > 0 && land_safe_load(context))
		return;
	if (number == SIGBUS && info->si_code > 0 && replace_cut_capture((uintptr_t)info->si_addr))
		return;
	give_to_host(number, info, context, number == SIGBUS ? &bus_shadow : &segv_shadow);
	errno = saved_errno;
}

static void on_sample(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	/* A SIGPROF of somebody else's: the host has no handler for it, or the
	 * sampling signal would not be SIGPROF. */
	if (!fp_sampler_on_signal(info, context))
		die_by_default(number);
	errno = saved_errno;
}

/* Everything but what a fault-safe load may raise waits for the handler's
 * end: a host's handler that leaves by longjmp must not leave ours with it. */
static int install_sampling(int number)
{
	uint64_t mask = ~(bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP));

	return set_kernel(number, (void *)on_sample, SA_SIGINFO | SA_RESTART, mask);
}

static bool is_unused(int number)
{
	struct fp_kernel_sigaction act = {0};
	uint64_t blocked = 0;

	return fp_sys_sigaction(number, NULL, &act) == 0 && act.handler == (void *)SIG_DFL &&
	       fp_sys_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && !(blocked & bit(number));
}

/* 0 when every real-time signal is in use. */
static int unused_real_time_signal(void)
{
	for (int n = 62; n > 36; n--)
		if (n != fp_context.signal_number && is_unused(n))
			return n;
	return 0;
}

static void install_fault(int number)
{
	struct shadow *s = shadow_of(number);
	struct fp_kernel_sigaction old;

	if (fp_sys_sigaction(number, NULL, &old) < 0 || old.handler != (void *)SIG_DFL)
		return; /* inherited SIG_IGN stays: it must survive the next exec too */
	s->ours = set_kernel(number, (void *)on_fault, SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART, 0) == 0;
}

void fp_faults_install(bool sampling)
{
	install_fault(SIGSEGV);
	install_fault(SIGBUS);
	if (!sampling)
		return;
	fp_context.signal_number = is_unused(SIGPROF) ? SIGPROF : unused_real_time_signal();
	if (!fp_context.signal_number || install_sampling(fp_context.signal_number) < 0)
		fp_context.sampling = false;
}

bool fp_faults_caught(const void *context)
{
	const ucontext_t *uc = context;
	struct fp_kernel_sigaction now;

	if (!segv_shadow.ours || !bus_shadow.ours)
		return false;
	if (uc && (*(const uint64_t *)&uc->uc_sigmask & (bit(SIGSEGV) | bit(SIGBUS))))
		return false;
	return fp_sys_sigaction(SIGSEGV, NULL, &now) == 0 && now.handler == (void *)on_fault;
}

/* The host wants this signal for itself: ours becomes another one. */
static void move_away(void)
{
	int old = fp_context.signal_number, fresh = unused_real_time_signal();

	if (!fresh || install_sampling(fresh) < 0) {
		fp_context.sampling = false;
		return;
	}
	fp_sampler_move(fresh);
	/* SIG_IGN drops what our deleted timers left pending. */
	(void)set_kernel(old, (void *)SIG_IGN, 0, 0);
	(void)set_kernel(old, (void *)SIG_DFL, 0, 0);
}

static bool set_fault_action(int number, struct shadow *s, const struct sigaction *act)
{
	unsigned long flags = SA_SIGINFO | SA_NODEFER;

	if (act->sa_handler == SIG_IGN) {
		s->ours = false;
		return set_kernel(number, (void *)SIG_IGN, 0, 0) == 0;
	}
	flags |= act->sa_handler == SIG_DFL ? SA_ONSTACK | SA_RESTART :
					      (unsigned long)act->sa_flags & (SA_ONSTACK | SA_RESTART);
	s->ours = set_kernel(number, (void *)on_fault, flags, 0) == 0;
	return s->ours;
}

bool fp_agent_sigaction(int number, const struct sigaction *act, struct sigaction *old, int *ret_result)
{
	struct shadow *s = shadow_of(number);
	struct sigaction before = {.sa_handler = SIG_DFL};

	if (!s && (!fp_context.sampling || number != fp_context.signal_number))
		return false;
	if (!fp_context_is_own())
		return false;
	if (!s) { /* the sampling signal: for the host it has its default action */
		if (act && act->sa_handler != SIG_DFL) {
			move_away();
			return false;
		}
		if (old)
			*old = before;
		*ret_result = 0;
		return true;
	}
	if (!s->ours && host_action(s)->sa_handler != SIG_IGN && act == NULL)
		return false;
	if (!s->ours && host_action(s)->sa_handler != SIG_IGN) {
		/* inherited SIG_IGN that the host changes now: from here on shared */
		struct fp_kernel_sigaction now;

		if (fp_sys_sigaction(number, NULL, &now) == 0 && now.handler == (void *)SIG_IGN)
			s->host[s->current].sa_handler = SIG_IGN;
		else
			return false;
	}
	before = *host_action(s);
	if (act) {
		struct sigaction wanted = *act;

		remember_host(s, &wanted);
		(void)set_fault_action(number, s, &wanted);
	}
	if (old)
		*old = before;
	*ret_result = 0;
	return true;
}

void fp_agent_timer_prof(void)
{
	if (fp_context.sampling && fp_context.signal_number == SIGPROF && fp_context_is_own())
		move_away();
}

bool fp_agent_signal_deadly(int number)
{
	struct shadow *s = shadow_of(number);
	struct fp_kernel_sigaction act = {0};
	uint64_t blocked = 0;

	if (number < 1 || number > 64 || number == SIGCHLD || number == SIGCONT || number == SIGURG ||
	    number == SIGWINCH || number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
		return false;
	if (fp_sys_sigmask(SIG_BLOCK, NULL, &blocked) < 0 || (blocked & bit(number) && number != SIGKILL))
		return false;
	if (s && s->ours)
		return host_action(s)->sa_handler == SIG_DFL;
	if (fp_context.sampling && number == fp_context.signal_number)
		return true;
	return fp_sys_sigaction(number, NULL, &act) == 0 && act.handler == (void *)SIG_DFL;
}

/* A set that names our signal and little else speaks of that signal. */
static bool names_signal(uint64_t set)
{
	return __builtin_popcountll(set) < 16;
}

bool fp_agent_sigmask(int how, const sigset_t *set, sigset_t *old, int *ret_error)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t wanted = 0, before = 0, ours = bit(fp_context.signal_number ? fp_context.signal_number : SIGPROF);
	bool blocks;
	int error;

	if (!t || !fp_context.sampling || !fp_context_is_own())
		return false;
	blocks = t->host_blocks;
	if (set) {
		wanted = *(const uint64_t *)set & ~SIGNALS_OF_THREADS_LIBRARY;
		if (how != SIG_UNBLOCK && (wanted & ours) && names_signal(wanted)) {
			move_away();
			ours = bit(fp_context.signal_number);
		}
		if (how == SIG_SETMASK)
			blocks = (wanted & ours) != 0;
		else if (wanted & ours)
			blocks = how == SIG_BLOCK;
		if (how != SIG_UNBLOCK)
			wanted &= ~ours;
	}
	error = fp_sys_sigmask(how, set ? &wanted : NULL, &before);
	if (error == 0) {
		if (old) {
			/* The kernel wrote 64 bits; glibc leaves the rest of the set alone. */
			*(uint64_t *)old = t->host_blocks ? before | ours : before & ~ours;
		}
		t->host_blocks = blocks;
	}
	*ret_error = -error;
	return true;
}

void fp_faults_before_exec(void)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t ours = bit(fp_context.signal_number ? fp_context.signal_number : SIGPROF);

	if (t && t->host_blocks)
		(void)fp_sys_sigmask(SIG_BLOCK, &ours, NULL);
}

void fp_faults_exec_failed(void)
{
	struct fp_thread *t = fp_thread_self;
	uint64_t ours = bit(fp_context.signal_number ? fp_context.signal_number : SIGPROF);

	if (t && t->host_blocks)
		(void)fp_sys_sigmask(SIG_UNBLOCK, &ours, NULL);
}
