/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_lines CAPTURE: what test_copies.py looks at.  "counted CALLS BYTES" over
 * all threads, then per line that copied "line FILE LINE FUNCTION PYTHON NATIVE
 * VARIANCE", in bytes, tabs between.
 */
#include "tools/read/profile.h"

#include <inttypes.h>
#include <stdio.h>

static void print_line(const struct fp_profile *p, const struct fp_memory_copy *c)
{
	const struct fp_frame *f = c->stack ? &p->frames[p->nodes[c->stack].frame] : NULL;

	printf("line\t%s\t%u\t%s\t%" PRIu64 "\t%" PRIu64 "\t%.0f\n", f ? f->file : "", f ? f->line : 0,
	       f ? f->name : "", c->bytes[FP_COPY_PYTHON], c->bytes[FP_COPY_NATIVE], c->variance);
}

int main(int argc, char **argv)
{
	struct fp_read_options options = {.lines = true, .subprocesses = true, .want_memory = true};
	uint64_t calls = 0, bytes = 0;
	struct fp_profile *p = NULL;
	char error[512] = "";

	if (argc != 2 || fp_profile_read(argv[1], &options, &p, error, sizeof(error)) < 0) {
		fprintf(stderr, "copy_lines: %s\n", error);
		return 2;
	}
	for (uint32_t i = 0; i < p->n_threads; i++) {
		calls += p->threads[i].record.copy_calls;
		bytes += p->threads[i].record.copy_bytes;
	}
	printf("counted\t%" PRIu64 "\t%" PRIu64 "\n", calls, bytes);
	for (size_t i = 0; p->memory && i < p->memory->n_copies; i++)
		print_line(p, &p->memory->copies[i]);
	fp_profile_destroy(p);
	return 0;
}
