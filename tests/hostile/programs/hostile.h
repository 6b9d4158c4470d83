/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hostile programs share.  A program holds several cases and runs
 * the one named by its first argument; it prints what it sees of the world,
 * never a pid, a time or an address, so that two runs print the same.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct hostile_case {
	const char *name;
	int (*run)(int argc, char **argv);
};

/* Unbuffered: what was said before a crash stays said. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
	char line[512];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	if (n > 0 && write(1, line, (size_t)n) != n)
		_exit(99);
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* CPU time of the calling thread. */
static inline void burn_ms(unsigned int ms)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000ull;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static inline void say_wait(const char *what, int status)
{
	if (WIFEXITED(status))
		say("%s: exit %d\n", what, WEXITSTATUS(status));
	else
		say("%s: signal %d core %d\n", what, WTERMSIG(status), WCOREDUMP(status) != 0);
}

static inline void wait_for(const char *what, pid_t pid)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, 0);

	if (got != pid)
		say("%s: waitpid failed, errno %d\n", what, errno);
	else
		say_wait(what, status);
}

static inline int hostile_run(const struct hostile_case *cases, int argc, char **argv)
{
	for (; argc > 1 && cases->name; cases++)
		if (strcmp(cases->name, argv[1]) == 0)
			return cases->run(argc - 2, argv + 2);
	fprintf(stderr, "no such case\n");
	return 98;
}

#define HOSTILE_MAIN(cases) \
	int main(int argc, char **argv) \
	{ \
		return hostile_run(cases, argc, argv); \
	}

#endif
