/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork, exec, wait for `filperf run`.  Ordinary program; between fork and exec
 * the child is single-threaded, so it may use libc.
 */
#include "tools/cli/launch.h"

#include "agent/settings/run_dir.h"
#include "tools/cli/message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t child_pid;

/* What the terminal sends (SI_KERNEL) reaches the whole process group, the
 * command too; what somebody sends to filperf is meant for the command. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	(void)context;
	if (info->si_code != SI_KERNEL && child_pid > 0)
		(void)kill((pid_t)child_pid, number);
	errno = saved_errno;
}

static bool is_left_alone(int number)
{
	switch (number) {
	case SIGKILL:
	case SIGSTOP:
	case SIGCHLD:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGCONT:
	case SIGWINCH:
	case SIGURG:
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	case SIGSYS:
	case SIGPIPE:
		return true;
	default:
		return number == 32 || number == 33; /* glibc's own */
	}
}

static void forward_signals(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = pass_on;
	act.sa_flags = SA_SIGINFO | SA_RESTART;
	sigfillset(&act.sa_mask);
	for (int number = 1; number <= SIGRTMAX; number++)
		if (!is_left_alone(number))
			(void)sigaction(number, &act, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* Whether a list of LD_PRELOAD names path already (a run within a run). */
static bool names(const char *list, const char *path)
{
	size_t n = strlen(path);

	while (*list) {
		size_t m = strcspn(list, ": ");

		if (m == n && strncmp(list, path, n) == 0)
			return true;
		list += m + (list[m] != 0);
	}
	return false;
}

static int set_environment(const struct fp_launch *l)
{
	const char *before = getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "";
	char *preload;
	int r;

	for (int id = 0; id < FP_OPTION_MAX; id++) {
		char name[FP_SPELLED_BYTES];

		fp_option_spell((enum fp_option_id)id, FP_SPELL_ENVIRONMENT, name);
		if (setenv(name, l->settings->of[id].text, 1) < 0)
			return -errno;
		if (fp_option_alias((enum fp_option_id)id))
			unsetenv(fp_option_alias((enum fp_option_id)id));
	}
	/* refused when set, so it must not travel as empty text either */
	unsetenv("FIL_PERF_SPY_PID");
	if ((names(before, l->agent) ? asprintf(&preload, "%s", before)
				     : asprintf(&preload, "%s%s%s", l->agent, *before ? ":" : "", before)) < 0)
		return -ENOMEM;
	r = setenv("LD_PRELOAD", preload, 1) < 0 || setenv(FP_RUN_DIR_NAME, l->run_dir, 1) < 0 ? -errno : 0;
	free(preload);
	return r;
}

static size_t join_arguments(char **argv, char *text, size_t n_bytes)
{
	size_t used = 0;

	for (; *argv; argv++) {
		size_t n = strlen(*argv) + 1;

		if (used + n > n_bytes)
			break;
		memcpy(text + used, *argv, n);
		used += n;
	}
	return used;
}

static int write_settings(const struct fp_launch *l)
{
	static char text[FP_RUN_SETTINGS_BYTES], arguments[4096], cwd[PATH_MAX];
	struct fp_run_facts facts = {.cwd = cwd, .started_s = time(NULL), .launcher = getppid(), .cmdline = arguments};
	long n;

	if (!getcwd(cwd, sizeof(cwd)))
		snprintf(cwd, sizeof(cwd), "/");
	facts.cmdline_bytes = join_arguments(l->argv, arguments, sizeof(arguments));
	n = fp_run_settings_format(l->settings, &facts, text, sizeof(text) - PATH_MAX * 4);
	if (n < 0)
		return (int)n;
	if (l->output_file)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "OUTPUT_FILE=%s\n", l->output_file);
	return fp_run_settings_write(l->run_dir, text, (size_t)n);
}

/* What the child reports through the pipe when it cannot start. */
struct failure {
	int err;
	char what[16];
	char run_dir[PATH_MAX];
};

static int make_run_dir(struct fp_launch *l)
{
	struct fp_run_name name = {.pid = getpid(), .how = FP_RUN_LAUNCHED};
	int r = fp_run_start_ticks(0, &name.start_ticks, NULL);

	if (r == 0)
		r = fp_run_path(l->base, &name, l->run_dir, sizeof(l->run_dir));
	if (r == 0)
		r = fp_run_make(l->run_dir);
	if (r == 0)
		r = write_settings(l);
	return r;
}

static _Noreturn void be_child(struct fp_launch *l, int pipe_fd, const sigset_t *mask, const struct sigaction *chld)
{
	static struct failure f;

	f.err = make_run_dir(l);
	snprintf(f.what, sizeof(f.what), "run directory");
	if (f.err == 0)
		f.err = set_environment(l);
	snprintf(f.run_dir, sizeof(f.run_dir), "%s", l->run_dir);
	if (f.err == 0) {
		/* first the directory's name, then nothing more when exec succeeds */
		if (write(pipe_fd, &f, sizeof(f)) != sizeof(f))
			_exit(127);
		(void)sigaction(SIGCHLD, chld, NULL);
		(void)sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(l->path, l->argv);
		f.err = -errno;
		snprintf(f.what, sizeof(f.what), "exec");
	}
	if (write(pipe_fd, &f, sizeof(f)) != sizeof(f))
		_exit(127);
	_exit(strcmp(f.what, "exec") != 0 ? FP_STATUS_USAGE : f.err == -ENOENT ? 127 : 126);
}

/* A pipeline that reads the command's stdout must see its end at once, not
 * when the reports are written. */
static void let_streams_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static int wait_for_exec(int pipe_fd, struct fp_launch *l)
{
	static struct failure f;
	int err = 0;

	for (;;) {
		ssize_t n = read(pipe_fd, &f, sizeof(f));

		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(f))
			break;
		snprintf(l->run_dir, sizeof(l->run_dir), "%s", f.run_dir);
		err = f.err;
	}
	if (!err)
		return 0;
	if (strcmp(f.what, "exec") == 0)
		fp_say("%s: cannot be started: %s", l->argv[0], strerror(-err));
	else
		fp_say("%s: cannot make the run directory: %s; set TMPDIR to a writable directory with free space",
		       f.run_dir[0] ? f.run_dir : l->base, strerror(-err));
	return err;
}

static int wait_for_end(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* SIGCHLD is blocked, so that its end between two looks is not missed. */
static int wait_ticking(struct fp_launch *l, pid_t pid)
{
	struct timespec now, next;
	sigset_t child;
	int status = 0;

	if (!l->every_s)
		return wait_for_end(pid);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_sec += l->every_s;
	while (waitpid(pid, &status, WNOHANG) != pid) {
		struct timespec rest = {0, 0};

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= next.tv_sec) {
			l->tick(l->run_dir);
			next.tv_sec = now.tv_sec + l->every_s;
		}
		rest.tv_sec = next.tv_sec > now.tv_sec ? next.tv_sec - now.tv_sec : 0;
		(void)sigtimedwait(&child, NULL, &rest);
	}
	return status;
}

int fp_launch_run(struct fp_launch *l, int *ret_wait_status)
{
	struct sigaction chld, dfl = {.sa_handler = SIG_DFL};
	sigset_t all, mask;
	int fds[2], status = 0, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		r = -errno;
		fp_say("%s: cannot be started: %s", l->argv[0], strerror(-r));
		return r;
	}
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &mask);
	/* with SIGCHLD ignored the status would be lost */
	(void)sigaction(SIGCHLD, &dfl, &chld);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		be_child(l, fds[1], &mask, &chld);
	}
	close(fds[1]);
	if (pid < 0) {
		r = -errno;
		close(fds[0]);
		fp_say("%s: cannot be started: fork: %s", l->argv[0], strerror(-r));
		return r;
	}
	child_pid = pid;
	forward_signals();
	sigdelset(&mask, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	r = wait_for_exec(fds[0], l);
	close(fds[0]);
	let_streams_go();
	status = r ? wait_for_end(pid) : wait_ticking(l, pid);
	child_pid = 0;
	*ret_wait_status = status;
	return r;
}

_Noreturn void fp_launch_end_like(int wait_status)
{
	struct rlimit none = {0, 0};
	sigset_t set;
	int number;

	fflush(NULL);
	if (WIFEXITED(wait_status))
		_exit(WEXITSTATUS(wait_status));
	number = WTERMSIG(wait_status);
	/* one core file, the command's, is enough */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)kill(getpid(), number);
	_exit(128 + number);
}
