/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of a run that goes on.  Only reads captures, so the run pays
 * nothing.  Ordinary program, one thread.
 */
#include "tools/cli/live_top.h"

#include "tools/cli/input.h"
#include "tools/cli/keys.h"
#include "tools/cli/message.h"
#include "tools/cli/runs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LEAST_ROWS 3
#define AROUND_ROWS 6 /* heads, the line of what is left, the cursor's */

struct view {
	const struct fp_cli *cli;
	const char *path;
	struct fp_top_options o;
	struct fp_profile *p, *base;
	uint32_t n_rows;
	bool screen, keys, paused, quit;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void repaint(int number)
{
	(void)number; /* the wait for a key ends */
}

static void catch_signals(void)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction act = {.sa_handler = stop};

	for (unsigned int i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)sigaction(ending[i], &act, NULL);
	act.sa_handler = repaint;
	(void)sigaction(SIGWINCH, &act, NULL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether a run directory still has a process that writes. */
static bool goes_on(const char *path)
{
	struct fp_run_capture *captures = NULL;
	bool any = false;
	size_t n = 0;

	if (fp_run_captures(path, &captures, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		any = any || captures[i].alive;
	free(captures);
	return any;
}

static void drop(struct view *v)
{
	if (v->base)
		fp_profile_destroy(v->base);
	if (v->p)
		fp_profile_destroy(v->p);
	v->p = v->base = NULL;
}

static int read_again(struct view *v)
{
	int status;

	drop(v);
	status = fp_input_read(v->cli, v->path, false, &v->p);
	if (status == 0)
		status = fp_input_read_base(v->cli, &v->base);
	fp_progress_clear();
	return status;
}

static void put_keys(const struct view *v, FILE *out)
{
	static const char *const orders[] = {
		[FP_ORDER_SELF] = "self", [FP_ORDER_TOTAL] = "total", [FP_ORDER_NAME] = "name"};
	char line[128];

	snprintf(line, sizeof(line), "q quit  s sort (%s)  l %s  p %s  arrows f b scroll", orders[v->o.order],
		 v->o.by == FP_TABLE_LINE ? "functions" : "lines", v->paused ? "go on (paused)" : "pause");
	fprintf(out, "%s%.*s%s", v->o.colour ? "\033[2m" : "", v->o.columns ? (int)v->o.columns - 1 : 127, line,
		v->o.colour ? "\033[0m" : "");
}

/* Each line over the old one, the rest of it and of the screen cleared: no flicker. */
static void put_screen(const char *text, size_t n_bytes)
{
	fputs("\033[H", stdout);
	for (size_t i = 0; i < n_bytes; i++) {
		if (text[i] == '\n')
			fputs("\033[K", stdout);
		putchar(text[i]);
	}
	fputs("\033[K\033[J", stdout);
}

static void fit_screen(struct view *v)
{
	struct winsize size;
	unsigned int rows = 24;

	v->o.columns = fp_terminal_columns(stdout);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row)
		rows = size.ws_row;
	if (!v->cli->flags[FP_FLAG_LIMIT])
		v->o.limit = rows > AROUND_ROWS + LEAST_ROWS ? rows - AROUND_ROWS : LEAST_ROWS;
}

static int paint(struct view *v)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&text, &n_bytes);
	int err = out ? 0 : -ENOMEM;

	if (v->screen)
		fit_screen(v);
	v->o.base = v->base;
	if (!err)
		err = fp_top_render(v->p, &v->o, out, &v->n_rows);
	if (!err && v->keys)
		put_keys(v, out);
	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	if (!err && v->screen)
		put_screen(text, n_bytes);
	else if (!err)
		fwrite(text, 1, n_bytes, stdout);
	free(text);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -EIO;
	if (err)
		fp_say("top: %s", strerror(-err));
	return err ? FP_STATUS_FAILED : 0;
}

/* From row first on, as far as there are rows. */
static void scroll(struct view *v, int64_t first)
{
	int64_t last = v->o.limit && v->n_rows > v->o.limit ? (int64_t)v->n_rows - v->o.limit : 0;

	v->o.first = (uint32_t)(first < 0 ? 0 : first > last ? last : first);
}

static void press(struct view *v, int key)
{
	int64_t page = v->o.limit > 1 ? v->o.limit - 1 : 1;

	switch (key) {
	case 'q':
	case 'Q':
		v->quit = true;
		break;
	case 's':
		v->o.order = v->o.order == FP_ORDER_SELF ? FP_ORDER_TOTAL :
			     v->o.order == FP_ORDER_TOTAL ? FP_ORDER_NAME : FP_ORDER_SELF;
		break;
	case 'l':
		v->o.by = v->o.by == FP_TABLE_LINE ? FP_TABLE_FUNCTION : FP_TABLE_LINE;
		v->o.first = 0;
		break;
	case 'p':
		v->paused = !v->paused;
		break;
	case FP_KEY_UP:
	case FP_KEY_DOWN:
		scroll(v, (int64_t)v->o.first + (key == FP_KEY_DOWN ? 1 : -1));
		break;
	case 'f':
	case ' ':
	case FP_KEY_PAGE_DOWN:
		scroll(v, v->o.first + page);
		break;
	case 'b':
	case FP_KEY_PAGE_UP:
		scroll(v, v->o.first - page);
		break;
	case FP_KEY_HOME:
	case FP_KEY_END:
		scroll(v, key == FP_KEY_HOME ? 0 : INT64_MAX);
		break;
	}
}

/* Until it is time to read again; keys act at once. */
static int wait_and_press(struct view *v, int64_t due_ms)
{
	int status = 0;

	while (status == 0 && !stopped && !v->quit) {
		int64_t left_ms = v->paused ? 3600000 : due_ms - now_ms();

		if (left_ms <= 0)
			break;
		if (!v->keys) {
			struct timespec t = {left_ms / 1000, left_ms % 1000 * 1000000};

			(void)nanosleep(&t, NULL);
			continue;
		}
		press(v, fp_keys_wait((int)left_ms));
		if (!stopped && !v->quit)
			status = paint(v);
	}
	return status;
}

int fp_live_top(const struct fp_cli *cli, const char *path, const struct fp_top_options *o, double every_s)
{
	struct view v = {.cli = cli, .path = path, .o = *o, .screen = isatty(STDOUT_FILENO) == 1};
	int status = 0;

	catch_signals();
	v.keys = v.screen && fp_keys_begin();
	if (v.screen)
		fputs("\033[H\033[2J", stdout);
	while (status == 0 && !stopped && !v.quit) {
		int64_t due_ms = now_ms() + (int64_t)(every_s * 1000);
		bool more = goes_on(path);

		status = read_again(&v);
		if (status == 0)
			status = paint(&v);
		if (status == 0 && more)
			status = wait_and_press(&v, due_ms);
		/* the run may have ended and been reported meanwhile */
		if (!more || access(path, F_OK) < 0)
			break;
	}
	fp_keys_end();
	if (v.keys)
		putchar('\n');
	drop(&v);
	return status;
}
