/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages, colours and progress of filperf.  Ordinary program; threads that
 * write reports may say how far they are.
 */
#include "tools/cli/message.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

static bool is_silent;

void fp_say_nothing(bool silent)
{
	is_silent = silent;
}

void fp_say(const char *format, ...)
{
	char line[4096] = "filperf: ";
	size_t n = strlen(line);
	va_list ap;

	if (is_silent)
		return;
	va_start(ap, format);
	vsnprintf(line + n, sizeof(line) - n - 1, format, ap);
	va_end(ap);
	for (unsigned char *c = (unsigned char *)line; *c; c++)
		if (*c < ' ' || *c == 127)
			*c = '?';
	n = strlen(line);
	line[n++] = '\n';
	fp_progress_clear();
	fflush(stdout);
	/* nobody is left to tell when stderr itself fails */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

bool fp_may_colour(FILE *stream)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(stream)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

unsigned int fp_terminal_columns(FILE *stream)
{
	struct winsize size;

	if (!isatty(fileno(stream)))
		return 0;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

/* A line appears when work takes long, whatever it is doing by then: the alarm
 * shows what was said last. */
static struct {
	char texts[2][160];
	volatile sig_atomic_t current, shown;
	bool running;
	pthread_mutex_t lock;     /* of all but the alarm */
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void show_progress(int number)
{
	const char *text = progress.texts[progress.current];
	int saved_errno = errno;

	(void)number;
	if (write(STDERR_FILENO, text, strlen(text)) > 0)
		progress.shown = 1;
	errno = saved_errno;
}

static void set_alarm(int first_ms, int every_ms)
{
	struct itimerval when = {{0, every_ms * 1000}, {0, first_ms * 1000}};

	(void)setitimer(ITIMER_REAL, &when, NULL);
}

/* With the lock. */
static void say_progress(const char *what, uint64_t done, uint64_t all)
{
	struct sigaction act = {.sa_handler = show_progress, .sa_flags = SA_RESTART};
	int next = !progress.current;

	if (all)
		snprintf(progress.texts[next], sizeof(progress.texts[next]), "\r\033[Kfilperf: %.60s %d %%", what,
			 (int)(100.0 * (double)done / (double)all));
	else
		snprintf(progress.texts[next], sizeof(progress.texts[next]), "\r\033[Kfilperf: %.60s", what);
	progress.current = next;
	if (progress.running)
		return;
	progress.running = true;
	(void)sigaction(SIGALRM, &act, NULL);
	set_alarm(300, 200);
}

void fp_progress_show(void *ctx, const char *what, uint64_t done, uint64_t all)
{
	(void)ctx;
	pthread_mutex_lock(&progress.lock);
	if (progress.running || isatty(STDERR_FILENO))
		say_progress(what, done, all);
	pthread_mutex_unlock(&progress.lock);
}

void fp_progress_clear(void)
{
	pthread_mutex_lock(&progress.lock);
	if (progress.running)
		set_alarm(0, 0);
	progress.running = false;
	/* nobody looks any more when that fails */
	if (!progress.shown || write(STDERR_FILENO, "\r\033[K", 4) == 4)
		progress.shown = 0;
	pthread_mutex_unlock(&progress.lock);
}
