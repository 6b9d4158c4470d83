/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the capture that rendering is measured on: 10 minutes at 1 kHz with
 * 8 threads, 4.8 million samples over about 200,000 stacks.  Usage:
 * bench_capture_writer FILE [SECONDS [HZ [THREADS]]].
 */
#include "tests/golden/capture_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define FUNCTIONS 4000
#define NODES 200000
#define DEPTH_MAX 40

static uint64_t state = 88172645463325252ull;

static uint32_t random_below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

static uint32_t node_depth[NODES + 1];
static uint64_t cell_samples[64][NODES + 1];

static void write_codes(struct capture_writer *w)
{
	char name[64], qualname[96], file[160];

	for (int i = 0; i < FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "function_%d", i);
		snprintf(qualname, sizeof(qualname), "Class%d.%s", i % 300, name);
		snprintf(file, sizeof(file), "/usr/lib/python3.12/site-packages/pkg%d/mod%d.py",
			 i % 40, i % 700);
		writer_code(w, name, qualname, file, (uint32_t)(i % 900) + 1);
	}
}

/* Each new node under a recent one, as programs grow their trees. */
static void write_nodes(struct capture_writer *w)
{
	for (uint32_t i = 1; i <= NODES; i++) {
		uint32_t parent = i < 2 ? 0 : i - 1 - random_below(i < 2000 ? i - 1 : 2000);

		while (node_depth[parent] >= DEPTH_MAX)
			parent = parent / 2;
		node_depth[i] = node_depth[parent] + 1;
		writer_python(w, parent, 1 + random_below(FUNCTIONS), random_below(90));
	}
}

/* Few stacks are hot and many are seen once: the fourth power of a uniform
 * number does that. */
static uint32_t next_stack(void)
{
	double u = random_below(1u << 30) / (double)(1u << 30);

	return 1 + (uint32_t)(u * u * u * u * (NODES - 1));
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 600;
	uint64_t hz = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
	uint32_t threads = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 8;
	struct capture_writer w;

	if (argc < 2 || !seconds || !hz || !threads || threads > 64) {
		fprintf(stderr, "usage: bench_capture_writer FILE [SECONDS [HZ [THREADS]]]\n");
		return 2;
	}
	writer_start(&w, 4242, "/usr/bin/python3.12", "python3.12 bench.py");
	w.header.is_first = 1;
	w.header.settings.rate_hz = (uint32_t)hz;
	w.header.end_monotonic_ns = w.header.start_monotonic_ns + (int64_t)(seconds * 1000000000);
	for (uint32_t t = 0; t < threads; t++)
		writer_thread(&w, (int)(4242 + t), t ? "worker" : "python3.12",
			      t ? FP_THREAD_PYTHON : FP_THREAD_PYTHON | FP_THREAD_MAIN);
	write_codes(&w);
	write_nodes(&w);
	for (uint32_t t = 0; t < threads; t++) {
		uint32_t stack = 1;

		for (uint64_t i = 0; i < seconds * hz; i++) {
			if (random_below(4) == 0) /* the same stack is seen some times in a row */
				stack = next_stack();
			cell_samples[t][stack]++;
			writer_sample(&w, t, stack, (i + 1) * 1000000 / hz, (uint32_t)(1000000 / hz),
				      FP_SAMPLE_GIL);
		}
	}
	for (uint32_t t = 0; t < threads; t++)
		for (uint32_t i = 1; i <= NODES; i++)
			if (cell_samples[t][i])
				writer_cell(&w, t, i, cell_samples[t][i],
					    cell_samples[t][i] * 1000000000 / hz,
					    cell_samples[t][i] * 1000000000 / hz, FP_CPU_PYTHON);
	writer_finish(&w, argv[1]);
	return 0;
}
