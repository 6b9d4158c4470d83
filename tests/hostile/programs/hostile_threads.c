/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that are many, short, cancelled, detached, or alive at the end. */
#include "hostile.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <threads.h>

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void *short_work(void *unused)
{
	burn_ms(1);
	return unused;
}

static int many_threads(int argc, char **argv)
{
	int n_made = 0;

	(void)argc, (void)argv;
	for (int i = 0; i < 1000; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, short_work, NULL) == 0) {
			n_made++;
			pthread_join(thread, NULL);
		}
	}
	say("made %d, tasks now %d\n", n_made, count_entries("/proc/self/task") - 2);
	return 0;
}

static void *nap(void *unused)
{
	struct timespec ms = {0, 200000000};

	nanosleep(&ms, NULL);
	burn_ms(1);
	return unused;
}

static void on_signal(int number)
{
	(void)number;
}

/* The user's quota of queued signals stays the program's. */
static int signal_quota(int argc, char **argv)
{
	union sigval value = {.sival_int = 1};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	pthread_t threads[150];
	timer_t timers[20];
	int n_timers = 0, n_queued = 0;
	sigset_t set;

	(void)argc, (void)argv;
	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 20);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 150; i++)
		pthread_create(&threads[i], NULL, nap, NULL);
	for (int i = 0; i < 20; i++)
		n_timers += timer_create(CLOCK_MONOTONIC, &event, &timers[i]) == 0;
	for (int i = 0; i < 5; i++)
		n_queued += sigqueue(getpid(), SIGRTMIN + 20, value) == 0;
	for (int i = 0; i < 150; i++)
		pthread_join(threads[i], NULL);
	say("timers %d queued %d\n", n_timers, n_queued);
	return 0;
}

static void *cancelled_work(void *how)
{
	pthread_setcanceltype(how ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, NULL);
	for (;;) {
		for (volatile int i = 0; i < 100000; i++)
			;
		pthread_testcancel();
	}
	return NULL;
}

static int cancellation(int argc, char **argv)
{
	int n_cancelled = 0;

	(void)argc, (void)argv;
	for (int i = 0; i < 40; i++) {
		pthread_t thread;
		void *result = NULL;

		pthread_create(&thread, NULL, cancelled_work, i % 2 ? &n_cancelled : NULL);
		usleep(5000);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		n_cancelled += result == PTHREAD_CANCELED;
	}
	say("cancelled %d\n", n_cancelled);
	return 0;
}

static pthread_key_t keys[8];
static int n_destroyed;

static void destroy(void *value)
{
	char *fresh = malloc(100);

	memset(fresh, 1, 100);
	free(fresh);
	free(value);
	burn_ms(2);
	raise(SIGUSR1);
	(void)__atomic_fetch_add(&n_destroyed, 1, __ATOMIC_RELAXED);
	if (n_destroyed % 3 == 0)
		pthread_setspecific(keys[n_destroyed % 8], malloc(10));
}

static void *use_keys(void *unused)
{
	for (int i = 0; i < 8; i++)
		pthread_setspecific(keys[i], malloc(50));
	burn_ms(2);
	return unused;
}

static int key_destructors(int argc, char **argv)
{
	pthread_t threads[8];

	(void)argc, (void)argv;
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 8; i++)
		say("key %d\n", pthread_key_create(&keys[i], destroy));
	for (int i = 0; i < 8; i++) {
		pthread_create(&threads[i], NULL, use_keys, NULL);
		pthread_join(threads[i], NULL);
	}
	say("destroyed %d\n", n_destroyed);
	return 0;
}

/* All keys that a process may have are still there for the program, but one. */
static int all_keys(int argc, char **argv)
{
	pthread_key_t key;
	int n = 0;

	(void)argc, (void)argv;
	while (n < 2000 && pthread_key_create(&key, NULL) == 0)
		n++;
	say("%s\n", n >= PTHREAD_KEYS_MAX - 8 ? "nearly all keys" : "keys are missing");
	return 0;
}

static int n_burning;

static void *burn_on(void *unused)
{
	__atomic_fetch_add(&n_burning, 1, __ATOMIC_RELEASE);
	for (;;)
		burn_ms(10);
	return unused;
}

static int alive_at_exit(int argc, char **argv)
{
	pthread_t thread;

	for (int i = 0; i < 6; i++) {
		pthread_create(&thread, NULL, burn_on, NULL);
		pthread_detach(thread);
	}
	while (__atomic_load_n(&n_burning, __ATOMIC_ACQUIRE) < 6) /* each runs */
		usleep(1000);
	burn_ms(30);
	if (argc && argv[0][0] == '_')
		_exit(3);
	return 4;
}

static void *outlive(void *unused)
{
	usleep(50000);
	burn_ms(50);
	say("the last thread\n");
	return unused;
}

static int main_leaves_first(int argc, char **argv)
{
	pthread_t thread;

	(void)argc, (void)argv;
	pthread_create(&thread, NULL, outlive, NULL);
	burn_ms(20);
	pthread_exit(NULL);
}

static int c11_work(void *argument)
{
	burn_ms(20);
	return *(int *)argument - 1000;
}

static int c11_threads(int argc, char **argv)
{
	int wanted = 958, result = 0;
	thrd_t thread;

	(void)argc, (void)argv;
	say("create %d\n", thrd_create(&thread, c11_work, &wanted));
	thrd_join(thread, &result);
	say("result %d\n", result);
	return 0;
}

/* Nothing of ours shows: tasks, descriptors, names. */
static int nothing_shows(int argc, char **argv)
{
	char name[32] = "";
	DIR *d;

	(void)argc, (void)argv;
	burn_ms(60);
	say("tasks %d\n", count_entries("/proc/self/task") - 2);
	d = opendir("/proc/self/fd");
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			say("descriptor %s\n", e->d_name);
	closedir(d);
	say("next descriptor %d\n", open("/dev/null", O_RDONLY));
	pthread_getname_np(pthread_self(), name, sizeof(name));
	say("name %s\n", name);
	return 0;
}

static void fork_error(void)
{
}

static int atfork_handlers(int argc, char **argv)
{
	pid_t pid;

	(void)argc, (void)argv;
	pthread_atfork(fork_error, fork_error, fork_error);
	pid = fork();
	if (pid == 0) {
		pthread_t thread;

		pthread_create(&thread, NULL, short_work, NULL);
		pthread_join(thread, NULL);
		burn_ms(30);
		exit(5);
	}
	wait_for("child", pid);
	return 0;
}

static void *load_again(void *name)
{
	for (int i = 0; i < 150; i++) {
		void *library = dlopen(name, i % 2 ? RTLD_NOW : RTLD_LAZY);

		if (!library) {
			say("%s\n", dlerror());
			break;
		}
		if (!dlsym(library, "hostile_answer"))
			say("no symbol\n");
		dlclose(library);
	}
	return NULL;
}

static int dlopen_storm(int argc, char **argv)
{
	pthread_t threads[3], busy;

	(void)argc;
	pthread_create(&busy, NULL, burn_on, NULL);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, load_again, argv[i % argc]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	say("loaded\n");
	return 0;
}

static const struct hostile_case cases[] = {
	{"many_threads", many_threads},
	{"signal_quota", signal_quota},
	{"cancellation", cancellation},
	{"key_destructors", key_destructors},
	{"all_keys", all_keys},
	{"alive_at_exit", alive_at_exit},
	{"main_leaves_first", main_leaves_first},
	{"c11_threads", c11_threads},
	{"nothing_shows", nothing_shows},
	{"atfork_handlers", atfork_handlers},
	{"dlopen_storm", dlopen_storm},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
