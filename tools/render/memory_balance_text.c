/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_balance_text.h.  Render stage; writes to what it is given.
 */
#include "tools/render/memory_balance_text.h"

#include "tools/model/memory_balance.h"

#include <math.h>

#define PROCESSES_SHOWN 4

static void put_item(const char *name, int64_t n_bytes, uint64_t whole, FILE *out)
{
	char text[FP_BYTES_TEXT];
	uint64_t size = (uint64_t)(n_bytes < 0 ? -n_bytes : n_bytes);

	fprintf(out, "  %s%*s %6.1f%%  %s\n", n_bytes < 0 ? "-" : " ", 12, fp_memory_bytes_text(size, text),
		100.0 * (double)n_bytes / (double)whole, name);
}

void fp_memory_balance_put(const struct fp_profile *p, FILE *out)
{
	char text[FP_BYTES_TEXT], peak[FP_BYTES_TEXT];
	uint32_t n_shown = 0;

	for (uint32_t i = 0; i < p->memory->n_processes && n_shown < PROCESSES_SHOWN; i++) {
		const struct fp_memory_process *process = &p->memory->processes[i];
		const struct fp_mem_header *h = &p->headers[process->header].mem;
		struct fp_balance b;

		if (!fp_balance_make(h, &b))
			continue;
		n_shown++;
		fprintf(out, "peak of pid %d: %s of blocks after %.2f s; VmHWM %s, %.1f %% of it explained:\n",
			p->processes[process->process].pid, fp_memory_bytes_text(h->peak_bytes, peak),
			(double)h->peak_when_ns / 1e9, fp_memory_bytes_text(b.vm_hwm_bytes, text), 100.0 * b.explained);
		for (int k = 0; k < FP_BALANCE_ITEMS; k++)
			if (b.items[k].n_bytes)
				put_item(b.items[k].name, b.items[k].n_bytes, b.vm_hwm_bytes, out);
	}
	if (n_shown)
		fputc('\n', out);
}

void fp_memory_balance_json(struct fp_json_out *j, const struct fp_profile *p)
{
	fp_json_key(j, "balance");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < p->memory->n_processes; i++) {
		const struct fp_memory_process *process = &p->memory->processes[i];
		const struct fp_mem_header *h = &p->headers[process->header].mem;
		struct fp_balance b;

		if (!fp_balance_make(h, &b))
			continue;
		fp_json_newline(j);
		fp_json_open(j, '{');
		fp_json_key(j, "pid");
		fp_json_int(j, p->processes[process->process].pid);
		fp_json_key(j, "peak_bytes");
		fp_json_uint(j, h->peak_bytes);
		fp_json_key(j, "peak_when_ns");
		fp_json_int(j, h->peak_when_ns);
		fp_json_key(j, "vm_hwm_bytes");
		fp_json_uint(j, b.vm_hwm_bytes);
		fp_json_key(j, "explained");
		fp_json_fixed(j, (uint64_t)llround(b.explained * 1e4), 4);
		for (int k = 0; k < FP_BALANCE_ITEMS; k++) {
			fp_json_key(j, b.items[k].key);
			fp_json_int(j, b.items[k].n_bytes);
		}
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
}
