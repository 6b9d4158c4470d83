/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Titles and shell text of command lines.  Pure text; the command line may be
 * cut anywhere and need not end with NUL.
 */
#include "tools/read/title.h"

#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

struct arguments {
	char text[1032];
	const char *at, *end;
};

static const char *next_argument(struct arguments *a)
{
	const char *s = a->at;

	if (s >= a->end)
		return NULL;
	a->at = s + strlen(s) + 1;
	return s;
}

static void title_of_script(const char *script, char *out, size_t out_bytes)
{
	const char *base = base_name(script);
	char parent[512];

	if (strcmp(base, "__main__.py") == 0 && base > script) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(base - script - 1), script);
		base = base_name(parent);
	}
	snprintf(out, out_bytes, "%s", base);
}

static void title_of_code(const char *code, char *out, size_t out_bytes)
{
	static const char *const helpers[] = { "resource_tracker", "forkserver", "spawn" };

	snprintf(out, out_bytes, "python -c");
	for (int i = 2; code && i >= 0; i--) {
		char module[64];

		snprintf(module, sizeof(module), "multiprocessing.%s", helpers[i]);
		if (strstr(code, module))
			snprintf(out, out_bytes, "%s", module);
	}
}

/* The letter of a cluster (-Bm, -uXdev) that takes an argument, and the rest
 * of the cluster; 0 when none does. */
static char argument_letter(const char *cluster, const char **ret_rest)
{
	if (cluster[1] == '-')
		return 0;
	for (const char *c = cluster + 1; *c; c++) {
		if (strchr("mcWXQ", *c)) {
			*ret_rest = c + 1;
			return *c;
		}
	}
	return 0;
}

static bool title_of_python(struct arguments *a, char *out, size_t out_bytes)
{
	const char *argument, *rest;

	while ((argument = next_argument(a))) {
		if (argument[0] != '-' || !argument[1]) {
			title_of_script(argument, out, out_bytes);
			return true;
		}
		char letter = argument_letter(argument, &rest);
		if (!letter)
			continue;
		if (!*rest)
			rest = next_argument(a);
		if (letter == 'm') {
			snprintf(out, out_bytes, "%s", rest ? rest : "python -m");
			return true;
		}
		if (letter == 'c') {
			title_of_code(rest, out, out_bytes);
			return true;
		}
	}
	return false;
}

void fp_title_of_cmdline(const char *exe, const char *cmdline, size_t n_bytes, bool is_python,
			 char *out, size_t out_bytes)
{
	struct arguments a;
	const char *first, *program = base_name(exe);

	if (n_bytes > sizeof(a.text) - 1)
		n_bytes = sizeof(a.text) - 1;
	memcpy(a.text, cmdline, n_bytes);
	a.text[n_bytes] = 0;
	a.at = a.text;
	a.end = a.text + n_bytes;
	first = next_argument(&a);
	/* an embedder has a name of its own; -x names a login shell */
	if (is_python && strncmp(program, "python", 6) == 0 && title_of_python(&a, out, out_bytes))
		return;
	/* dot, not the libgvc6-config-update that Debian's link leads to */
	if (first && first[first[0] == '-'])
		program = base_name(first[0] == '-' ? first + 1 : first);
	snprintf(out, out_bytes, "%s", program[0] ? program : "program");
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c & 0x80) || (c && strchr("_@%+=:,./-", c));
}

void fp_title_quote(const char *cmdline, size_t n_bytes, char *out, size_t out_bytes)
{
	size_t o = 0;

	out[0] = 0;
	for (size_t i = 0; i < n_bytes;) {
		size_t len = strnlen(cmdline + i, n_bytes - i);
		bool plain = len > 0;

		for (size_t k = 0; k < len; k++)
			plain = plain && is_plain(cmdline[i + k]);
		if (o + len * 4 + 5 > out_bytes) {
			snprintf(out + o, out_bytes - o, "%s", out_bytes - o > 4 ? " ..." : "");
			return;
		}
		if (i)
			out[o++] = ' ';
		if (!plain)
			out[o++] = '\'';
		for (size_t k = 0; k < len; k++) {
			if (cmdline[i + k] == '\'') {
				memcpy(out + o, "'\\''", 4);
				o += 4;
			} else {
				out[o++] = cmdline[i + k];
			}
		}
		if (!plain)
			out[o++] = '\'';
		out[o] = 0;
		i += len + 1;
	}
}
