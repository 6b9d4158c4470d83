/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML escaping.  Render stage, ordinary program.
 */
#include "tools/render/xml_out.h"

#include <inttypes.h>
#include <string.h>

void fp_xml_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc_unlocked(*text, out);
		}
	}
}

const char *fp_xml_thousands(uint64_t n, char *out)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), o = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[o++] = ',';
		out[o++] = digits[i];
	}
	out[o] = 0;
	return out;
}
