/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends and replacements of the process image, and programs that it starts.
 * These may run in a vfork child, in a signal handler, with the heap's lock
 * held by a dead thread: nothing here allocates.  glibc's inner calls
 * (system, popen) do not come through here, so nothing relies on them.
 */
#include "agent/agent.h"
#include "agent/capture/format.h"
#include "shim/real.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* exec returns only when it failed. */
static int after_exec(int result, char *const envp[])
{
	int saved_errno = errno;

	fp_agent_spawn(envp, -1);
	fp_agent_exec_failed();
	errno = saved_errno;
	return result;
}

static void before_exec(char *const envp[])
{
	fp_agent_spawn(envp, 1);
	fp_agent_exec_begin();
}

FP_HOOK int execve(const char *path, char *const argv[], char *const envp[])
{
	before_exec(envp);
	return after_exec(fp_real(execve)(path, argv, envp), envp);
}

FP_HOOK int execv(const char *path, char *const argv[])
{
	before_exec(environ);
	return after_exec(fp_real(execv)(path, argv), environ);
}

FP_HOOK int execvp(const char *file, char *const argv[])
{
	before_exec(environ);
	return after_exec(fp_real(execvp)(file, argv), environ);
}

FP_HOOK int execvpe(const char *file, char *const argv[], char *const envp[])
{
	before_exec(envp);
	return after_exec(fp_real(execvpe)(file, argv, envp), envp);
}

FP_HOOK int fexecve(int fd, char *const argv[], char *const envp[])
{
	before_exec(envp);
	return after_exec(fp_real(fexecve)(fd, argv, envp), envp);
}

FP_HOOK int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	before_exec(envp);
	return after_exec(fp_real(execveat)(fd, path, argv, envp, flags), envp);
}

/* The list forms: the arguments as an array on the stack, as libc does it. */
#define COUNT_ARGUMENTS(first, n) \
	do { \
		va_list list; \
		va_start(list, first); \
		for ((n) = 1; va_arg(list, char *); (n)++) \
			; \
		va_end(list); \
	} while (0)
#define TAKE_ARGUMENTS(first, argv, n, envp) \
	do { \
		va_list list; \
		(argv)[0] = (char *)(first); \
		va_start(list, first); \
		for (size_t i = 1; i <= (n); i++) \
			(argv)[i] = va_arg(list, char *); \
		(envp) = (envp) ? va_arg(list, char **) : NULL; \
		va_end(list); \
	} while (0)

FP_HOOK int execl(const char *path, const char *arg, ...)
{
	char **argv, **envp = NULL;
	size_t n;

	COUNT_ARGUMENTS(arg, n);
	argv = __builtin_alloca((n + 1) * sizeof(char *));
	TAKE_ARGUMENTS(arg, argv, n, envp);
	return execve(path, argv, environ);
}

FP_HOOK int execlp(const char *file, const char *arg, ...)
{
	char **argv, **envp = NULL;
	size_t n;

	COUNT_ARGUMENTS(arg, n);
	argv = __builtin_alloca((n + 1) * sizeof(char *));
	TAKE_ARGUMENTS(arg, argv, n, envp);
	return execvp(file, argv);
}

FP_HOOK int execle(const char *path, const char *arg, ...)
{
	char **argv, **envp = environ;
	size_t n;

	COUNT_ARGUMENTS(arg, n);
	argv = __builtin_alloca((n + 1) * sizeof(char *));
	TAKE_ARGUMENTS(arg, argv, n, envp);
	return execve(path, argv, envp);
}

static int count_spawn(char *const envp[], int error)
{
	if (!error)
		fp_agent_spawn(envp, 1);
	return error;
}

FP_HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	int error;

	fp_agent_mask_show();
	error = fp_real(posix_spawn)(pid, path, actions, attr, argv, envp);
	fp_agent_mask_hide();
	return count_spawn(envp, error);
}

FP_HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			 const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	int error;

	fp_agent_mask_show();
	error = fp_real(posix_spawnp)(pid, file, actions, attr, argv, envp);
	fp_agent_mask_hide();
	return count_spawn(envp, error);
}

/* The child's exec is libc's inner one: only its mask is seen to here. */
FP_HOOK int system(const char *command)
{
	int status;

	fp_agent_mask_show();
	status = fp_real(system)(command);
	fp_agent_mask_hide();
	return status;
}

FP_HOOK FILE *popen(const char *command, const char *mode)
{
	FILE *pipe;

	fp_agent_mask_show();
	pipe = fp_real(popen)(command, mode);
	fp_agent_mask_hide();
	return pipe;
}

FP_HOOK void _exit(int status)
{
	fp_agent_end(FP_END_UNDERSCORE_EXIT, status);
	fp_real(_exit)(status);
	__builtin_unreachable();
}

FP_HOOK void _Exit(int status)
{
	fp_agent_end(FP_END_UNDERSCORE_EXIT, status);
	fp_real(_Exit)(status);
	__builtin_unreachable();
}

FP_HOOK void quick_exit(int status)
{
	fp_agent_end(FP_END_UNDERSCORE_EXIT, status);
	fp_real(quick_exit)(status);
	__builtin_unreachable();
}

/* prctl and syscall are passed on with every argument that they may have. */
#define TAKE_NUMBERS(first, numbers, n) \
	do { \
		va_list list; \
		va_start(list, first); \
		for (int i = 0; i < (n); i++) \
			(numbers)[i] = va_arg(list, long); \
		va_end(list); \
	} while (0)

FP_HOOK int prctl(int option, ...)
{
	long a[4];

	TAKE_NUMBERS(option, a, 4);
	if (option == PR_SET_SECCOMP)
		fp_agent_filtered();
	return fp_real(prctl)(option, a[0], a[1], a[2], a[3]);
}

FP_HOOK long syscall(long number, ...)
{
	long a[6];

	TAKE_NUMBERS(number, a, 6);
	if (number == SYS_seccomp && a[0] != SECCOMP_GET_ACTION_AVAIL)
		fp_agent_filtered();
	return fp_real(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void before_signal(int number)
{
	if (fp_agent_signal_deadly(number))
		fp_agent_end(FP_END_SIGNAL, number);
}

FP_HOOK void abort(void)
{
	before_signal(SIGABRT);
	fp_real(abort)();
	__builtin_unreachable();
}

FP_HOOK int raise(int number)
{
	before_signal(number);
	return fp_real(raise)(number);
}

FP_HOOK int kill(pid_t pid, int number)
{
	if (number && (pid == getpid() || pid == 0 || pid == -getpgrp()))
		before_signal(number);
	return fp_real(kill)(pid, number);
}

FP_HOOK int killpg(pid_t group, int number)
{
	if (number && (group == 0 || group == getpgrp()))
		before_signal(number);
	return fp_real(killpg)(group, number);
}

FP_HOOK int pthread_kill(pthread_t thread, int number)
{
	if (number && pthread_equal(thread, pthread_self()))
		before_signal(number);
	return fp_real(pthread_kill)(thread, number);
}
