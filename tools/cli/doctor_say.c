/* SPDX-License-Identifier: Apache-2.0 */
/* A line of filperf doctor, as doctor.h has it.  Ordinary program, one thread. */
#include "tools/cli/doctor.h"
#include "tools/cli/message.h"

#include <stdarg.h>
#include <stdio.h>

void fp_doctor_say(enum fp_doctor_mark mark, const char *what, const char *remedy, const char *format, ...)
{
	static const char *const words[] = {"ok", "note", "BAD"};
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
	bool colour = fp_may_colour(stdout);
	va_list ap;

	printf("%s%-5s%s %s: ", colour ? colours[mark] : "", words[mark], colour ? "\033[0m" : "", what);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fputc('\n', stdout);
	if (remedy)
		printf("      -> %s\n", remedy);
}
