/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See source_line.h.  Model stage, ordinary program.
 */
#include "tools/model/source_line.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>

#define SOURCE_MOST_BYTES (16 << 20)

void fp_source_line(const char *path, uint32_t line, char *text, size_t n_bytes)
{
	struct stat st;
	FILE *f = NULL;
	size_t n = 0;
	int c = 0;

	text[0] = 0;
	if (path[0] == '/' && line && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < SOURCE_MOST_BYTES)
		f = fopen(path, "re");
	if (!f)
		return;
	for (uint32_t at = 1; at < line && c != EOF;)
		at += (c = getc_unlocked(f)) == '\n';
	while (n + 1 < n_bytes && (c = getc_unlocked(f)) != EOF && c != '\n')
		if (n || !isspace(c))
			text[n++] = iscntrl(c) ? ' ' : (char)c;
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	text[n] = 0;
	fclose(f);
}
