/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the run's first process: `filperf report --at-exit RUN` as a
 * child that the host cannot see (no exit signal: not in waitpid(-1), no
 * SIGCHLD), without the preload, the host's descriptors and its signal mask.
 * Ordinary context, or a hook of _exit; the heap of the host is not used,
 * because another thread may hold its lock for ever.
 */
#include "agent/lifecycle.h"

#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/settings/options.h"
#include "agent/settings/run_dir.h"

#include <dlfcn.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_STACK_BYTES (64u << 10)

struct child {
	char tool[FP_PATH_BYTES];
	char *argv[6];
	char **envp;
};

/* Beside the agent (build tree), or where it was installed relative to it. */
static bool find_tool(char *path, size_t n_bytes)
{
	static const char *const places[] = {"filperf", FP_RELATIVE_TOOL};
	const char *given = fp_environment_get(environ, FP_REPORT_TOOL_NAME);
	Dl_info info;
	size_t directory = 0;

	if (given && given[0] == '/') {
		fp_text_copy(path, n_bytes, given);
		return fp_sys_call(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
	}
	if (!dladdr((void *)find_tool, &info) || !info.dli_fname)
		return false;
	for (size_t i = 0; info.dli_fname[i]; i++)
		if (info.dli_fname[i] == '/')
			directory = i + 1;
	for (size_t i = 0; i < FP_COUNT(places); i++) {
		struct fp_writer w = fp_writer_over(path, n_bytes);

		for (size_t c = 0; c < directory; c++)
			fp_writer_char(&w, info.dli_fname[c]);
		fp_writer_text(&w, places[i]);
		if (fp_sys_call(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
			return true;
	}
	return false;
}

static bool without_preload(char **envp)
{
	size_t n = 0, kept = 0;
	bool room;

	while (environ && environ[n])
		n++;
	room = n < 4096;
	for (size_t i = 0; room && i < n; i++)
		if (!fp_text_starts(environ[i], "LD_PRELOAD=") && !fp_text_starts(environ[i], "LD_AUDIT=") &&
		    !fp_text_starts(environ[i], FP_RUN_DIR_NAME "="))
			envp[kept++] = environ[i];
	envp[kept] = NULL;
	return room;
}

/* Shares memory with the host until the exec: only raw system calls. */
static int run_child(void *argument)
{
	struct child *c = argument;
	uint64_t none = 0;
	int null;

	(void)fp_sys_sigmask(SIG_SETMASK, &none, NULL);
	null = fp_sys_open("/dev/null", O_RDWR, 0);
	/* 2 stays: the tool writes there when it cannot render, and else only to a terminal. */
	for (int fd = 0; fd < 2 && null >= 0; fd++)
		(void)fp_sys_call(SYS_dup3, null, fd, 0);
	if (fp_sys_call(SYS_close_range, 3, ~0u, 0) < 0)
		for (int fd = 3; fd < 4096; fd++)
			fp_sys_close(fd);
	(void)fp_sys_call(SYS_execve, c->tool, c->argv, c->envp);
	(void)fp_sys_call(SYS_exit_group, 127);
	return 127;
}

void fp_render_spawn(const struct fp_run_dir *d)
{
	char *room = fp_sys_map_private(CHILD_STACK_BYTES + sizeof(struct child) + 4096 * sizeof(char *));
	struct child *c;
	uint64_t all = ~0ull, before = 0;
	int pid, status = 0;

	if (!room)
		return;
	c = (struct child *)(room + CHILD_STACK_BYTES);
	c->envp = (char **)(c + 1);
	if (!find_tool(c->tool, sizeof(c->tool)) || !without_preload(c->envp)) {
		static const char line[] = "filperf: the program filperf is not beside the agent: run `filperf report` "
					   "where it is installed\n";

		(void)fp_sys_write(2, line, sizeof(line) - 1);
		return;
	}
	c->argv[0] = c->tool;
	c->argv[1] = (char *)"report";
	c->argv[2] = (char *)"--at-exit";
	c->argv[3] = (char *)d->path;
	/* A signal handler of the host must not run on the child's side. */
	(void)fp_sys_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(run_child, room + CHILD_STACK_BYTES - 64, CLONE_VM | CLONE_VFORK, c);
	(void)fp_sys_sigmask(SIG_SETMASK, &before, NULL);
	while (pid > 0 && fp_sys_call(SYS_wait4, pid, &status, __WALL, NULL) == -EINTR)
		;
}
