/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the hostile tests look at of each capture named on the command
 * line: one line of key=value words per capture.
 */
#include "agent/capture/format.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const loss_names[FP_LOSS_MAX] = {
#define X(name, text) [FP_LOSS_##name] = #name,
	FP_LOSSES(X)
#undef X
};

/* Sums over the estimates by stack. */
static void print_slots(const struct fp_capture_header *h, uint64_t file_bytes)
{
	const struct fp_region *r = &h->regions[FP_REGION_COPIES];
	uint64_t n = r->used_bytes / sizeof(struct fp_copy_slot), samples = 0, bytes[FP_COPY_KINDS] = {0}, calls = 0;
	double variance = 0;

	if (r->offset_bytes + r->used_bytes > file_bytes)
		n = 0;
	for (uint64_t i = 1; i < n; i++) {
		const struct fp_copy_slot *slot =
			(const struct fp_copy_slot *)((const char *)h + r->offset_bytes) + i;

		samples += slot->n_samples;
		variance += slot->variance;
		for (int k = 0; k < FP_COPY_KINDS; k++) {
			bytes[k] += slot->bytes[k];
			calls += slot->calls[k] / 256;
		}
	}
	printf(" copy_samples=%llu copy_python=%llu copy_native=%llu copy_calls_estimate=%llu copy_variance=%.0f",
	       (unsigned long long)samples, (unsigned long long)bytes[FP_COPY_PYTHON],
	       (unsigned long long)bytes[FP_COPY_NATIVE], (unsigned long long)calls, variance);
}

static unsigned n_notices(const struct fp_capture_header *h)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(h->notices) && h->notices[i]; i++)
		n += h->notices[i] == '\n';
	return n;
}

static void print_facts(const struct fp_capture_header *h, uint64_t file_bytes)
{
	const struct fp_region *threads = &h->regions[FP_REGION_THREADS];
	uint64_t samples = 0, booked_ns = 0, clock_ns = 0, agent_ns = 0,
		 copy_calls = 0, copy_bytes = 0, n = threads->used_bytes / sizeof(struct fp_thread_record);

	if (threads->offset_bytes + threads->used_bytes > file_bytes)
		n = 0;
	for (uint64_t i = 0; i < n; i++) {
		const struct fp_thread_record *r =
			(const struct fp_thread_record *)((const char *)h + threads->offset_bytes) + i;

		samples += r->samples;
		booked_ns += r->booked_ns;
		clock_ns += r->cpu_clock_ns - r->cpu_begin_ns;
		agent_ns += r->agent_ns;
		copy_calls += r->copy_calls;
		copy_bytes += r->copy_bytes;
	}
	printf("magic=%d image=%u forked=%u first=%u end=%u status=%d signal=%u python=%u threads=%llu samples=%llu booked_ns=%llu clock_ns=%llu agent_ns=%llu execs=%u forks=%u spawns=%u",
	       memcmp(h->magic, FP_CAPTURE_MAGIC, 8) == 0, h->image, h->forked, h->is_first, h->end_reason, h->end_status,
	       h->signal_number, h->python_state, (unsigned long long)n, (unsigned long long)samples,
	       (unsigned long long)booked_ns, (unsigned long long)clock_ns, (unsigned long long)agent_ns, h->execs,
	       h->forks, h->spawns);
	printf(" copies=%u copy_calls=%llu copy_bytes=%llu", h->mem.copies, (unsigned long long)copy_calls,
	       (unsigned long long)copy_bytes);
	print_slots(h, file_bytes);
	printf(" mem=%u stream=%u mem_heap=%llu mem_peak=%llu", h->mem.mode, h->mem.stream,
	       (unsigned long long)h->mem.heap_bytes, (unsigned long long)h->mem.peak_bytes);
	printf(" notices=%u", n_notices(h));
	for (int i = 0; i < FP_LOSS_MAX; i++)
		if (h->losses[i])
			printf(" lost_%s=%llu", loss_names[i], (unsigned long long)h->losses[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		struct stat st;
		void *map;

		if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size < sizeof(struct fp_capture_header)) {
			printf("magic=0 cut=1\n");
			continue;
		}
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			return 1;
		print_facts(map, (uint64_t)st.st_size);
		munmap(map, (size_t)st.st_size);
		close(fd);
	}
	return 0;
}
