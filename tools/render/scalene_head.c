/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See scalene_head.h.  Render stage, pure.
 */
#include "tools/render/scalene_head.h"

#include "tools/model/memory_leaks.h"
#include "tools/render/memory_text.h"
#include "tools/render/summary_line.h"

#include <inttypes.h>

#define FEW_SAMPLES 100
#define LITTLE_CPU_NS 1000000000u

bool fp_scalene_has_memory(const struct fp_profile *p, const struct fp_render_options *o)
{
	return !o->no_memory && p->memory && p->memory->mode != FP_MEM_OFF;
}

bool fp_scalene_has_copies(const struct fp_profile *p, const struct fp_render_options *o)
{
	if (o->no_copies || !p->memory)
		return false;
	for (uint32_t i = 0; i < p->n_headers; i++)
		if (p->headers[i].mem.copies)
			return true;
	return p->memory->n_copies > 0;
}

int fp_scalene_model(const struct fp_profile *p, const struct fp_render_options *o, struct fp_source_lines **ret_lines)
{
	struct fp_source_options options = { .only_files = o->only_files, .not_files = o->not_files,
					     .memory = fp_scalene_has_memory(p, o),
					     .copies = fp_scalene_has_copies(p, o) };
	struct fp_source_lines *s = o->shared ? o->shared->source : NULL;
	int err = 0;

	if (!s && o->shared && options.memory && p->memory && !o->shared->leaks)
		err = fp_leaks_make(p, UINT32_MAX, &o->shared->leaks);
	options.leaks = o->shared ? o->shared->leaks : NULL;
	if (!s && !err)
		err = fp_source_lines_make(p, &options, &s);
	if (err)
		return err;
	if (o->shared)
		o->shared->source = s;
	*ret_lines = s;
	return 0;
}

void fp_scalene_model_drop(const struct fp_render_options *o, struct fp_source_lines *s)
{
	if (!o->shared)
		fp_source_lines_destroy(s);
}

static void put_cost(const struct fp_profile *p, char *out)
{
	uint64_t agent_ns = 0, cpu_ns = fp_summary_cpu_ns(p);

	for (uint32_t i = 0; i < p->n_threads; i++)
		agent_ns += p->threads[i].record.agent_ns;
	for (uint32_t i = 0; i < p->n_headers; i++)
		agent_ns += p->headers[i].agent_boot_ns + p->headers[i].agent_fork_ns;
	snprintf(out, FP_SCALENE_HEAD_BYTES,
		 "cost: filperf's sampling and start took %.1f ms of CPU, %.2f %%; the hooks of memory are in the rest",
		 (double)agent_ns / 1e6, cpu_ns ? 100.0 * (double)agent_ns / (double)cpu_ns : 0.0);
}

/* One sample is 100 / n percent; a line that was hit four times or less may
 * as well have been hit none or eight times. */
static int put_noise(const struct fp_profile *p, const struct fp_source_lines *s, char *out)
{
	uint64_t cpu_ns = s->all.python_ns + s->all.native_ns + s->all.system_ns;
	double percent = s->all.samples ? 400.0 / (double)s->all.samples : 100;

	if (fp_summary_is_off(p) || (cpu_ns >= LITTLE_CPU_NS && s->all.samples >= FEW_SAMPLES))
		return 0;
	snprintf(out, FP_SCALENE_HEAD_BYTES, "%" PRIu64 " samples in %.2f s: a line under %.0f %% is noise",
		 s->all.samples, (double)cpu_ns / 1e9, percent < 100 ? percent : 100);
	return 1;
}

static void put_memory(const struct fp_profile *p, const struct fp_source_lines *s, char *out)
{
	char mode[160], peak[FP_BYTES_TEXT], all[FP_BYTES_TEXT], live[FP_BYTES_TEXT];

	fp_memory_mode_text(p, mode, sizeof(mode));
	snprintf(out, FP_SCALENE_HEAD_BYTES, "memory: peak %s at %.2f s, %s allocated, %s held at the end; %s",
		 fp_memory_bytes_text(s->peak_bytes, peak), (double)s->peak_when_ns / 1e9,
		 fp_memory_bytes_text(s->all.alloc_bytes, all), fp_memory_bytes_text(s->all.live_bytes, live), mode);
}

int fp_scalene_head(const struct fp_profile *p, const struct fp_source_lines *s, const struct fp_render_options *o,
		    char (*lines)[FP_SCALENE_HEAD_BYTES])
{
	int n = 0;
	char line[FP_SCALENE_HEAD_BYTES - 32];

	snprintf(lines[n++], FP_SCALENE_HEAD_BYTES, "%s",
		 o->title && o->title[0]	  ? o->title :
		 p->command && p->command[0] ? p->command :
		 p->label && p->label[0]	  ? p->label : "filperf");
	fp_summary_line(p, NULL, line, sizeof(line));
	snprintf(lines[n++], FP_SCALENE_HEAD_BYTES, "%s", fp_summary_is_off(p) ? "CPU: sampling was off" : line);
	if (fp_scalene_has_memory(p, o))
		put_memory(p, s, lines[n++]);
	else
		snprintf(lines[n++], FP_SCALENE_HEAD_BYTES, "memory: %s",
			 o->no_memory ? "not asked for" : "not recorded in this run");
	put_cost(p, lines[n++]);
	n += put_noise(p, s, lines[n]);
	if (p->damage && p->damage[0])
		snprintf(lines[n++], FP_SCALENE_HEAD_BYTES, "damage: %.350s", p->damage);
	return n;
}
