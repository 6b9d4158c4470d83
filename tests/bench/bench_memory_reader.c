/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and memory of reading a large capture of memory: events of a stream,
 * and cells.  Usage: bench_memory_reader FILE [EVENTS [LIVE [CELLS]]]; FILE is
 * made, read and removed.
 */
#include "tests/golden/capture_writer.h"
#include "tools/read/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NODES 100000u

static uint64_t state = 88172645463325252ull;

static uint32_t random_below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 33) % n);
}

static void write_cells(struct capture_writer *w, uint32_t n_cells)
{
	uint32_t thread = writer_thread(w, 1, "main", FP_THREAD_MAIN);
	uint32_t codes[64];

	for (uint32_t i = 0; i < 64; i++)
		codes[i] = writer_code(w, "function", NULL, "module.py", i * 100 + 1);
	for (uint32_t i = 1; i <= NODES; i++)
		writer_python(w, i < 40 ? i - 1 : random_below(i), codes[random_below(64)],
			      random_below(90));
	writer_memory(w, FP_MEM_EXACT, true);
	for (uint32_t i = 0; i < n_cells; i++) {
		uint32_t id = writer_mem_cell(w, thread, 1 + random_below(NODES),
					      FP_ALLOCATOR_PYTHON_MALLOC, 16 * (1 + i % 40));
		writer_mem_book(w, id, 2, 100);
	}
}

/* Mostly what is young dies, as in programs; some at random places. */
static void write_stream(struct capture_writer *w, uint64_t n_events, uint32_t n_live, uint32_t n_cells)
{
	uint32_t *places = malloc((n_live + 1ull) * sizeof(*places));
	uint32_t n = 0;

	if (!places)
		abort();
	for (uint32_t i = 0; i < n_live; i++)
		places[i] = i;
	for (uint64_t i = 0; i < n_events; i++) {
		bool grows = n < n_live / 2 || (n < n_live && random_below(2));

		if (!grows && random_below(8) == 0) {
			uint32_t at = random_below(n), other = places[at];
			places[at] = places[n - 1];
			places[n - 1] = other;
		}
		if (!grows) {
			writer_stream_free(w, 0x7f0000000000 + 64ull * places[--n]);
		} else {
			uint32_t id = 2 + (random_below(16) ? random_below(200) % n_cells : random_below(n_cells));
			writer_stream_alloc(w, id, 0x7f0000000000 + 64ull * places[n++],
					    16 * writer_mem_cell_at(w, id)->size_class);
		}
	}
	free(places);
}

static int count_event(void *ctx, const struct fp_memory_event *e)
{
	*(uint64_t *)ctx += e->kind != FP_MEMORY_TIME;
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_mb(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss / 1024;
}

static int read_capture(const char *path)
{
	struct fp_read_options o = { .lines = true, .subprocesses = true, .want_memory = true };
	struct fp_profile *p;
	char error[256];
	uint64_t n = 0;
	double start = now();

	if (fp_profile_read(path, &o, &p, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	printf("%zu cells read in %.2f s of CPU, peak %ld MB\n", p->memory->n_cells, now() - start, peak_mb());
	start = now();
	if (fp_memory_events(p, &p->memory->processes[0], count_event, &n))
		return 1;
	printf("%llu events in %.2f s of CPU, peak %ld MB\n", (unsigned long long)n, now() - start, peak_mb());
	fp_profile_destroy(p);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t n_events = argc > 2 ? strtoull(argv[2], NULL, 10) : 50000000;
	uint32_t n_live = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1000000;
	uint32_t n_cells = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1000000;
	struct capture_writer w;
	int status;

	if (argc < 2 || !n_live || !n_cells) {
		fprintf(stderr, "usage: bench_memory_reader FILE [EVENTS [LIVE [CELLS]]]\n");
		return 2;
	}
	if (fork() == 0) { /* so that the writer's memory is not counted */
		writer_start(&w, 1, "/usr/bin/python3.12", "python3.12 bench.py");
		write_cells(&w, n_cells);
		write_stream(&w, n_events, n_live, n_cells);
		writer_finish(&w, argv[1]);
		return 0;
	}
	if (wait(&status) < 0 || status)
		return 1;
	status = read_capture(argv[1]);
	unlink(argv[1]);
	return status;
}
