/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the host, files taken away, filters on system calls. */
#include "hostile.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/uio.h>

extern char **environ;

static void limit(int what, rlim_t bytes)
{
	struct rlimit wanted = {bytes, bytes};

	if (setrlimit(what, &wanted) < 0)
		say("setrlimit failed %d\n", errno);
}

/* Sets a limit, then runs the rest of the arguments under it. */
static int under(int argc, char **argv)
{
	static const struct {
		const char *name;
		int what;
	} limits[] = {{"fsize", RLIMIT_FSIZE}, {"as", RLIMIT_AS},	  {"sigpending", RLIMIT_SIGPENDING},
		      {"stack", RLIMIT_STACK}, {"nofile", RLIMIT_NOFILE}, {"data", RLIMIT_DATA},
		      {"memlock", RLIMIT_MEMLOCK}, {"nproc", RLIMIT_NPROC}};

	(void)argc;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(limits[i].name, argv[0]) == 0)
			limit(limits[i].what, strcmp(argv[1], "unlimited") ? (rlim_t)atoll(argv[1]) : RLIM_INFINITY);
	execvp(argv[2], argv + 2);
	say("exec failed %d\n", errno);
	return 1;
}

/* Much work on many different stacks, so that the capture grows. */
__attribute__((noinline)) static unsigned int many_stacks(unsigned int seed, int depth)
{
	if (depth == 0) {
		for (volatile int i = 0; i < 3000; i++)
			;
		return seed;
	}
	return many_stacks(seed * 1103515245u + 12345u, depth - 1 - (int)(seed % 3 == 0 && depth > 1)) + 1;
}

static void work_ms(unsigned int ms)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000ull;

	for (unsigned int i = 0; clock_ns(CLOCK_THREAD_CPUTIME_ID) < end; i++)
		(void)many_stacks(i, 10 + (int)(i % 40));
}

static int working(int argc, char **argv)
{
	work_ms(argc ? (unsigned int)atoi(argv[0]) : 200);
	say("worked\n");
	return 0;
}

static int lowered_fsize(int argc, char **argv)
{
	(void)argc, (void)argv;
	work_ms(30);
	limit(RLIMIT_FSIZE, 4096);
	work_ms(300);
	say("worked\n");
	return 0;
}

static int memory_left(int argc, char **argv)
{
	void *room;

	(void)argc, (void)argv;
	room = mmap(NULL, 500u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	say("500 MB of 1000: %s\n", room == MAP_FAILED ? "refused" : "there");
	work_ms(60);
	return 0;
}

static int no_descriptors(int argc, char **argv)
{
	int n = 0, status;
	pid_t pid;

	(void)argc, (void)argv;
	limit(RLIMIT_NOFILE, 40);
	while (dup(0) >= 0)
		n++;
	say("errno %d after %d\n", errno, n);
	work_ms(60);
	pid = fork();
	if (pid == 0) {
		work_ms(30);
		_exit(6);
	}
	waitpid(pid, &status, 0);
	say_wait("child", status);
	say_wait("system", system("exit 2"));
	return 0;
}

static int all_closed(int argc, char **argv)
{
	pid_t pid;
	int fd;

	(void)argc, (void)argv;
	work_ms(30);
	if (close_range(3, ~0u, 0) < 0)
		return 1;
	closefrom(3);
	for (int i = 3; i < 1024; i++)
		close(i);
	work_ms(60);
	fd = open("mine", O_RDWR | O_CREAT, 0600);
	say("descriptor %d\n", fd);
	pid = fork();
	if (pid == 0) {
		work_ms(30);
		if (write(fd, "child\n", 6) != 6)
			_exit(1);
		exit(0);
	}
	wait_for("child", pid);
	if (write(fd, "parent\n", 7) != 7)
		return 1;
	return 0;
}

/* Descriptors 0 to 2 are free: what the program opens lands there. */
static int standard_closed(int argc, char **argv)
{
	int a, b, c;

	(void)argc, (void)argv;
	a = open("zero", O_RDWR | O_CREAT, 0600);
	b = open("one", O_RDWR | O_CREAT, 0600);
	c = open("two", O_RDWR | O_CREAT, 0600);
	work_ms(60);
	dprintf(a, "got %d %d %d\n", a, b, c);
	dprintf(2, "to stderr\n");
	say("to stdout\n");
	return 0;
}

static int elsewhere(int argc, char **argv)
{
	pid_t pid;

	(void)argc, (void)argv;
	if (chdir("/") < 0)
		return 1;
	work_ms(40);
	pid = fork();
	if (pid == 0) {
		work_ms(40);
		exit(0);
	}
	wait_for("child", pid);
	return 0;
}

static int new_root(int argc, char **argv)
{
	pid_t pid;

	(void)argc;
	if (mkdir("jail", 0700) < 0 || chroot("jail") < 0 || chdir("/") < 0) {
		say("chroot %d\n", errno);
		return 1;
	}
	work_ms(40);
	pid = fork();
	if (pid == 0) {
		work_ms(40);
		execv("/bin/true", argv);
		exit(9);
	}
	wait_for("child", pid);
	return 0;
}

/* Runs a function on every capture of this run: the bad neighbour. */
static int each_capture(int (*change)(const char *path))
{
	const char *run = getenv("FIL_PERF_RUN_DIR");
	DIR *d = run ? opendir(run) : NULL;
	char path[600];
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (strstr(e->d_name, ".fpc")) {
			snprintf(path, sizeof(path), "%s/%s", run, e->d_name);
			n += change(path) == 0;
		}
	if (d)
		closedir(d);
	return n;
}

static int cut_to_nothing(const char *path)
{
	return truncate(path, 0);
}

static int cut_to_header(const char *path)
{
	return truncate(path, 16384);
}

static int captures_cut(int argc, char **argv)
{
	pid_t pid;

	(void)argc;
	work_ms(40);
	(void)each_capture(argv[0][0] == 'n' ? cut_to_nothing : cut_to_header);
	work_ms(100);
	pid = fork();
	if (pid == 0) {
		work_ms(40);
		exit(8);
	}
	wait_for("child", pid);
	say_wait("system", system("exit 2"));
	work_ms(40);
	return 0;
}

static int captures_removed(int argc, char **argv)
{
	const char *run = getenv("FIL_PERF_RUN_DIR");
	pid_t pid;

	(void)argc, (void)argv;
	work_ms(40);
	(void)each_capture(unlink);
	if (run) {
		char command[700];

		snprintf(command, sizeof(command), "rm -rf '%s'", run);
		if (system(command) != 0)
			return 1;
	} else if (system("true") != 0) {
		return 1;
	}
	work_ms(40);
	pid = fork();
	if (pid == 0) {
		work_ms(40);
		exit(8);
	}
	wait_for("child", pid);
	say_wait("system", system("exit 2"));
	return 0;
}

/* Fills the file system that TMPDIR is on, then works. */
static int disk_filled(int argc, char **argv)
{
	char path[300], block[4096] = "";
	int fd;

	(void)argc, (void)argv;
	snprintf(path, sizeof(path), "%s/filler", getenv("TMPDIR"));
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	say("errno %d\n", errno);
	work_ms(300);
	if (fork() == 0) {
		work_ms(40);
		exit(0);
	}
	wait(NULL);
	unlink(path);
	return 0;
}

#define REFUSE(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static int filtered(int argc, char **argv)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_timer_create),
		REFUSE(SYS_timer_settime),
		REFUSE(SYS_perf_event_open),
		REFUSE(SYS_process_vm_readv),
		REFUSE(SYS_madvise),
		REFUSE(SYS_fallocate),
		REFUSE(SYS_prctl),
		REFUSE(SYS_getrusage),
		REFUSE(SYS_readlinkat),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
	pid_t pid;

	work_ms(30);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		say("seccomp %d\n", errno);
		return 1;
	}
	work_ms(100);
	pid = fork();
	if (pid == 0) {
		work_ms(40);
		if (argc)
			execvp(argv[0], argv);
		exit(8);
	}
	wait_for("child", pid);
	return 0;
}

/* Only read, write and leaving are left. */
static int strict(int argc, char **argv)
{
	(void)argc, (void)argv;
	work_ms(20);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
		return 1;
	if (write(1, "strict\n", 7) != 7)
		return 1;
	syscall(SYS_exit, 0);
	return 0;
}

static int print_environment(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (char **e = environ; *e; e++)
		say("%s\n", *e);
	return 0;
}

static int cleared_environment(int argc, char **argv)
{
	char *child[] = {(char *)"env", NULL}, *none[] = {NULL};
	pid_t pid;

	(void)argc, (void)argv;
	work_ms(20);
	pid = fork();
	if (pid == 0) {
		execve("/usr/bin/env", child, none);
		_exit(127);
	}
	wait_for("child", pid);
	clearenv();
	pid = fork();
	if (pid == 0) {
		execv("/usr/bin/env", child);
		_exit(127);
	}
	wait_for("child", pid);
	setenv("ONLY", "this", 1);
	say_wait("system", system("/usr/bin/env | /bin/grep -v -e ^PWD= -e ^_= -e ^OLDPWD= -e ^SHLVL="));
	return 0;
}

static const struct hostile_case cases[] = {
	{"under", under},
	{"working", working},
	{"lowered_fsize", lowered_fsize},
	{"memory_left", memory_left},
	{"no_descriptors", no_descriptors},
	{"all_closed", all_closed},
	{"standard_closed", standard_closed},
	{"elsewhere", elsewhere},
	{"new_root", new_root},
	{"captures_cut", captures_cut},
	{"captures_removed", captures_removed},
	{"disk_filled", disk_filled},
	{"filtered", filtered},
	{"strict", strict},
	{"print_environment", print_environment},
	{"cleared_environment", cleared_environment},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
