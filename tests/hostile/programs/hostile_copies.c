/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies where nobody expects them: in IFUNC resolvers and constructors (of
 * hostile_early_lib), signal handlers, vfork and raw children, tiny stacks,
 * ending threads; overlapping, empty, huge, too large for their room.
 */
#include "hostile.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

void *__memcpy_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);
void *__memmove_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);
void *__mempcpy_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);

/* Called through these, so that the compiler sees no copy. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile copy_to_end)(void *, const void *, size_t) = mempcpy;
static void *(*volatile copy_checked)(void *, const void *, size_t, size_t) = __memcpy_chk;
static void *(*volatile move_checked)(void *, const void *, size_t, size_t) = __memmove_chk;
static void *(*volatile copy_to_end_checked)(void *, const void *, size_t, size_t) = __mempcpy_chk;

#define BLOCK (1u << 20)
static char from[BLOCK], to[BLOCK];

static unsigned sum_of(const char *bytes, size_t n)
{
	unsigned sum = 5381;

	for (size_t i = 0; i < n; i++)
		sum = sum * 33 + (unsigned char)bytes[i];
	return sum;
}

static void fill(char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 31 + i / 251);
}

extern unsigned hostile_early_sums[4];
extern int hostile_chosen(void);

/* The first word of the thread's control block points to itself; a hook that
 * counted before its object was relocated would count there. */
static bool control_block_whole(void)
{
#if defined(__x86_64__)
	void *first;

	__asm__("mov %%fs:0, %0" : "=r"(first));
	return first == (void *)pthread_self();
#else
	return true;
#endif
}

static int early(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (int i = 0; i < 4; i++)
		say("%u\n", hostile_early_sums[i]);
	say("chosen %d, control block %d\n", hostile_chosen(), control_block_whole());
	return 0;
}

static volatile sig_atomic_t n_signals;
static char from_handler[4001], to_handler[4001];
#define SIGNALS 400

static void copy_in_handler(int number)
{
	(void)number;
	if (n_signals < SIGNALS) {
		copy(to_handler, from_handler, sizeof(to_handler));
		n_signals++;
	}
}

/* 100,000 of 10,007 bytes and SIGNALS of 4,001. */
static int signals(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = copy_in_handler, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 200}, {0, 200}};

	(void)argc, (void)argv;
	fill(from, BLOCK);
	fill(from_handler, sizeof(from_handler));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 100000; i++)
		move(to, from, 10007);
	while (n_signals < SIGNALS)
		;
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	say("%u %u\n", sum_of(to, 10007), sum_of(to_handler, sizeof(to_handler)));
	return 0;
}

/* The parent copies 60 blocks, and 30 more in its memory by vfork; a child of
 * fork 30; a raw child, which nobody records, 30. */
static int children(int argc, char **argv)
{
	pid_t pid;

	(void)argc, (void)argv;
	fill(from, BLOCK);
	for (int i = 0; i < 60; i++)
		copy(to, from, BLOCK);
	pid = vfork();
	if (pid == 0) {
		for (int i = 0; i < 30; i++)
			copy(to, from + i, BLOCK - 30);
		_exit(3);
	}
	wait_for("vfork", pid);
	say("in its memory %u\n", sum_of(to, BLOCK));
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 30; i++)
			copy_to_end(to, from, BLOCK);
		exit(4);
	}
	wait_for("fork", pid);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		for (int i = 0; i < 30; i++)
			copy(to, from, BLOCK);
		_exit(5);
	}
	wait_for("raw", pid);
	return 0;
}

static int before_exec(int argc, char **argv)
{
	(void)argc, (void)argv;
	fill(from, BLOCK);
	for (int i = 0; i < 64; i++)
		copy(to, from, BLOCK);
	execl("/proc/self/exe", "hostile_copies", "empty", NULL);
	return 1;
}

#if defined(__x86_64__)
void *old_memcpy(void *to, const void *from, size_t n_bytes);
__asm__(".symver old_memcpy, memcpy@GLIBC_2.2.5");
#else
#define old_memcpy memmove
#endif

/* As a binary from before glibc 2.14 was allowed to. */
static int old_overlaps(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (size_t n = 1; n < 70000; n += n / 2 + 1)
		for (size_t shift = 1; shift < 300; shift += 37) {
			fill(to, 80000);
			old_memcpy(to + shift, to, n);
			fill(from, 80000);
			old_memcpy(from, from + shift, n);
			say("%zu %zu %u %u\n", n, shift, sum_of(to, 80000), sum_of(from, 80000));
		}
	return 0;
}

static int empty(int argc, char **argv)
{
	void *none = argc < 0 ? argv : NULL;

	for (int i = 0; i < 100000; i++)
		if (copy(none, none, 0) || move(none, none, 0) || copy_to_end(none, none, 0) || copy(to, none, 0) != to)
			return 1;
	say("empty copies done\n");
	return 0;
}

/* More than 4 GiB in one call, onto one small file mapped again and again. */
static int huge(int argc, char **argv)
{
	size_t part = 64u << 20, n = (size_t)5 << 30;
	int fd = memfd_create("hostile", 0);
	char *large = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)argc, (void)argv;
	if (fd < 0 || ftruncate(fd, (off_t)part) < 0 || large == MAP_FAILED)
		return 1;
	for (size_t at = 0; at < n; at += part)
		if (mmap(large + at, part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			return 1;
	large[123] = 7;
	say("%d\n", copy(large, large, n) == large && move(large, large, n) == large && large[123] == 7);
	return 0;
}

static int overflow(int argc, char **argv)
{
	char room[16];

	say("%d\n", copy_to_end_checked(room, from, 16, 16) == room + 16 && copy_checked(room, from, 8, 16) == room &&
			    move_checked(room, from, 0, 0) == room);
	switch (argc ? argv[0][0] : 0) {
	case 'c':
		copy_checked(room, from, 17, sizeof(room));
		break;
	case 'm':
		move_checked(room, from, 17, sizeof(room));
		break;
	default:
		copy_to_end_checked(room, from, 17, sizeof(room));
	}
	say("not stopped\n");
	return 0;
}

static pthread_key_t key;

static void copy_at_end(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++)
		copy(to, from, BLOCK);
}

static void *copy_a_lot(void *set_key)
{
	if (set_key)
		pthread_setspecific(key, set_key);
	for (int i = 0; i < 40; i++)
		copy(to, from, BLOCK);
	return NULL;
}

static void on_small_stack(int number)
{
	(void)number;
	for (int i = 0; i < 40; i++)
		copy(to, from, BLOCK);
}

/* A thread with 16 KiB of stack, one whose destructors copy, and a handler on
 * an alternate stack of 1 KiB beside the signal's frame. */
static int small_stacks(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_small_stack, .sa_flags = SA_ONSTACK};
	size_t least = (size_t)sysconf(_SC_MINSIGSTKSZ) + 1024;
	stack_t alternate = {.ss_sp = malloc(least), .ss_size = least};
	pthread_attr_t attr;
	pthread_t thread;

	(void)argc, (void)argv;
	fill(from, BLOCK);
	pthread_key_create(&key, copy_at_end);
	pthread_attr_init(&attr);
	say("%d\n", pthread_attr_setstacksize(&attr, 16384));
	for (int i = 0; i < 20; i++) {
		say("%d ", pthread_create(&thread, i % 2 ? &attr : NULL, copy_a_lot, i % 3 ? &key : NULL));
		say("%d\n", pthread_join(thread, NULL));
	}
	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	free(alternate.ss_sp);
	say("%u\n", sum_of(to, BLOCK));
	return 0;
}

static void copy_at_exit(void)
{
	copy_at_end(NULL);
	say("copied at exit %u\n", sum_of(to, BLOCK));
}

static int at_exit(int argc, char **argv)
{
	(void)argc, (void)argv;
	fill(from, BLOCK);
	atexit(copy_at_exit);
	return 0;
}

static int forever(int argc, char **argv)
{
	(void)argv;
	while (argc >= 0)
		copy(to, from, BLOCK);
	return 0;
}

static volatile int n_ready;

static void *copy_and_stay(void *leave)
{
	for (int i = 0; i < 50; i++)
		copy(to, from, leave ? 10 : BLOCK / 2);
	__atomic_fetch_add(&n_ready, 1, __ATOMIC_SEQ_CST);
	/* Past every hook and destructor: nobody hears of this end. */
	if (leave)
		syscall(SYS_exit, 0);
	for (;;)
		pause();
	return NULL;
}

/* Four threads live at the end; four more were gone, and their stacks are given back. */
static int threads_at_end(int argc, char **argv)
{
	pthread_t thread;

	(void)argc, (void)argv;
	for (int i = 0; i < 8; i++) {
		pthread_create(&thread, NULL, copy_and_stay, i % 2 ? &key : NULL);
		if (i % 2)
			pthread_join(thread, NULL);
	}
	while (n_ready < 8)
		sched_yield();
	say("copied\n");
	return 0;
}

static const struct hostile_case cases[] = {
	{"early", early},
	{"signals", signals},
	{"children", children},
	{"before_exec", before_exec},
	{"old_overlaps", old_overlaps},
	{"empty", empty},
	{"huge", huge},
	{"overflow", overflow},
	{"small_stacks", small_stacks},
	{"at_exit", at_exit},
	{"threads_at_end", threads_at_end},
	{"forever", forever},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
