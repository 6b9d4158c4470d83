/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals shared with the host (faults.h).  Handlers run in any thread at any
 * instant, also inside malloc and the loader; they take no lock.  The hook's
 * half (fp_agent_sigaction) runs wherever the host calls it,
 * a vfork child included: there it changes nothing of ours, because
 * its memory is the parent's and its dispositions are not.
 */
#include "agent/hot/faults.h"

#include "agent/agent.h"
#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
#include "agent/hot/host_mask.h"
#include "agent/hot/sampler.h"

#include <errno.h>
#include <ucontext.h>

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

/* What the host believes about a signal that we handle.  Two slots, so that a
 * handler reads a whole one while another thread writes. */
struct shadow {
	struct sigaction host[2];
	uint32_t current;
	bool ours; /* our handler is what the kernel has */
};
static struct shadow segv_shadow, bus_shadow;

/* A signal that we left while the host believed it blocked somewhere: our
 * handler stays until it has reached every such thread (0: none). */
static int left_number;

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

static uint64_t our_bit(void)
{
	return fp_context.sampling && fp_context.signal_number ? bit(fp_context.signal_number) : 0;
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
	s->host[other].sa_flags |= (int)RESTORER_FLAG; /* as libc does */
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
		struct sigaction reset = act;

		reset.sa_handler = SIG_DFL;
		remember_host(s, &reset);
	}
	mask = *(uint64_t *)&act.sa_mask | *(uint64_t *)&uc->uc_sigmask;
	if (!(act.sa_flags & SA_NODEFER))
		mask |= bit(number);
	if (act.sa_flags & SA_ONSTACK) /* the stack may have no room for a frame of ours */
		mask |= our_bit();
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
	if (!fp_sampler_on_signal(info, context) &&
	    !fp_host_mask_postpone(number, info, (uint64_t *)&((ucontext_t *)context)->uc_sigmask))
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

	return fp_sys_sigaction(number, NULL, &act) == 0 && act.handler == (void *)SIG_DFL;
}

static bool is_blocked(int number)
{
	uint64_t blocked = 0;

	return fp_sys_sigmask(SIG_BLOCK, NULL, &blocked) < 0 || (blocked & bit(number));
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
	s->ours = set_kernel(number, (void *)on_fault, SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART, our_bit()) == 0;
}

void fp_faults_install(bool sampling)
{
	if (sampling)
		fp_context.signal_number = is_unused(SIGPROF) && !is_blocked(SIGPROF) ? SIGPROF : unused_real_time_signal();
	if (sampling && (!fp_context.signal_number || install_sampling(fp_context.signal_number) < 0))
		fp_context.sampling = false;
	install_fault(SIGSEGV);
	install_fault(SIGBUS);
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

static void reinstall_fault(int number)
{
	struct fp_kernel_sigaction now;

	if (shadow_of(number)->ours && fp_sys_sigaction(number, NULL, &now) == 0 && now.handler == (void *)on_fault)
		(void)set_kernel(number, now.handler, now.flags, our_bit());
}

void fp_faults_leave_signal(uint64_t *mask)
{
	int old = fp_context.signal_number, fresh = unused_real_time_signal();

	if (!fresh || install_sampling(fresh) < 0) {
		fp_sampler_stop();
		return;
	}
	fp_sampler_move(fresh);
	fp_host_mask_moved(old, fresh, mask);
	reinstall_fault(SIGSEGV);
	reinstall_fault(SIGBUS);
	left_number = old;
}

/* The host wants this signal for itself: ours becomes another one. */
void fp_faults_move_away(void)
{
	int old = fp_context.signal_number;
	uint64_t mask = 0;

	if (fp_sys_sigmask(SIG_BLOCK, NULL, &mask) < 0)
		return;
	fp_faults_leave_signal(&mask);
	left_number = 0;
	/* SIG_IGN drops what our deleted timers left pending. */
	(void)set_kernel(old, (void *)SIG_IGN, 0, 0);
	(void)set_kernel(old, (void *)SIG_DFL, 0, 0);
	(void)fp_sys_sigmask(SIG_SETMASK, &mask, NULL);
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
	s->ours = set_kernel(number, (void *)on_fault, flags, our_bit()) == 0;
	return s->ours;
}

bool fp_agent_sigaction(int number, const struct sigaction *act, struct sigaction *old, int *ret_result)
{
	struct shadow *s = shadow_of(number);
	struct sigaction before = {.sa_handler = SIG_DFL};

	if (!s && number != left_number && (!fp_context.sampling || number != fp_context.signal_number))
		return false;
	if (!fp_context_is_own())
		return false;
	if (number == left_number && act) {
		left_number = 0;
		(void)set_kernel(number, (void *)SIG_DFL, 0, 0);
		return false;
	}
	if (!s) { /* the sampling signal: for the host it has its default action */
		if (act && act->sa_handler != SIG_DFL) {
			fp_faults_move_away();
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
		fp_faults_move_away();
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
		return !fp_thread_self || !fp_thread_self->host_blocks;
	return fp_sys_sigaction(number, NULL, &act) == 0 && act.handler == (void *)SIG_DFL;
}
