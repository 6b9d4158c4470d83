/* SPDX-License-Identifier: Apache-2.0 */
/* Parents of processes, by pid and time.  Model stage, ordinary program. */
#include "tools/model/process_tree.h"

#include <stdlib.h>

/* In order of pid, then of start.  A pid can come again: as the next image
 * after an exec, or as another process when numbers were used up. */
struct entry {
	int64_t start_ns;
	uint64_t start_ticks;
	int32_t pid, parent_pid;
	uint32_t process;
};

static int by_start(const struct entry *x, const struct entry *y)
{
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->process < y->process ? -1 : x->process > y->process;
}

static int by_pid(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return by_start(x, y);
}

static struct entry entry_of(const struct fp_profile *p, uint32_t process)
{
	const struct fp_profile_process *q = &p->processes[process];
	struct entry e = { .pid = q->pid, .parent_pid = q->ppid, .process = process };

	if (q->capture < p->n_headers) {
		const struct fp_capture_header *h = &p->headers[q->capture];

		e.start_ns = h->start_monotonic_ns;
		e.start_ticks = h->start_ticks;
		if (h->forked)
			e.parent_pid = h->parent_pid;
	}
	return e;
}

/* The newest entry of pid that is older than child, or NULL. */
static const struct entry *find_parent(const struct entry *entries, uint32_t n, const struct entry *child)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct entry *e = &entries[middle];

		if (e->pid < child->parent_pid || (e->pid == child->parent_pid && by_start(e, child) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low && entries[low - 1].pid == child->parent_pid ? &entries[low - 1] : NULL;
}

uint32_t *fp_parents_of_processes(const struct fp_profile *p)
{
	struct entry *entries = malloc(((size_t)p->n_processes + 1) * sizeof(*entries));
	uint32_t *parents = malloc(((size_t)p->n_processes + 1) * sizeof(*parents)), first = 0;

	if (!entries || !parents) {
		free(entries);
		free(parents);
		return NULL;
	}
	for (uint32_t i = 0; i < p->n_processes; i++)
		entries[i] = entry_of(p, i);
	qsort(entries, p->n_processes, sizeof(*entries), by_pid);
	for (uint32_t i = 0; i < p->n_processes; i++) {
		/* after an exec the parent may be gone: the first image knew it */
		if (entries[i].pid != entries[first].pid || entries[i].start_ticks != entries[first].start_ticks)
			first = i;
		const struct entry *parent = find_parent(entries, p->n_processes, &entries[first]);

		parents[entries[i].process] = parent && parent->pid != entries[i].pid ? parent->process : FP_PROCESS_NONE;
	}
	free(entries);
	return parents;
}
