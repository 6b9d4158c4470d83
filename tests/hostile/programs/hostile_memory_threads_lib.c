/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads, signals and forks that meet an allocator, called from a Python
 * program (memory_calls.py).
 */
#include "hostile.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define KEPT_BYTES ((size_t)64 << 20)

int hostile_memory(int argc, char **argv);

static volatile int stop;

static void churn(int n)
{
	for (int i = 0; i < n; i++) {
		char *block = malloc((size_t)(i % 700) + 1);

		block = realloc(block, (size_t)(i % 900) + 1);
		block[0] = 1;
		free(block);
	}
}

static void *churn_until_stopped(void *unused)
{
	while (!stop)
		churn(100);
	return unused;
}

static void storm(long period_us, void (*on_alarm)(int))
{
	struct itimerval often = {{0, period_us}, {0, period_us}};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void keep(void)
{
	char *kept = malloc(KEPT_BYTES);

	kept[0] = 1;
	say("kept %d\n", kept != NULL);
}

/* libc's malloc is not for handlers: but blocks of one size that its thread's
 * cache holds are, when the program beneath uses other sizes. */
enum { OF_HANDLER = 1000, OF_LOOP = 24 };
static volatile int n_alarms;

static void allocate_in_handler(int number)
{
	int error = errno;
	char *block = malloc(OF_HANDLER);
	void *mapped = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)number;
	free(block);
	munmap(mapped, 8192);
	n_alarms++;
	errno = error;
}

static void fill_cache(size_t n_bytes)
{
	void *volatile blocks[6];

	for (int i = 0; i < 6; i++)
		blocks[i] = malloc(n_bytes);
	for (int i = 0; i < 6; i++)
		free(blocks[i]);
}

/* above: on an alternate stack that lies in the thread's own, over what the handler interrupts. */
static int in_handlers(int argc, char **argv)
{
	static const char above[] = "above";
	char room[64 << 10];
	stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
	struct sigaction action;

	fill_cache(OF_HANDLER);
	fill_cache(OF_LOOP);
	storm(200, allocate_in_handler);
	if (argc > 0 && strcmp(argv[0], above) == 0) {
		sigaltstack(&stack, NULL);
		sigaction(SIGALRM, NULL, &action);
		action.sa_flags |= SA_ONSTACK;
		sigaction(SIGALRM, &action, NULL);
	}
	while (n_alarms < 1000) {
		void *volatile block = malloc(OF_LOOP);

		free(block);
		block = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(block, 4096);
	}
	storm(0, SIG_IGN);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	keep();
	return 0;
}

static sigjmp_buf back;

static void jump(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

static int n_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Each jump has a size of its own, as libc's cache may have lost one. */
static int jumps(int argc, char **argv)
{
	volatile int n_jumps = 0;
	struct itimerval never = {{0, 0}, {0, 0}}, once = {{0, 0}, {0, 700}};
	struct sigaction action = {.sa_handler = jump};

	(void)argc, (void)argv;
	sigaction(SIGALRM, &action, NULL);
	for (size_t n = 24; n < 1000; n += 16)
		fill_cache(n);
	while (n_jumps < 60) {
		size_t n_bytes = 24 + (size_t)n_jumps * 16;

		if (sigsetjmp(back, 1)) {
			n_jumps++;
			continue;
		}
		once.it_value.tv_usec = 500 + n_jumps * 7;
		setitimer(ITIMER_REAL, &once, NULL);
		for (;;) {
			void *volatile block = malloc(n_bytes);

			free(block);
		}
	}
	setitimer(ITIMER_REAL, &never, NULL);
	say("jumps %d, descriptors %d, mapped %d\n", n_jumps, n_descriptors(),
	    mmap(NULL, KEPT_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	_exit(0); /* libc's cache is not what it was */
}

/* How a thread leaves the allocator: a jump, its end as threads know it, as the kernel does. */
enum { BY_JUMP, BY_EXIT, BY_KERNEL, WAYS };
static __thread int way;
static __thread sigjmp_buf thread_back;

static void leave(int number)
{
	(void)number;
	if (way == BY_JUMP)
		siglongjmp(thread_back, 1);
	if (way == BY_EXIT)
		pthread_exit(NULL);
	syscall(SYS_exit, 0);
}

static void *leave_allocator(void *how)
{
	way = (int)(intptr_t)how;
	fill_cache(OF_LOOP);
	if (sigsetjmp(thread_back, 1)) {
		usleep(2000); /* the others wait for what this one holds */
		free(malloc(OF_HANDLER));
		return NULL;
	}
	__atomic_fetch_add(&n_alarms, 1, __ATOMIC_RELEASE);
	for (;;) {
		void *volatile block = malloc(OF_LOOP);

		free(block);
	}
}

static int left_threads(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = leave};
	int n = 0;

	(void)argc, (void)argv;
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 30 * WAYS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, leave_allocator, (void *)(intptr_t)(i % WAYS)))
			continue;
		while (__atomic_load_n(&n_alarms, __ATOMIC_ACQUIRE) <= i)
			usleep(100);
		usleep(300);
		pthread_kill(thread, SIGUSR1);
		churn(20);
		n += pthread_join(thread, NULL) == 0;
	}
	say("threads %d\n", n);
	keep();
	return 0;
}

static pthread_key_t key;

static void destroy(void *value)
{
	churn(50);
	free(value);
	if (__atomic_fetch_add(&n_alarms, 1, __ATOMIC_RELAXED) % 3)
		pthread_setspecific(key, malloc(10));
}

static void *short_thread(void *unused)
{
	pthread_setspecific(key, malloc(20));
	churn(20);
	return unused;
}

static int short_threads(int argc, char **argv)
{
	int n = 0;

	(void)argc, (void)argv;
	pthread_key_create(&key, destroy);
	for (int i = 0; i < 250; i++) {
		pthread_t threads[4];

		for (int k = 0; k < 4; k++)
			n += pthread_create(&threads[k], NULL, short_thread, NULL) == 0;
		for (int k = 0; k < 4; k++)
			pthread_join(threads[k], NULL);
	}
	say("threads %d\n", n);
	keep();
	return 0;
}

static void *end_inside(void *how)
{
	for (int i = 0;; i++) {
		churn(10);
		if (how && i == 20)
			pthread_exit(malloc(30));
		pthread_testcancel();
	}
	return NULL;
}

static int ended_threads(int argc, char **argv)
{
	int n_exits = 0, n_cancelled = 0;

	(void)argc, (void)argv;
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		void *result;

		pthread_create(&thread, NULL, end_inside, i % 2 ? &n_exits : NULL);
		if (i % 2 == 0)
			pthread_cancel(thread);
		pthread_join(thread, &result);
		if (result == PTHREAD_CANCELED)
			n_cancelled++;
		else
			free(result), n_exits++;
	}
	say("exits %d, cancelled %d\n", n_exits, n_cancelled);
	keep();
	return 0;
}

static void at_fork(void)
{
	churn(30);
}

static int child_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static int forks(int argc, char **argv)
{
	pthread_t threads[3];
	int n_good = 0;

	(void)argc, (void)argv;
	pthread_atfork(at_fork, at_fork, at_fork);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, churn_until_stopped, NULL);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			alarm(10);
			churn(100);
			_exit(3);
		}
		n_good += child_of(pid) == 3 << 8;
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	say("good children %d\n", n_good);
	keep();
	return 0;
}

/* A vfork child allocates on its parent's heap; a raw clone and _Fork tell no handler. */
static int odd_children(int argc, char **argv)
{
	volatile int n_good = 0;
	void *volatile of_child = NULL;

	(void)argc, (void)argv;
	for (volatile int i = 0; i < 30; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			of_child = malloc(300);
			free(malloc(77));
			execl(i % 2 ? "/bin/true" : "/nowhere/true", "true", NULL);
			_exit(0);
		}
		n_good = n_good + (child_of(pid) == 0);
		free(of_child);
	}
	for (int i = 0; i < 30; i++) {
		pid_t pid = i % 2 ? _Fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (pid == 0) {
			churn(1000);
			_exit(0);
		}
		n_good = n_good + (child_of(pid) == 0);
	}
	say("good children %d\n", n_good);
	keep();
	return 0;
}

static const struct hostile_case cases[] = {
	{"in_handlers", in_handlers}, {"jumps", jumps}, {"left_threads", left_threads},
	{"short_threads", short_threads}, {"ended_threads", ended_threads},
	{"forks", forks}, {"odd_children", odd_children}, {NULL, NULL},
};

int hostile_memory(int argc, char **argv)
{
	return hostile_run(cases, argc, argv);
}
