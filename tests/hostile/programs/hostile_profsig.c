/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that use SIGPROF and ITIMER_PROF themselves. */
#include "hostile.h"

#include <pthread.h>
#include <sys/time.h>

static volatile sig_atomic_t n_seen;

static void count(int number)
{
	(void)number;
	n_seen++;
}

static void say_action(const char *what, int number)
{
	struct sigaction now;

	sigaction(number, NULL, &now);
	say("%s: handler %s, flags %x\n", what,
	    now.sa_handler == SIG_DFL ? "default" : now.sa_handler == SIG_IGN ? "ignored" : now.sa_handler == count ? "mine" : "foreign",
	    (unsigned int)now.sa_flags & ~0x04000000u);
}

static void *send_to_itself(void *unused)
{
	(void)unused;
	for (int i = 0; i < 5; i++)
		pthread_kill(pthread_self(), SIGPROF);
	burn_ms(50);
	return NULL;
}

static void *send_to_nobody(void *unused)
{
	burn_ms(2);
	return unused;
}

static int handler(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = count, .sa_flags = SA_RESTART};
	pthread_t thread;

	(void)argc, (void)argv;
	burn_ms(50);
	say_action("before", SIGPROF);
	sigaction(SIGPROF, &act, NULL);
	say_action("set", SIGPROF);
	for (int i = 0; i < 5; i++)
		raise(SIGPROF);
	pthread_create(&thread, NULL, send_to_itself, NULL);
	pthread_join(thread, NULL);
	burn_ms(100);
	say("seen %d\n", (int)n_seen);
	signal(SIGPROF, SIG_DFL);
	say_action("after", SIGPROF);
	burn_ms(50);
	return 0;
}

static int itimer(int argc, char **argv)
{
	struct itimerval every = {{0, 10000}, {0, 10000}}, none = {{0, 0}, {0, 0}}, now;

	(void)argc, (void)argv;
	burn_ms(30);
	signal(SIGPROF, count);
	setitimer(ITIMER_PROF, &every, NULL);
	burn_ms(400);
	getitimer(ITIMER_PROF, &now);
	setitimer(ITIMER_PROF, &none, NULL);
	say("interval %ld, %s\n", (long)now.it_interval.tv_usec,
	    n_seen >= 15 && n_seen <= 60 ? "as many as asked" : "not as many as asked");
	n_seen = 0;
	burn_ms(50);
	say("after disarming %d\n", (int)n_seen);
	return 0;
}

/* The timer's signal ends a program that has no handler. */
static int itimer_default(int argc, char **argv)
{
	struct itimerval every = {{0, 10000}, {0, 10000}};

	(void)argc, (void)argv;
	setitimer(ITIMER_PROF, &every, NULL);
	burn_ms(2000);
	return 1;
}

static int raise_default(int argc, char **argv)
{
	(void)argc, (void)argv;
	burn_ms(30);
	raise(SIGPROF);
	return 1;
}

static int kill_from_child(int argc, char **argv)
{
	(void)argc, (void)argv;
	if (fork() == 0) {
		kill(getppid(), SIGPROF);
		_exit(0);
	}
	burn_ms(5000);
	return 1;
}

static int ignored(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGPROF, SIG_IGN);
	raise(SIGPROF);
	burn_ms(60);
	say_action("ignored", SIGPROF);
	return 0;
}

static int blocked_and_pending(int argc, char **argv)
{
	struct timespec soon = {0, 50000000};
	sigset_t set, pending;
	siginfo_t info;

	(void)argc, (void)argv;
	burn_ms(30);
	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGPROF);
	burn_ms(60);
	sigpending(&pending);
	say("pending %d\n", sigismember(&pending, SIGPROF));
	say("wait %d code %d\n", sigtimedwait(&set, &info, &soon), info.si_code);
	burn_ms(60);
	say("wait again %d\n", sigtimedwait(&set, &info, &soon));
	return 0;
}

static int own_timer(int argc, char **argv)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
	struct itimerspec every = {{0, 10000000}, {0, 10000000}};
	timer_t timer;

	(void)argc, (void)argv;
	signal(SIGPROF, count);
	say("create %d\n", timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
	timer_settime(timer, 0, &every, NULL);
	burn_ms(400);
	timer_delete(timer);
	say("%s\n", n_seen >= 15 && n_seen <= 60 ? "as many as asked" : "not as many as asked");
	return 0;
}

/* Handlers for everything, as crash reporters do. */
static int every_signal(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = count};
	int n_set = 0, n_mine = 0;

	(void)argc, (void)argv;
	burn_ms(30);
	for (int n = 1; n <= SIGRTMAX; n++)
		n_set += sigaction(n, &act, NULL) == 0;
	for (int n = 1; n <= SIGRTMAX; n++) {
		struct sigaction now = {.sa_handler = NULL};

		n_mine += sigaction(n, NULL, &now) == 0 && now.sa_handler == count;
	}
	burn_ms(100);
	say("set %d, mine %d, seen %d\n", n_set, n_mine, (int)n_seen);
	for (int n = SIGRTMIN; n <= SIGRTMAX; n++)
		raise(n);
	say("seen %d\n", (int)n_seen);
	return 0;
}

static void *burn_for_a_while(void *unused)
{
	burn_ms(250);
	return unused;
}

static void *make_short_threads(void *unused)
{
	for (int i = 0; i < 60; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, send_to_nobody, NULL) == 0)
			pthread_join(thread, NULL);
	}
	return unused;
}

/* One signal after another is taken while threads work, come and go. */
static int taken_one_by_one(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = count, .sa_flags = SA_RESTART};
	pthread_t threads[4];

	(void)argc, (void)argv;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i < 2 ? burn_for_a_while : make_short_threads, NULL);
	burn_ms(20);
	sigaction(SIGPROF, &act, NULL);
	for (int n = SIGRTMAX; n > SIGRTMIN + 4; n--) {
		burn_ms(3);
		sigaction(n, &act, NULL);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	say("seen %d\n", (int)n_seen);
	return 0;
}

static const struct hostile_case cases[] = {
	{"handler", handler},
	{"itimer", itimer},
	{"itimer_default", itimer_default},
	{"raise_default", raise_default},
	{"kill_from_child", kill_from_child},
	{"ignored", ignored},
	{"blocked_and_pending", blocked_and_pending},
	{"own_timer", own_timer},
	{"every_signal", every_signal},
	{"taken_one_by_one", taken_one_by_one},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
