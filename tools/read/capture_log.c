/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline of a capture: chunks of threads, put in order.  Reader stage,
 * ordinary program; the file may be hostile.
 */
#include "tools/read/capture_file.h"

#include <errno.h>
#include <stdlib.h>

struct chunk_place {
	uint32_t thread, sequence, chunk;
};

static int by_thread(const void *a, const void *b)
{
	const struct chunk_place *x = a, *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* Which chunks belong to whom.  NULL: out of memory. */
static struct chunk_place *list_chunks(const struct fp_capture *c, uint32_t *ret_n)
{
	struct chunk_place *places = malloc(((size_t)c->n_chunks + 1) * sizeof(*places));
	uint32_t n = 0;

	for (uint32_t i = 0; places && i < c->n_chunks; i++) {
		struct { uint32_t thread, n_samples, sequence, reserved; } head;
		uint64_t at = c->log_offset_bytes + (uint64_t)i * FP_LOG_CHUNK_BYTES;

		if (fp_capture_read_at(c->fd, &head, sizeof(head), at) < sizeof(head))
			break;
		if (head.thread < c->n_threads && head.n_samples)
			places[n++] = (struct chunk_place){ head.thread, head.sequence, i };
	}
	*ret_n = n;
	return places;
}

int fp_capture_samples(const struct fp_capture *c,
		       int (*take)(void *ctx, uint32_t thread, const struct fp_sample *s),
		       void *ctx)
{
	uint32_t n;
	struct chunk_place *places = list_chunks(c, &n);
	int stop = 0;

	if (!places)
		return -ENOMEM;
	qsort(places, n, sizeof(*places), by_thread);
	for (uint32_t i = 0; i < n && !stop; i++) {
		struct fp_log_chunk chunk;
		uint64_t at = c->log_offset_bytes + (uint64_t)places[i].chunk * FP_LOG_CHUNK_BYTES;

		if (fp_capture_read_at(c->fd, &chunk, sizeof(chunk), at) < sizeof(chunk))
			break;
		if (chunk.n_samples > FP_LOG_CHUNK_SAMPLES)
			chunk.n_samples = FP_LOG_CHUNK_SAMPLES;
		for (uint32_t k = 0; k < chunk.n_samples && !stop; k++)
			if (chunk.samples[k].stack < c->n_nodes)
				stop = take(ctx, places[i].thread, &chunk.samples[k]);
	}
	free(places);
	return stop;
}
