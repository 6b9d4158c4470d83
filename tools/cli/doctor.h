/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of filperf doctor.  Each prints its lines and returns whether a run
 * would work.  Ordinary program, one thread.
 */
#ifndef FP_TOOLS_CLI_DOCTOR_H
#define FP_TOOLS_CLI_DOCTOR_H

#include "tools/cli/cli.h"

enum fp_doctor_mark {
	FP_DOCTOR_OK,
	FP_DOCTOR_NOTE, /* works with less, or is of use to other tools only */
	FP_DOCTOR_BAD,
};

/* "ok    what: found" and, when given, "      -> remedy". */
void fp_doctor_say(enum fp_doctor_mark mark, const char *what, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

bool fp_doctor_kernel(void);  /* timers, signals, perf_event, ptrace, containers */
bool fp_doctor_places(const struct fp_settings *s); /* agent, run directory, output directory, limits */
bool fp_doctor_pythons(void); /* interpreters on this machine */
bool fp_doctor_program(const char *name);

#endif
