/* SPDX-License-Identifier: Apache-2.0 */
/* Keys without line end and echo, by termios.  Ordinary program, one thread. */
#include "tools/cli/keys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool begun;
static volatile sig_atomic_t continued;

static void note_continue(int number)
{
	(void)number;
	continued = 1;
}

static bool set_terminal(void)
{
	struct termios t = before;

	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

bool fp_keys_begin(void)
{
	struct sigaction act = {.sa_handler = note_continue};

	/* a job in the background would be stopped by tcsetattr */
	if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	begun = set_terminal();
	if (begun)
		(void)sigaction(SIGCONT, &act, NULL);
	return begun;
}

void fp_keys_end(void)
{
	if (begun && tcgetpgrp(STDIN_FILENO) == getpgrp())
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	begun = false;
}

/* What a terminal sends for keys that are no characters. */
static int named_key(const char *bytes, ssize_t n)
{
	static const struct {
		const char *text;
		enum fp_key key;
	} sequences[] = {
		{"[A", FP_KEY_UP},	 {"OA", FP_KEY_UP},   {"[B", FP_KEY_DOWN}, {"OB", FP_KEY_DOWN},
		{"[5~", FP_KEY_PAGE_UP}, {"[H", FP_KEY_HOME}, {"OH", FP_KEY_HOME}, {"[1~", FP_KEY_HOME},
		{"[6~", FP_KEY_PAGE_DOWN}, {"[F", FP_KEY_END}, {"OF", FP_KEY_END}, {"[4~", FP_KEY_END},
	};

	for (unsigned int i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if ((size_t)n == strlen(sequences[i].text) && memcmp(bytes, sequences[i].text, (size_t)n) == 0)
			return sequences[i].key;
	return FP_KEY_NONE;
}

/* One key of what was typed; a sequence comes in one piece. */
static int read_key(void)
{
	char bytes[8];
	struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};
	ssize_t n = read(STDIN_FILENO, bytes, 1);

	if (n == 0) /* the terminal is gone */
		return 'q';
	if (n < 0)
		return errno == EINTR ? FP_KEY_NONE : 'q';
	if (bytes[0] != '\033')
		return (unsigned char)bytes[0];
	for (n = 0; n < (ssize_t)sizeof(bytes) && poll(&more, 1, 20) == 1 && read(STDIN_FILENO, &bytes[n], 1) == 1;) {
		char c = bytes[n++];

		if (n > 1 && (c == '~' || (c >= 'A' && c <= 'Z')))
			break;
	}
	return named_key(bytes, n);
}

int fp_keys_wait(int milliseconds)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	if (continued) {
		continued = 0;
		(void)set_terminal();
	}
	return poll(&in, 1, milliseconds) == 1 ? read_key() : FP_KEY_NONE;
}
