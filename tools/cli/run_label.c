/* SPDX-License-Identifier: Apache-2.0 */
/* See run_label.h.  Ordinary program. */
#include "tools/cli/run_label.h"

#include "tools/read/title.h"

#include <stdio.h>
#include <string.h>

/* When a process was forked, then its image: the first of all is the run's. */
static bool is_earlier(const struct fp_capture_header *a, const struct fp_capture_header *b)
{
	return a->start_monotonic_ns < b->start_monotonic_ns;
}

/* `python -c …`: uv asks an interpreter that way before it starts the program. */
static bool runs_code(const struct fp_capture_header *h)
{
	char title[FP_SETTING_TEXT_BYTES];

	fp_title_of_cmdline(h->exe, h->cmdline, h->cmdline_bytes, true, title, sizeof(title));
	return strcmp(title, "python -c") == 0;
}

/* A process that runs a script or a module comes before one that runs -c. */
static const struct fp_capture_header *first_of(const struct fp_run_capture *captures, size_t n, bool python)
{
	const struct fp_capture_header *first = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct fp_capture_header *h = &captures[i].header;

		if (!captures[i].readable || (python && h->python_state == FP_PYTHON_ABSENT))
			continue;
		if (python && first && runs_code(first) != runs_code(h)) {
			if (runs_code(first))
				first = h;
		} else if (!first || is_earlier(h, first)) {
			first = h;
		}
	}
	return first;
}

void fp_run_file_name(const char *from, char *label, size_t n_bytes)
{
	static const char *const suffixes[] = {".py", ".pyz", ".pyc", ".pyw"};
	size_t n, i = 0;

	while (*from == '.' || *from == ' ')
		from++;
	for (; *from && i + 1 < n_bytes; from++) {
		unsigned char c = (unsigned char)*from;

		/* not cut within a character of several bytes */
		if (i >= 72 && (c & 0xc0) != 0x80)
			break;
		label[i++] = c <= ' ' || c == 127 || strchr("/\\:*?\"<>|'`$&;", c) ? '_' : (char)c;
	}
	label[i] = 0;
	for (size_t k = 0; k < sizeof(suffixes) / sizeof(suffixes[0]); k++) {
		n = strlen(label);
		if (n > strlen(suffixes[k]) && strcmp(label + n - strlen(suffixes[k]), suffixes[k]) == 0) {
			label[n - strlen(suffixes[k])] = 0;
			break;
		}
	}
	if (!label[0])
		snprintf(label, n_bytes, "run");
}

void fp_run_label(const struct fp_run *run, const struct fp_run_capture *captures, size_t n, char *label,
		  size_t n_bytes)
{
	const char *set = run->settings.of[FP_OPTION_run_label].text;
	const struct fp_capture_header *h = first_of(captures, n, true);
	bool python = h != NULL;
	char title[FP_SETTING_TEXT_BYTES];

	if (!h)
		h = first_of(captures, n, false);
	if (set[0])
		snprintf(title, sizeof(title), "%s", set);
	else if (h)
		fp_title_of_cmdline(h->exe, h->cmdline, h->cmdline_bytes, python, title, sizeof(title));
	else
		fp_title_of_cmdline("", run->cmdline ? run->cmdline : "", run->cmdline_bytes, false, title,
				    sizeof(title));
	fp_run_file_name(title, label, n_bytes);
}
