/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers against hostile bytes: whatever IN holds, reading and every
 * renderer must end without a fault.  Built with libFuzzer (FP_FUZZ_ENGINE)
 * or, for ctest, with a main that replays files given as arguments and
 * damages each of them in many known ways.
 */
#include "tools/read/profile.h"
#include "tools/render/render.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void render_all(const struct fp_profile *p, FILE *sink)
{
	struct fp_render_options o = { .lines = true, .threads = true, .process_roots = true };

	for (int i = 0; fp_renderers[i]; i++)
		fp_renderers[i]->render(p, &o, sink);
}

/* What the events name must exist, as renderers index by it. */
static int check_event(void *ctx, const struct fp_memory_event *e)
{
	const struct fp_profile *p = ctx;

	if ((e->cell >= p->memory->n_cells && (e->cell != UINT32_MAX || e->kind == FP_MEMORY_ALLOC)) ||
	    (e->thread >= p->n_threads && e->thread != UINT32_MAX))
		abort();
	return 0;
}

static void check_memory(struct fp_profile *p)
{
	const struct fp_memory *m = p->memory;

	for (size_t i = 0; i < m->n_cells; i++)
		if (m->cells[i].stack >= p->n_nodes || m->cells[i].thread >= p->n_threads)
			abort();
	for (uint32_t i = 0; i < m->n_processes; i++)
		(void)fp_memory_events(p, &m->processes[i], check_event, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static int fd = -1;
	static FILE *sink;
	static char path[64];
	struct fp_read_options o = { .lines = true, .subprocesses = true, .want_samples = true,
				     .want_memory = true };
	struct fp_profile *p;
	char error[512];

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		sink = fopen("/dev/null", "w");
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || !sink || ftruncate(fd, 0) || pwrite(fd, bytes, n, 0) != (ssize_t)n)
		abort();
	if (fp_profile_read(path, &o, &p, error, sizeof(error)) == 0) {
		if (p->memory)
			check_memory(p);
		render_all(p, sink);
		fp_profile_destroy(p);
	} else if (!memchr(error, 0, sizeof(error)) || !error[0] || strchr(error, '\n')) {
		abort(); /* an error is one line */
	}
	return 0;
}

#ifndef FP_FUZZ_ENGINE
static uint32_t state = 1;

static uint32_t random_below(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return n ? (state >> 8) % n : 0;
}

/* Cuts and overwrites, the same ones every time. */
static void damage_and_try(const uint8_t *bytes, size_t n, unsigned rounds)
{
	static const uint64_t values[] = { 0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff,
					   0x8000000000000000ull, UINT64_MAX };
	uint8_t *copy = malloc(n + 1);

	if (!copy)
		abort();
	for (unsigned i = 0; i < rounds; i++) {
		memcpy(copy, bytes, n);
		size_t len = i % 4 ? n : random_below((uint32_t)n);
		for (unsigned k = 0; n > 8 && k <= i % 5; k++) {
			/* the header is small and decides most */
			size_t at = random_below((uint32_t)(k % 2 && n > 1024 ? 1024 : n - 8));
			uint64_t value = values[random_below(9)];
			memcpy(copy + at, &value, 1u << random_below(4));
		}
		LLVMFuzzerTestOneInput(copy, len);
	}
	free(copy);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	for (int i = 2; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		uint8_t *bytes = malloc(1 << 20);
		size_t n;

		if (!f || !bytes) {
			fprintf(stderr, "fuzz_input: cannot read %s\n", argv[i]);
			return 1;
		}
		n = fread(bytes, 1, 1 << 20, f);
		fclose(f);
		LLVMFuzzerTestOneInput(bytes, n);
		damage_and_try(bytes, n, rounds);
		free(bytes);
	}
	printf("%d files, %u damaged versions of each\n", argc - 2, rounds);
	return argc > 2 ? 0 : 1;
}
#endif
