/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, colours and progress of filperf.  Ordinary program, one thread. */
#include "tools/cli/message.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void fp_say(const char *format, ...)
{
	char line[4096] = "filperf: ";
	size_t n = strlen(line);
	va_list ap;

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

static struct {
	bool shown;
	int64_t began_ms, last_ms;
} progress;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fp_progress_show(void *ctx, const char *what, uint64_t done, uint64_t all)
{
	int64_t now = now_ms();

	(void)ctx;
	if (!progress.began_ms)
		progress.began_ms = now;
	if (now - progress.began_ms < 300 || now - progress.last_ms < 100 || !isatty(STDERR_FILENO))
		return;
	progress.last_ms = now;
	progress.shown = true;
	if (all)
		fprintf(stderr, "\r\033[Kfilperf: %s %d %%", what, (int)(100.0 * (double)done / (double)all));
	else
		fprintf(stderr, "\r\033[Kfilperf: %s", what);
	fflush(stderr);
}

void fp_progress_clear(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress.shown = false;
}
