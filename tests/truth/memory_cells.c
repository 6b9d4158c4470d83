/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test driver: what filperf itself knows of the memory of a run, one JSON
 * object a line for each process; and, given a folder, its captures for Memray
 * as FOLDER/N.bin.  Usage: memory_cells IN [FOLDER].
 */
#include "tools/read/profile.h"
#include "tools/render/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct fp_renderer fp_render_memray_bin;

static void put_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void put_stack(const struct fp_profile *p, uint32_t stack)
{
	putchar('[');
	for (uint32_t n = stack; n; n = p->nodes[n].parent) {
		const struct fp_frame *f = &p->frames[p->nodes[n].frame];

		printf("%s[", n == stack ? "" : ", ");
		put_text(f->name);
		printf(", ");
		put_text(f->kind == FP_FRAME_MARK ? "<filperf>" : f->file);
		printf(", %u, %d]", f->line, f->kind);
	}
	putchar(']');
}

static void put_cell(const struct fp_profile *p, const struct fp_memory_cell *c)
{
	printf("{\"tid\": %d, \"allocator\": %u, \"sampled\": %s, \"stack\": ", p->threads[c->thread].tid,
	       c->allocator, c->sampled ? "true" : "false");
	put_stack(p, c->stack);
	printf(", \"n_allocs\": %llu, \"alloc_bytes\": %llu, \"n_live\": %llu, \"live_bytes\": %llu, "
	       "\"n_peak\": %llu, \"peak_bytes\": %llu, \"n_temporary\": %llu}",
	       (unsigned long long)c->n_allocs, (unsigned long long)c->alloc_bytes,
	       (unsigned long long)c->n_live, (unsigned long long)c->live_bytes,
	       (unsigned long long)c->n_peak, (unsigned long long)c->peak_bytes,
	       (unsigned long long)c->n_temporary);
}

static void put_process(const struct fp_profile *p, const struct fp_memory_process *m)
{
	const struct fp_capture_header *h = &p->headers[m->header];
	bool some = false;

	printf("{\"pid\": %d, \"mode\": %u, \"stream\": %u, \"heap_bytes\": %llu, \"peak_bytes\": %llu, "
	       "\"threshold\": %u, \"eval_pc\": %llu, \"vm_hwm_bytes\": %llu, \"title\": ",
	       h->pid, h->mem.mode, h->mem.stream, (unsigned long long)h->mem.heap_bytes,
	       (unsigned long long)h->mem.peak_bytes, h->mem.temporary_threshold,
	       (unsigned long long)h->mem.python_eval_pc, (unsigned long long)h->mem.vm_hwm_bytes);
	put_text(p->processes[m->process].title);
	printf(", \"losses\": {");
	for (int i = 0, n = 0; i < FP_LOSS_MAX; i++) {
		static const char *const names[] = {
#define X(name, text) #name,
			FP_LOSSES(X)
#undef X
		};
		if (h->losses[i])
			printf("%s\"%s\": %llu", n++ ? ", " : "", names[i], (unsigned long long)h->losses[i]);
	}
	printf("}, \"cells\": [");
	for (size_t i = m->first_cell; i < m->first_cell + m->n_cells; i++) {
		if (!fp_memory_is_heap(p->memory->cells[i].allocator))
			continue;
		printf("%s", some ? ", " : "");
		put_cell(p, &p->memory->cells[i]);
		some = true;
	}
	printf("]}\n");
}

static int write_bin(const struct fp_profile *p, uint32_t process, const char *folder)
{
	struct fp_render_options o = { .lines = true, .memory_process = process };
	char path[1024];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "%s/%u.bin", folder, process);
	f = fopen(path, "wb");
	if (!f)
		return 1;
	err = fp_render_memray_bin.render(p, &o, f);
	if (err)
		fprintf(stderr, "memory_cells: %s: %s\n", path, strerror(-err));
	return fclose(f) || err;
}

int main(int argc, char **argv)
{
	struct fp_read_options options = { .lines = true, .subprocesses = true, .want_memory = true,
					   .native_symbols = true };
	struct fp_profile *p = NULL;
	char error[512] = "";
	int failed = 0;

	if (argc < 2)
		return 2;
	if (fp_profile_read(argv[1], &options, &p, error, sizeof(error))) {
		fprintf(stderr, "memory_cells: %s\n", error);
		return 3;
	}
	for (uint32_t i = 0; p->memory && i < p->memory->n_processes; i++) {
		put_process(p, &p->memory->processes[i]);
		if (argc > 2)
			failed |= write_bin(p, i, argv[2]);
	}
	fp_profile_destroy(p);
	return failed;
}
