/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test driver: reads IN and writes one format to stdout, without the command
 * line of filperf.  Usage: render_one IN FORMAT [threads] [nolines] [gil]
 * [process=X] [thread=X] [base=IN] [time].  FORMAT is one of py-spy's, or
 * memray:bin, scalene:json and so on.
 */
#include "tools/read/profile.h"
#include "tools/render/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct fp_profile *read_or_die(const char *in, const struct fp_read_options *o)
{
	struct fp_profile *p = NULL;
	char error[512] = "";
	int err = fp_profile_read(in, o, &p, error, sizeof(error));

	if (err) {
		fprintf(stderr, "render_one: %s (%d)\n", error, err);
		exit(3);
	}
	return p;
}

static const struct fp_renderer *find(const char *format)
{
	for (int family = 0; family < FP_FAMILY_MAX; family++) {
		const char *name = fp_report_family_name((enum fp_report_family)family);
		size_t n = strlen(name);

		if (strncmp(format, name, n) == 0 && format[n] == ':')
			return fp_renderer_find((enum fp_report_family)family, format + n + 1);
	}
	return fp_renderer_guess(format);
}

static void report_cost(double start, double read_at)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	fprintf(stderr, "read %.3f s, render %.3f s, peak %ld MB\n", read_at - start,
		now() - read_at, used.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
	struct fp_read_options read_options = { .lines = true, .subprocesses = true,
						.native_symbols = true };
	struct fp_render_options o = { .lines = true };
	const struct fp_renderer *r = argc > 2 ? find(argv[2]) : NULL;
	const char *base = NULL;
	bool timed = false;
	double start = now();

	if (argc < 3 || !r) {
		fprintf(stderr, "render_one: IN FORMAT wanted\n");
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "threads") == 0)
			o.threads = true;
		else if (strcmp(argv[i], "nolines") == 0)
			o.lines = read_options.lines = false;
		else if (strcmp(argv[i], "gil") == 0)
			read_options.gil_only = true;
		else if (strcmp(argv[i], "time") == 0)
			timed = true;
		else if (strncmp(argv[i], "process=", 8) == 0)
			read_options.only_process = argv[i] + 8;
		else if (strncmp(argv[i], "thread=", 7) == 0)
			read_options.only_thread = argv[i] + 7;
		else if (strncmp(argv[i], "base=", 5) == 0)
			base = argv[i] + 5;
	}
	read_options.want_samples = r->needs_samples;
	read_options.want_memory = r->family != FP_FAMILY_PYSPY;
	struct fp_profile *p = read_or_die(argv[1], &read_options);
	struct fp_profile *base_profile = base ? read_or_die(base, &read_options) : NULL;
	double read_at = now();
	o.base = base_profile;
	o.process_roots = p->n_processes > 1;
	int err = r->render(p, &o, stdout);
	if (fflush(stdout) != 0 || err)
		fprintf(stderr, "render_one: writing failed (%d)\n", err);
	if (timed)
		report_cost(start, read_at);
	fp_profile_destroy(p);
	fp_profile_destroy(base_profile);
	return err ? 4 : 0;
}
