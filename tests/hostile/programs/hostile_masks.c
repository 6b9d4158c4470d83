/* SPDX-License-Identifier: Apache-2.0 */
/* Signal masks, waiting for signals, and system calls that signals interrupt. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* what old programs call */

#include "hostile.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

static const struct timespec soon = {0, 60000000};

static void say_set(const char *what, const sigset_t *set)
{
	char members[66] = "";

	for (int n = 1; n <= 64; n++)
		members[n - 1] = sigismember(set, n) == 1 ? '1' : '.';
	say("%s %s\n", what, members);
}

static void say_mask(const char *what)
{
	sigset_t now;

	sigemptyset(&now);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	say_set(what, &now);
}

static void block_all(sigset_t *all)
{
	sigfillset(all);
	pthread_sigmask(SIG_SETMASK, all, NULL);
}

static int sigwait_all(int argc, char **argv)
{
	sigset_t all, pending;
	siginfo_t info;
	int number = 0;

	(void)argc, (void)argv;
	say_mask("before");
	block_all(&all);
	say_mask("blocked");
	burn_ms(60);
	sigpending(&pending);
	say_set("pending", &pending);
	for (int i = 0; i < 3; i++)
		say("nothing comes: %d errno %d\n", sigtimedwait(&all, &info, &soon), errno);
	kill(getpid(), SIGUSR1);
	say("sigwait %d got %d\n", sigwait(&all, &number), number);
	kill(getpid(), SIGTERM);
	say("sigwaitinfo %d code %d\n", sigwaitinfo(&all, &info), info.si_code);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
	say_mask("unblocked");
	burn_ms(30);
	return 0;
}

/* The older calls. */
static int old_interfaces(int argc, char **argv)
{
	sigset_t all;

	(void)argc, (void)argv;
	block_all(&all);
	burn_ms(20);
	say("setmask %x\n", (unsigned int)sigsetmask(0x0a));
	say_mask("set");
	say("block %x\n", (unsigned int)sigblock(1 << (SIGPROF - 1)));
	say_mask("blocked");
	burn_ms(20);
	say("hold %d release %d\n", sighold(SIGUSR1), sigrelse(SIGPROF));
	say_mask("held");
	say("bad %d errno %d\n", sighold(99), errno);
	say("setmask %x\n", (unsigned int)sigsetmask(0));
	say_mask("none");
	burn_ms(20);
	return 0;
}

static void *burn_a_while(void *unused)
{
	burn_ms(150);
	return unused;
}

/* SIGPROF from outside, to a program whose threads all block everything. */
static int sent_while_all_blocked(int argc, char **argv)
{
	pthread_t threads[3];
	sigset_t all, pending;
	siginfo_t info;

	(void)argc, (void)argv;
	block_all(&all);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, burn_a_while, NULL);
	burn_ms(20);
	if (fork() == 0) {
		kill(getppid(), SIGPROF);
		_exit(0);
	}
	wait(NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	burn_ms(60);
	sigpending(&pending);
	say_set("pending", &pending);
	for (int i = 0; i < 3; i++)
		say("got %d code %d\n", sigtimedwait(&all, &info, &soon), info.si_code);
	raise(SIGPROF);
	say("raised: got %d\n", sigtimedwait(&all, &info, &soon));
	signal(SIGPROF, SIG_DFL);
	kill(getpid(), SIGPROF);
	burn_ms(20);
	say("still there\n");
	sigemptyset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return 1;
}

static int signalfd_all(int argc, char **argv)
{
	struct signalfd_siginfo info;
	sigset_t all;
	long n = 0;
	int fd, n_surprises = 0;

	(void)argc, (void)argv;
	block_all(&all);
	fd = signalfd(-1, &all, SFD_NONBLOCK);
	for (int i = 0; i < 20000; i++)
		n_surprises += read(fd, &info, sizeof(info)) > 0;
	burn_ms(60);
	n_surprises += read(fd, &info, sizeof(info)) > 0;
	say("surprises %d\n", n_surprises);
	kill(getpid(), SIGTERM);
	n = read(fd, &info, sizeof(info));
	say("read %ld signal %u\n", n, n > 0 ? info.ssi_signo : 0);
	return 0;
}

static void on_usr1(int number)
{
	sigset_t pending;

	(void)number;
	say_mask("in handler");
	burn_ms(60);
	sigpending(&pending);
	say_set("pending in handler", &pending);
}

/* A handler with a full sa_mask. */
static int handler_mask(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_usr1}, now;

	(void)argc, (void)argv;
	sigfillset(&act.sa_mask);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR1, NULL, &now);
	say_set("sa_mask", &now.sa_mask);
	burn_ms(30);
	raise(SIGUSR1);
	say_mask("after");
	return 0;
}

static void *say_inherited(void *unused)
{
	(void)unused;
	say_mask("thread");
	burn_ms(40);
	return NULL;
}

static int inherited_by_threads(int argc, char **argv)
{
	pthread_t thread;
	sigset_t all;

	(void)argc, (void)argv;
	block_all(&all);
	pthread_create(&thread, NULL, say_inherited, NULL);
	pthread_join(thread, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGPROF);
	sigaddset(&all, SIGHUP);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_create(&thread, NULL, say_inherited, NULL);
	pthread_join(thread, NULL);
	say_mask("parent");
	return 0;
}

static sigjmp_buf back;

static void jump_back(int number)
{
	siglongjmp(back, number);
}

static int jump_masks(int argc, char **argv)
{
	sigset_t all;

	(void)argc, (void)argv;
	signal(SIGUSR1, jump_back);
	block_all(&all);
	if (sigsetjmp(back, 1) == 0) {
		sigemptyset(&all);
		pthread_sigmask(SIG_SETMASK, &all, NULL);
		burn_ms(30);
		raise(SIGUSR1);
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	say_mask("after the jump");
	burn_ms(30);
	return 0;
}

static void *feed(void *end)
{
	for (int i = 0; i < 40; i++) {
		usleep(20000);
		if (write(*(int *)end, "x", 1) != 1)
			break;
	}
	return NULL;
}

/* Waiting in every way, with bursts of work between, so that the sampling
 * clock runs on while system calls are entered. */
static int no_eintr(int argc, char **argv)
{
	struct timespec nap = {0, 2000000}, deadline;
	struct epoll_event event = {.events = EPOLLIN}, got;
	int ends[2], epoll, n_eintr = 0, n_bytes = 0;
	pthread_t writer;
	fd_set none;
	sem_t never;
	char byte;

	(void)argc, (void)argv;
	if (pipe(ends) < 0)
		return 1;
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
	sem_init(&never, 0, 0);
	pthread_create(&writer, NULL, feed, &ends[1]);
	for (int i = 0; i < 40; i++) {
		struct pollfd one = {.fd = ends[0], .events = POLLOUT};
		struct timeval tv = {0, 2000};

		burn_ms(7);
		n_eintr += poll(&one, 1, 2) < 0 && errno == EINTR;
		n_eintr += epoll_wait(epoll, &got, 1, 2) < 0 && errno == EINTR;
		n_eintr += nanosleep(&nap, NULL) < 0 && errno == EINTR;
		FD_ZERO(&none);
		n_eintr += select(1, &none, NULL, NULL, &tv) < 0 && errno == EINTR;
		clock_gettime(CLOCK_REALTIME, &deadline);
		deadline.tv_nsec = (deadline.tv_nsec + 2000000) % 1000000000;
		n_eintr += sem_timedwait(&never, &deadline) < 0 && errno == EINTR;
		n_bytes += read(ends[0], &byte, 1) == 1;
	}
	pthread_join(writer, NULL);
	say("interrupted %d, read %d\n", n_eintr, n_bytes);
	return 0;
}

static int errno_kept(int argc, char **argv)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + 150000000;
	int n_changed = 0;

	(void)argc, (void)argv;
	errno = 4242;
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		n_changed += errno != 4242;
	say("errno changed %d times\n", n_changed);
	return 0;
}

static const struct hostile_case cases[] = {
	{"sigwait_all", sigwait_all},
	{"sent_while_all_blocked", sent_while_all_blocked},
	{"old_interfaces", old_interfaces},
	{"signalfd_all", signalfd_all},
	{"handler_mask", handler_mask},
	{"inherited_by_threads", inherited_by_threads},
	{"jump_masks", jump_masks},
	{"no_eintr", no_eintr},
	{"errno_kept", errno_kept},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
