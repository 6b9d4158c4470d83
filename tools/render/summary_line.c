/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words about a run.  Render stage, pure.
 */
#include "tools/render/summary_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t fp_summary_sampled_ns(const struct fp_profile *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_cells; i++)
		sum += fp_profile_cell_ns(&p->cells[i]);
	return sum;
}

uint64_t fp_summary_cpu_ns(const struct fp_profile *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->n_headers; i++)
		if (p->headers[i].end_monotonic_ns)
			sum += p->headers[i].cpu_user_ns + p->headers[i].cpu_system_ns;
	/* killed, or still running: what its threads' clocks said last */
	for (uint32_t i = 0; i < p->n_threads; i++) {
		uint32_t capture = p->processes[p->threads[i].process].capture;

		if (capture < p->n_headers && !p->headers[capture].end_monotonic_ns)
			sum += p->threads[i].record.cpu_clock_ns;
	}
	return sum;
}

static const char *duration(uint64_t ns, char *out, size_t out_bytes)
{
	double s = (double)ns / 1e9;

	if (s >= 1.0)
		snprintf(out, out_bytes, "%.2f s", s);
	else
		snprintf(out, out_bytes, "%.1f ms", s * 1e3);
	return out;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void add(char *out, size_t out_bytes, const char *text)
{
	size_t n = strlen(out);
	snprintf(out + n, out_bytes - n, "%s%s", n ? ", " : "", text);
}

const char *fp_summary_cut(const struct fp_profile *p)
{
	bool runs = false, gone = false;

	for (uint32_t i = 0; i < p->n_processes; i++) {
		runs = runs || p->processes[i].running;
		gone = gone || (p->processes[i].cut && !p->processes[i].running);
	}
	return runs && !gone ? "still running" : "cut: a process was killed or still runs";
}

void fp_summary_line(const struct fp_profile *p, const struct fp_profile *base, char *out,
		     size_t out_bytes)
{
	char text[256], number[32], other[32];
	uint64_t sampled = fp_summary_sampled_ns(p), rate = p->rate_hz ? p->rate_hz : 100;

	out[0] = 0;
	if (p->has_time) {
		snprintf(text, sizeof(text), "wall %s", duration(p->wall_ns, number, sizeof(number)));
		add(out, out_bytes, text);
		snprintf(text, sizeof(text), "CPU %s",
			 duration(sampled ? sampled : fp_summary_cpu_ns(p), number, sizeof(number)));
		add(out, out_bytes, text);
		snprintf(text, sizeof(text), "%" PRIu64 " Hz", rate);
		add(out, out_bytes, text);
	}
	if (p->n_processes > 1) {
		snprintf(text, sizeof(text), "%u processes", p->n_processes);
		add(out, out_bytes, text);
	}
	if (p->n_threads > 1) {
		snprintf(text, sizeof(text), "%u threads", p->n_threads);
		add(out, out_bytes, text);
	}
	if (p->filter[0])
		add(out, out_bytes, p->filter);
	for (uint32_t i = 0; i < p->n_headers; i++) {
		if (p->headers[i].python_state != FP_PYTHON_UNSUPPORTED)
			continue;
		snprintf(text, sizeof(text), "native frames only: %.200s", p->headers[i].python_reason);
		add(out, out_bytes, text);
		break;
	}
	if (p->cut)
		add(out, out_bytes, fp_summary_cut(p));
	if (base) {
		uint64_t then = fp_summary_sampled_ns(base);

		snprintf(text, sizeof(text), "compared with %.80s: %s then, %s now", base->source,
			 duration(then, number, sizeof(number)),
			 duration(sampled, other, sizeof(other)));
		add(out, out_bytes, text);
	}
}

bool fp_summary_is_off(const struct fp_profile *p)
{
	for (uint32_t i = 0; i < p->n_headers; i++)
		if (p->headers[i].settings.cpu_enabled)
			return false;
	return p->n_headers > 0;
}

int fp_summary_why_empty(const struct fp_profile *p, char (*lines)[256], int n)
{
	uint64_t cpu = fp_summary_cpu_ns(p), samples = 0;
	char wall_text[32], cpu_text[32];
	int at = 0;

	for (size_t i = 0; i < p->n_cells; i++)
		samples += p->cells[i].samples;
	if (at < n && fp_summary_is_off(p)) {
		snprintf(lines[at++], 256, "CPU sampling was off: FIL_PERF_SPY_ENABLED=0.");
		return at;
	}
	if (at < n && p->has_time)
		snprintf(lines[at++], 256, "No CPU samples%s%.120s: %s of wall time, %s of CPU in %u "
			 "process%s.", p->filter[0] ? " left with " : "", p->filter,
			 duration(p->wall_ns, wall_text, sizeof(wall_text)),
			 duration(cpu, cpu_text, sizeof(cpu_text)), p->n_processes,
			 p->n_processes == 1 ? "" : "es");
	else if (at < n)
		snprintf(lines[at++], 256, "No samples%s%.120s in %.100s.",
			 p->filter[0] ? " left with " : "", p->filter, p->source);
	if (at < n)
		snprintf(lines[at++], 256, "Waiting is not CPU: time in sleep, locks, files, sockets "
			 "and child programs is not in this graph.");
	if (at < n && p->has_time && p->rate_hz)
		snprintf(lines[at++], 256, "At %u Hz one sample stands for %.1f ms of CPU%s.",
			 p->rate_hz, 1000.0 / p->rate_hz,
			 p->rate_hz < 10000 ? "; a higher FIL_PERF_SPY_RATE sees shorter work" : "");
	if (at < n && p->cut)
		snprintf(lines[at++], 256, "The recording has no end: a process was killed or still "
			 "runs (%" PRIu64 " sample%s).", samples, plural(samples));
	return at;
}
