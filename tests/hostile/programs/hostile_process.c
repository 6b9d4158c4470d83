/* SPDX-License-Identifier: Apache-2.0 */
/* fork, vfork, clone, exec and spawn in every form, and what crosses them. */
#include "hostile.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

extern char **environ;

static char *const true_argv[] = {(char *)"true", NULL};
static char *const no_argv[] = {(char *)"not-there", NULL};

/* What a program inherited, asked of libc: /proc shows the kernel's mask, in
 * which an agent that samples this image keeps one signal free. */
static int inherited(int argc, char **argv)
{
	char blocked[66] = "", ignored[66] = "", pending[66] = "";
	sigset_t mask, waiting;

	(void)argc, (void)argv;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigpending(&waiting);
	for (int n = 1; n <= 64; n++) {
		struct sigaction now = {.sa_handler = SIG_DFL};

		if (n != 32 && n != 33)
			sigaction(n, NULL, &now);
		blocked[n - 1] = sigismember(&mask, n) == 1 ? '1' : '.';
		ignored[n - 1] = now.sa_handler == SIG_IGN ? '1' : '.';
		pending[n - 1] = sigismember(&waiting, n) == 1 ? '1' : '.';
	}
	say("blocked %s\nignored %s\npending %s\n", blocked, ignored, pending);
	return 0;
}

static void exec_self(const char *test)
{
	execl("/proc/self/exe", "program", test, (char *)NULL);
	say("exec failed %d\n", errno);
}

static int ignored_across_exec(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGPROF, SIG_IGN);
	signal(SIGSEGV, SIG_IGN);
	signal(SIGBUS, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	burn_ms(20);
	exec_self("ignored_again");
	return 1;
}

/* Second image: inherited, looked at, handed on. */
static int ignored_again(int argc, char **argv)
{
	struct sigaction now;

	(void)argc, (void)argv;
	burn_ms(20);
	for (int n = SIGBUS; n <= SIGPROF; n += SIGPROF - SIGBUS) {
		sigaction(n, NULL, &now);
		say("%d ignored %d\n", n, now.sa_handler == SIG_IGN);
	}
	sigaction(SIGSEGV, NULL, &now);
	say("11 ignored %d\n", now.sa_handler == SIG_IGN);
	raise(SIGSEGV);
	raise(SIGPROF);
	exec_self("inherited");
	return 1;
}

static void block(int how, bool all)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	sigaddset(&set, SIGHUP);
	if (all)
		sigfillset(&set);
	sigprocmask(how, &set, NULL);
}

static int blocked_across_exec(int argc, char **argv)
{
	bool all = argc > 0 && strcmp(argv[0], "all") == 0;

	block(SIG_BLOCK, all);
	burn_ms(40);
	execl("/not/there", "x", (char *)NULL);
	say("failed exec %d\n", errno);
	burn_ms(40);
	exec_self("inherited");
	return 1;
}

/* Children with the agent tell what libc says, those without it the kernel's word. */
static int blocked_across_spawn(int argc, char **argv)
{
	char *with[] = {(char *)"program", (char *)"inherited", NULL}, *none[] = {NULL};
	char *without[] = {(char *)"grep", (char *)"-E", (char *)"^(SigBlk|SigPnd|ShdPnd)", (char *)"/proc/self/status", NULL};
	bool bare = argc > 0;
	char **child = bare ? without : with, **envp = bare ? none : environ;
	const char *path = bare ? "/bin/grep" : "/proc/self/exe";
	pid_t pid;

	(void)argv;
	block(SIG_BLOCK, true);
	burn_ms(30);
	if (posix_spawn(&pid, path, NULL, NULL, child, envp) != 0)
		return 1;
	wait_for("spawned", pid);
	say_wait("system", system("env -i grep -E '^(SigBlk|SigPnd|ShdPnd)' /proc/self/status"));
	pid = vfork();
	if (pid == 0) {
		execve(path, child, envp);
		_exit(127);
	}
	wait_for("vforked", pid);
	pid = fork();
	if (pid == 0) {
		execve(path, child, envp);
		_exit(127);
	}
	wait_for("forked", pid);
	return 0;
}

static int pending_across_exec(int argc, char **argv)
{
	(void)argc, (void)argv;
	block(SIG_BLOCK, false);
	raise(SIGPROF);
	burn_ms(60);
	exec_self("inherited");
	return 1;
}

/* A host's pending and unblocked SIGPROF kills the next image. */
static int killed_after_exec(int argc, char **argv)
{
	if (argc > 0 && argv[0][0] == '2') {
		block(SIG_UNBLOCK, false);
		return 0;
	}
	block(SIG_BLOCK, false);
	raise(SIGPROF);
	burn_ms(40);
	execl("/proc/self/exe", "program", "killed_after_exec", "2", (char *)NULL);
	return 1;
}

/* exec on and on, each time by another function, work before each. */
static int exec_chain(int argc, char **argv)
{
	static const char *const step[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8"};
	int n = argc ? atoi(argv[0]) : 0, fd;
	char *next[] = {(char *)"program", (char *)"exec_chain", (char *)step[n < 8 ? n + 1 : 8], NULL};

	burn_ms(15);
	say("step %d\n", n);
	switch (n) {
	case 0:
		execv("/proc/self/exe", next);
		break;
	case 1:
		execve("/proc/self/exe", next, environ);
		break;
	case 2:
		execvp("/proc/self/exe", next);
		break;
	case 3:
		execl("/proc/self/exe", "program", "exec_chain", "4", (char *)NULL);
		break;
	case 4:
		execle("/proc/self/exe", "program", "exec_chain", "5", (char *)NULL, environ);
		break;
	case 5:
		fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		fexecve(fd, next, environ);
		break;
	case 6:
		execveat(AT_FDCWD, "/proc/self/exe", next, environ, 0);
		break;
	case 7:
		execlp("/proc/self/exe", "program", "exec_chain", "8", (char *)NULL);
		break;
	default:
		execvpe("true", true_argv, environ);
	}
	say("exec failed %d\n", errno);
	return 1;
}

static int failing_execs(int argc, char **argv)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)argc, (void)argv;
	for (int i = 0; i < 50; i++) {
		int errors[7];

		errors[0] = execv("/not/there", no_argv) < 0 ? errno : 0;
		errors[1] = execvp("not-there-at-all", no_argv) < 0 ? errno : 0;
		errors[2] = execve("/dev/null", no_argv, environ) < 0 ? errno : 0;
		errors[3] = fexecve(fd, no_argv, environ) < 0 ? errno : 0;
		errors[4] = execl("/", "x", (char *)NULL) < 0 ? errno : 0;
		errors[5] = execveat(-1, "x", no_argv, environ, 0) < 0 ? errno : 0;
		errors[6] = execvpe("", no_argv, environ) < 0 ? errno : 0;
		if (i == 0)
			for (int k = 0; k < 7; k++)
				say("%d ", errors[k]);
		burn_ms(2);
	}
	say("\n");
	return 0;
}

static void *exec_in_thread(void *unused)
{
	burn_ms(30);
	exec_self("inherited");
	return unused;
}

static void *burn_for_ever(void *unused)
{
	for (;;)
		burn_ms(10);
	return unused;
}

static int exec_from_thread(int argc, char **argv)
{
	pthread_t thread;

	(void)argc, (void)argv;
	pthread_create(&thread, NULL, burn_for_ever, NULL);
	pthread_create(&thread, NULL, exec_in_thread, NULL);
	burn_for_ever(NULL);
	return 1;
}

static int many_forks(int argc, char **argv)
{
	int n_right = 0;

	(void)argc, (void)argv;
	for (int i = 0; i < 200; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			burn_ms(1);
			if (i % 2)
				exit(i % 100);
			_exit(i % 100);
		}
		n_right += waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == i % 100;
	}
	say("right %d\n", n_right);
	return 0;
}

static void *fork_and_wait(void *unused)
{
	for (int i = 0; i < 5; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t thread;

			burn_ms(5);
			pthread_create(&thread, NULL, burn_for_ever, NULL);
			_exit(i);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != i)
			say("wrong status %x\n", (unsigned int)status);
		burn_ms(3);
	}
	return unused;
}

static int forks_in_threads(int argc, char **argv)
{
	pthread_t threads[6];

	(void)argc, (void)argv;
	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, fork_and_wait, NULL);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	say("done\n");
	return 0;
}

static int vforks(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (volatile int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			if (i % 2)
				execv("/bin/true", true_argv);
			else
				execv("/not/there", no_argv);
			_exit(127);
		}
		burn_ms(3);
		wait_for("vfork", pid);
	}
	return 0;
}

static int run_in_child(void *argument)
{
	burn_ms(30);
	return *(int *)argument;
}

/* Children that no pthread_atfork handler sees. */
static int raw_children(int argc, char **argv)
{
	static char stack[65536];
	int answer = 5;
	pid_t pid;

	(void)argc, (void)argv;
	burn_ms(30);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		burn_ms(60);
		signal(SIGPROF, SIG_IGN);
		signal(SIGSEGV, SIG_DFL);
		_exit(3);
	}
	wait_for("raw clone", pid);
	pid = _Fork();
	if (pid == 0) {
		burn_ms(60);
		_exit(4);
	}
	wait_for("_Fork", pid);
	wait_for("clone", clone(run_in_child, stack + sizeof(stack) - 64, SIGCHLD, &answer));
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		execv("/bin/true", true_argv);
		_exit(127);
	}
	wait_for("fork and exec", pid);
	burn_ms(30);
	return 0;
}

static int starters(int argc, char **argv)
{
	char line[64] = "";
	pid_t pid;
	FILE *pipe;

	(void)argc, (void)argv;
	say_wait("system", system("exit 3"));
	say_wait("system killed", system("kill -9 $$"));
	pipe = popen("echo hello; exit 4", "r");
	say("popen said %s", fgets(line, sizeof(line), pipe));
	say_wait("popen", pclose(pipe));
	say("posix_spawn %d\n", posix_spawn(&pid, "/bin/true", NULL, NULL, true_argv, environ));
	wait_for("posix_spawn", pid);
	say("posix_spawnp %d\n", posix_spawnp(&pid, "true", NULL, NULL, true_argv, environ));
	wait_for("posix_spawnp", pid);
	say("failing posix_spawn %d\n", posix_spawn(&pid, "/not/there", NULL, NULL, no_argv, environ));
	return 0;
}

/* A child seen by waitpid(-1), SIGCHLD and RUSAGE_CHILDREN: only its own. */
static volatile sig_atomic_t n_children_signals;

static void on_child(int number)
{
	(void)number;
	n_children_signals++;
}

static int waits(int argc, char **argv)
{
	struct rusage usage;
	int status;

	(void)argc, (void)argv;
	signal(SIGCHLD, on_child);
	say("no child yet: %d errno %d\n", (int)waitpid(-1, &status, 0), errno);
	if (fork() == 0)
		_exit(7);
	while (n_children_signals == 0)
		burn_ms(1);
	waitpid(-1, &status, 0);
	say_wait("child", status);
	say("no more: %d errno %d, signals %d\n", (int)waitpid(-1, &status, __WALL), errno, (int)n_children_signals);
	getrusage(RUSAGE_CHILDREN, &usage);
	say("children's cpu %s\n", usage.ru_utime.tv_sec == 0 ? "small" : "large");
	return 0;
}

/* Children that the kernel reaps by itself. */
static int ignoring_children(int argc, char **argv)
{
	int status;

	(void)argc, (void)argv;
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 5; i++)
		if (fork() == 0)
			_exit(i);
	say("wait %d errno %d\n", (int)wait(&status), errno);
	say_wait("system", system("exit 3"));
	return 0;
}

static volatile sig_atomic_t n_forked, n_wrong;

static void fork_now(int number)
{
	int status = 0;
	pid_t pid;

	(void)number;
	pid = fork();
	if (pid == 0)
		_exit(7);
	n_forked++;
	n_wrong += waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7;
}

/* fork() from a handler that interrupts the program in calls that we hook. */
static int forks_in_handler(int argc, char **argv)
{
	struct itimerspec every = {{0, 2000000}, {0, 2000000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct sigaction act;
	timer_t timer;
	sigset_t set;

	(void)argc, (void)argv;
	signal(SIGALRM, fork_now);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &every, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (n_forked < 60) {
		sigaction(SIGSEGV, NULL, &act);
		sigprocmask(SIG_BLOCK, &set, NULL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		kill(getpid(), 0);
	}
	timer_delete(timer);
	say("wrong %d\n", (int)n_wrong);
	return 0;
}

static int no_processes(int argc, char **argv)
{
	struct rlimit none = {0, 0};
	pid_t pid;

	(void)argc, (void)argv;
	setrlimit(RLIMIT_NPROC, &none);
	pid = fork();
	say("fork %d errno %d\n", (int)pid, errno);
	say_wait("system", system("exit 3"));
	burn_ms(40);
	return 0;
}

static int daemon_outlives(int argc, char **argv)
{
	(void)argc, (void)argv;
	burn_ms(20);
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			int fd;

			burn_ms(300);
			fd = open("daemon-was-here", O_WRONLY | O_CREAT, 0600);
			_exit(fd < 0);
		}
		_exit(0);
	}
	wait(NULL);
	return 0;
}

/* daemon(3): the first process ends by _exit, its child goes on. */
static int daemon_function(int argc, char **argv)
{
	int fd;

	(void)argc, (void)argv;
	burn_ms(20);
	if (daemon(1, 0) < 0)
		return 1;
	burn_ms(200);
	fd = open("daemon-was-here", O_WRONLY | O_CREAT, 0600);
	return fd < 0;
}

static int exits(int argc, char **argv)
{
	(void)argc;
	burn_ms(20);
	switch (argv[0][0]) {
	case '_':
		_exit(41);
	case 'E':
		_Exit(42);
	case 'q':
		quick_exit(43);
	case 'g':
		syscall(SYS_exit_group, 44);
		break;
	case 'e':
		exit(300);
	case 'p':
		pthread_exit(NULL);
	}
	return 255;
}

static const struct hostile_case cases[] = {
	{"inherited", inherited},
	{"ignored_across_exec", ignored_across_exec},
	{"ignored_again", ignored_again},
	{"blocked_across_exec", blocked_across_exec},
	{"blocked_across_spawn", blocked_across_spawn},
	{"pending_across_exec", pending_across_exec},
	{"killed_after_exec", killed_after_exec},
	{"exec_chain", exec_chain},
	{"failing_execs", failing_execs},
	{"exec_from_thread", exec_from_thread},
	{"many_forks", many_forks},
	{"forks_in_threads", forks_in_threads},
	{"vforks", vforks},
	{"raw_children", raw_children},
	{"starters", starters},
	{"waits", waits},
	{"ignoring_children", ignoring_children},
	{"forks_in_handler", forks_in_handler},
	{"no_processes", no_processes},
	{"daemon_outlives", daemon_outlives},
	{"daemon_function", daemon_function},
	{"exits", exits},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
