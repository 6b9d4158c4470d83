/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_text.h.  Render stage; writes to what it is given.
 */
#include "tools/render/memory_text.h"

#include "tools/model/names.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FORMAT_VERSION 1

int fp_memory_text_check(const struct fp_profile *p)
{
	return p->memory && p->memory->n_processes ? 0 : -ENODATA;
}

static const struct fp_mem_header *first_header(const struct fp_profile *p)
{
	return &p->headers[p->memory->processes[0].header].mem;
}

void fp_memory_mode_text(const struct fp_profile *p, char *out, size_t out_bytes)
{
	char text[FP_BYTES_TEXT];

	if (p->memory->mode == FP_MEM_EXACT)
		snprintf(out, out_bytes, "exact: each allocation of Python and of the system");
	else
		snprintf(out, out_bytes,
			 "system allocators exact; Python's sampled each %s on average, +- is a 95 %% interval",
			 fp_memory_bytes_text(first_header(p)->sample_bytes, text));
}

static uint64_t agent_ns(const struct fp_profile *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->n_threads; i++)
		sum += p->threads[i].record.agent_ns;
	for (uint32_t i = 0; i < p->n_headers; i++)
		sum += p->headers[i].agent_boot_ns + p->headers[i].agent_fork_ns;
	return sum;
}

static bool is_of_memory(int loss)
{
	return loss >= FP_LOSS_mem_cells_full && loss <= FP_LOSS_mem_allocator_replaced;
}

static void put_losses(const struct fp_profile *p, FILE *out)
{
	static const char *const texts[] = {
#define X(name, text) text,
		FP_LOSSES(X)
#undef X
	};

	for (int i = 0; i < FP_LOSS_MAX; i++)
		if (p->losses[i] && is_of_memory(i))
			fprintf(out, "lost: %" PRIu64 " %s\n", p->losses[i], texts[i]);
	if (p->damage[0])
		fprintf(out, "damage: %s\n", p->damage);
}

void fp_memory_text_head(const struct fp_profile *p, const char *what, FILE *out)
{
	uint64_t cpu_ns = fp_summary_cpu_ns(p), cost_ns = agent_ns(p);
	char mode[160];

	fp_memory_mode_text(p, mode, sizeof(mode));
	fprintf(out, "%s: %s\n", p->label && p->label[0] ? p->label : "filperf", what);
	if (p->command && p->command[0])
		fprintf(out, "command: %.300s\n", p->command);
	fprintf(out, "mode: %s\n", mode);
	if (p->memory->n_processes > 1)
		fprintf(out, "processes: %u, each at its own peak\n", p->memory->n_processes);
	fprintf(out, "cost: filperf's sampling and start took %.1f ms of CPU", (double)cost_ns / 1e6);
	/* of what still runs, or was killed, the CPU is known by its samples alone */
	if (cpu_ns && !p->cut)
		fprintf(out, ", %.2f %%", 100.0 * (double)cost_ns / (double)cpu_ns);
	fputs("; the hooks of memory are in the rest\n", out);
	if (p->cut)
		fprintf(out, "%s; this is how it stood\n", fp_summary_cut(p));
	put_losses(p, out);
	fputc('\n', out);
}

void fp_memory_json_head(struct fp_json_out *j, const struct fp_profile *p, const char *what)
{
	fp_json_open(j, '{');
	fp_json_key(j, "format");
	fp_json_string(j, "filperf-memory");
	fp_json_key(j, "version");
	fp_json_uint(j, FORMAT_VERSION);
	fp_json_key(j, "report");
	fp_json_string(j, what);
	fp_json_key(j, "label");
	fp_json_string(j, p->label ? p->label : "");
	fp_json_key(j, "mode");
	fp_json_string(j, p->memory->mode == FP_MEM_EXACT ? "exact" : "sampled");
	fp_json_key(j, "sample_bytes");
	fp_json_uint(j, p->memory->mode == FP_MEM_EXACT ? 0 : first_header(p)->sample_bytes);
	fp_json_key(j, "processes");
	fp_json_uint(j, p->memory->n_processes);
	fp_json_newline(j);
}

int fp_memory_json_end(struct fp_json_out *j)
{
	FILE *out = j->file;
	int err;

	fp_json_close(j, '}');
	err = fp_json_end(j);
	if (!err && fputc('\n', out) == EOF)
		err = -EIO;
	return err;
}

const char *fp_memory_count_text(uint64_t n, char out[FP_COUNT_TEXT])
{
	char digits[FP_COUNT_TEXT];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}

const char *fp_memory_place_text(const struct fp_profile *p, uint32_t frame, bool lines, char *out, size_t out_bytes)
{
	if (frame == UINT32_MAX)
		snprintf(out, out_bytes, "[no stack]");
	else
		fp_name_frame(p, &p->frames[frame], lines, out, out_bytes);
	return out;
}

void fp_memory_json_place(struct fp_json_out *j, const struct fp_profile *p, uint32_t frame, bool lines)
{
	const struct fp_frame *f = frame == UINT32_MAX ? NULL : &p->frames[frame];

	fp_json_key(j, "function");
	fp_json_string(j, f ? f->qualname : "[no stack]");
	fp_json_key(j, "file");
	fp_json_string(j, f ? f->file : "");
	fp_json_key(j, "line");
	fp_json_uint(j, !f ? 0 : lines ? f->line : f->first_line);
}

void fp_memory_json_sum(struct fp_json_out *j, const char *name, const struct fp_memory_sum *sum)
{
	char key[64];

	snprintf(key, sizeof(key), "%sbytes", name);
	fp_json_key(j, key);
	fp_json_uint(j, sum->bytes);
	snprintf(key, sizeof(key), "%scount", name);
	fp_json_key(j, key);
	fp_json_uint(j, sum->n);
	if (sum->variance <= 0)
		return;
	snprintf(key, sizeof(key), "%sinterval_bytes", name);
	fp_json_key(j, key);
	fp_json_uint(j, fp_memory_half_interval(sum->variance));
}

int fp_memory_text_end(FILE *out)
{
	return ferror(out) ? (errno ? -errno : -EIO) : 0;
}
