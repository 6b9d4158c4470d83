/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own SIGSEGV and SIGBUS handlers, real crashes, tiny stacks. */
#include "hostile.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

static volatile sig_atomic_t n_seen;
static sigjmp_buf back;
static char *page;
static volatile char *nowhere = (volatile char *)16;

static void say_action(int number)
{
	struct sigaction now;

	memset(&now, 0, sizeof(now));
	sigaction(number, NULL, &now);
	say("signal %d: %s flags %x mask", number,
	    now.sa_handler == SIG_DFL ? "default" : now.sa_handler == SIG_IGN ? "ignored" : "handled",
	    (unsigned int)now.sa_flags);
	for (int n = 1; n <= 64; n++)
		if (sigismember(&now.sa_mask, n) == 1)
			say(" %d", n);
	say("\n");
}

/* Makes the page writable, so that the store happens after all. */
static void repair(int number, siginfo_t *info, void *context)
{
	sigset_t mask;

	(void)context;
	n_seen++;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	say("fault %d code %d at the page %d, blocked %d %d\n", number, info->si_code, (char *)info->si_addr == page,
	    sigismember(&mask, number), sigismember(&mask, SIGUSR2));
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void jump(int number)
{
	n_seen++;
	siglongjmp(back, number);
}

static void fault_once(int flags, bool more_masked)
{
	struct sigaction act = {.sa_sigaction = repair, .sa_flags = flags | SA_SIGINFO};

	if (more_masked)
		sigaddset(&act.sa_mask, SIGUSR2);
	sigaction(SIGSEGV, &act, NULL);
	say_action(SIGSEGV);
	mprotect(page, 4096, PROT_READ);
	*(volatile char *)page = 1;
	say_action(SIGSEGV);
	burn_ms(20);
}

static int repairing(int argc, char **argv)
{
	stack_t alternate = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};

	(void)argc, (void)argv;
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say_action(SIGSEGV);
	say_action(SIGBUS);
	fault_once(0, false);
	fault_once(SA_NODEFER, false);
	fault_once(SA_RESTART, true);
	sigaltstack(&alternate, NULL);
	fault_once(SA_ONSTACK, true);
	fault_once((int)SA_RESETHAND, false);
	return 0;
}

static int jumping(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGSEGV, jump);
	say_action(SIGSEGV);
	for (volatile int i = 0; i < 2000; i++)
		if (sigsetjmp(back, 1) == 0)
			*nowhere = 1;
	burn_ms(30);
	say("seen %d\n", (int)n_seen);
	return 0;
}

static int overflow_depth(int depth)
{
	volatile char room[1024];

	room[depth % 1024] = (char)depth;
	return depth < 100000000 ? overflow_depth(depth + 1) + room[depth % 1024] : 0;
}

static int overflow_caught(int argc, char **argv)
{
	stack_t alternate = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
	struct sigaction act = {.sa_handler = jump, .sa_flags = SA_ONSTACK};

	(void)argc, (void)argv;
	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &act, NULL);
	for (volatile int i = 0; i < 3; i++)
		if (sigsetjmp(back, 1) == 0)
			say("%d\n", overflow_depth(0));
	say("seen %d\n", (int)n_seen);
	return 0;
}

static int overflow(int argc, char **argv)
{
	(void)argc, (void)argv;
	return overflow_depth(0);
}

static int bus_handler(int argc, char **argv)
{
	char *map;
	int fd = open("mapped", O_RDWR | O_CREAT, 0600);

	(void)argc, (void)argv;
	if (ftruncate(fd, 8192) < 0)
		return 1;
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ftruncate(fd, 0) < 0)
		return 1;
	signal(SIGBUS, jump);
	say_action(SIGBUS);
	for (volatile int i = 0; i < 100; i++)
		if (sigsetjmp(back, 1) == 0)
			map[4096] = 1;
	say("seen %d\n", (int)n_seen);
	signal(SIGBUS, SIG_DFL);
	map[4096] = 1;
	return 0;
}

static int ignoring(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGSEGV, SIG_IGN);
	signal(SIGBUS, SIG_IGN);
	raise(SIGSEGV);
	kill(getpid(), SIGBUS);
	say_action(SIGSEGV);
	burn_ms(40);
	*nowhere = 1; /* a real fault is not ignored */
	return 0;
}

static void sent(int number, siginfo_t *info, void *context)
{
	(void)context;
	say("sent %d code %d pid right %d\n", number, info->si_code, info->si_pid == getpid());
}

/* Signals 11 and 7 that no fault made. */
static int sent_faults(int argc, char **argv)
{
	struct sigaction act = {.sa_sigaction = sent, .sa_flags = SA_SIGINFO};
	union sigval value = {.sival_int = 7};

	(void)argc, (void)argv;
	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
	raise(SIGSEGV);
	kill(getpid(), SIGBUS);
	sigqueue(getpid(), SIGSEGV, value);
	return 0;
}

static int crash(int argc, char **argv)
{
	struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};
	char *map;
	int fd;

	(void)argc;
	setrlimit(RLIMIT_CORE, &core);
	burn_ms(20);
	switch (argv[0][0]) {
	case 's':
		*nowhere = 1;
		break;
	case 'b':
		fd = open("mapped", O_RDWR | O_CREAT, 0600);
		map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		*map = 1;
		break;
	case 'i':
		__builtin_trap();
		break;
	case 'f':
		raise(SIGFPE);
		break;
	case 'a':
		abort();
	case 't':
		raise(SIGTERM);
		break;
	case 'k':
		kill(getpid(), SIGKILL);
		break;
	case 'm': /* SIGSEGV sent, not made */
		kill(getpid(), SIGSEGV);
		break;
	}
	return 1;
}

static void burn_in_handler(int number)
{
	(void)number;
	n_seen++;
	burn_ms(80);
}

/* Room for one signal frame and little else. */
static int tiny_alternate(int argc, char **argv)
{
	size_t least = (size_t)sysconf(_SC_MINSIGSTKSZ) + 1024;
	struct sigaction act = {.sa_handler = burn_in_handler, .sa_flags = SA_ONSTACK}, now;
	stack_t alternate = {.ss_size = least};
	char *room;

	(void)argc, (void)argv;
	room = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(room, 32768, PROT_NONE);
	alternate.ss_sp = room + 32768;
	sigaltstack(&alternate, NULL);
	burn_ms(20);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR1, NULL, &now);
	say("flags %x, masks SIGPROF %d\n", (unsigned int)now.sa_flags & ~0x04000000u, sigismember(&now.sa_mask, SIGPROF));
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	/* After the sampling signal has moved. */
	signal(SIGPROF, SIG_IGN);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	say("seen %d\n", (int)n_seen);
	return 0;
}

static void *small_thread(void *unused)
{
	burn_ms(60);
	return unused;
}

static int tiny_thread_stacks(int argc, char **argv)
{
	pthread_t threads[8];
	pthread_attr_t attr;

	(void)argc, (void)argv;
	pthread_attr_init(&attr);
	say("set %d\n", pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)));
	for (int i = 0; i < 8; i++)
		say("create %d\n", pthread_create(&threads[i], &attr, small_thread, NULL));
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static ucontext_t main_context, contexts[4];
static int n_switches;

static void burn_and_switch(void)
{
	for (int i = 0; i < 20; i++) {
		burn_ms(4);
		n_switches++;
		swapcontext(&contexts[i % 4], &main_context);
	}
}

/* Coroutines on small stacks of their own. */
static int coroutines(int argc, char **argv)
{
	size_t bytes = argc ? (size_t)atol(argv[0]) : 32768;
	char *room;

	for (int i = 0; i < 4; i++) {
		getcontext(&contexts[i]);
		/* Below it a page that a deeper stack would fault on. */
		room = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(room, 4096, PROT_NONE);
		contexts[i].uc_stack.ss_sp = room + 4096;
		contexts[i].uc_stack.ss_size = bytes;
		contexts[i].uc_link = &main_context;
		makecontext(&contexts[i], burn_and_switch, 0);
	}
	for (int round = 0; round < 5; round++)
		for (int i = 0; i < 4; i++)
			swapcontext(&main_context, &contexts[i]);
	say("switched\n");
	return 0;
}

static sigjmp_buf alarm_back;

static void alarm_jump(int number)
{
	siglongjmp(alarm_back, number);
}

/* Leaves handlers by longjmp hundreds of times, whatever they interrupted. */
static int jump_storm(int argc, char **argv)
{
	struct itimerspec every = {{0, 300000}, {0, 300000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	volatile int n_jumps = 0;
	timer_t timer;

	(void)argc, (void)argv;
	signal(SIGALRM, alarm_jump);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	if (sigsetjmp(alarm_back, 1))
		n_jumps++;
	timer_settime(timer, 0, &every, NULL);
	while (n_jumps < 500)
		;
	timer_delete(timer);
	signal(SIGALRM, SIG_IGN);
	burn_ms(50);
	say("%s\n", n_jumps >= 500 ? "jumped" : "lost jumps");
	return 0;
}

/* The same out of the calls that we hook. */
static int jump_out_of_hooks(int argc, char **argv)
{
	struct itimerspec every = {{0, 200000}, {0, 200000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	volatile int n_jumps = 0;
	struct sigaction act;
	timer_t timer;
	sigset_t set;

	(void)argc, (void)argv;
	signal(SIGALRM, alarm_jump);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	if (sigsetjmp(alarm_back, 1))
		n_jumps++;
	timer_settime(timer, 0, &every, NULL);
	while (n_jumps < 1500) {
		sigaction(SIGSEGV, NULL, &act);
		sigaction(SIGSEGV, &act, NULL);
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		kill(getpid(), 0);
		sigpending(&set);
	}
	timer_delete(timer);
	signal(SIGALRM, SIG_IGN);
	say_action(SIGSEGV);
	signal(SIGSEGV, jump);
	n_seen = 0;
	if (sigsetjmp(back, 1) == 0)
		*nowhere = 1;
	burn_ms(200);
	say("caught %d\n", (int)n_seen);
	return 0;
}

static const struct hostile_case cases[] = {
	{"repairing", repairing},
	{"jumping", jumping},
	{"overflow_caught", overflow_caught},
	{"overflow", overflow},
	{"bus_handler", bus_handler},
	{"ignoring", ignoring},
	{"sent_faults", sent_faults},
	{"crash", crash},
	{"tiny_alternate", tiny_alternate},
	{"tiny_thread_stacks", tiny_thread_stacks},
	{"coroutines", coroutines},
	{"jump_storm", jump_storm},
	{"jump_out_of_hooks", jump_out_of_hooks},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
