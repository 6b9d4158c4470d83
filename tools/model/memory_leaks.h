/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is held at the end, by the line that asked for it, and whether it
 * looks like a leak.  docs/performance/memray.md has the reasons.
 */
#ifndef FP_TOOLS_MODEL_MEMORY_LEAKS_H
#define FP_TOOLS_MODEL_MEMORY_LEAKS_H

#include "tools/model/memory_sums.h"

enum fp_leak_verdict {
	FP_LEAK_YES,    /* grew all the time, to the end, at a steady pace, and nothing was given back */
	FP_LEAK_GROWS,  /* grew more often than it shrank, up to the end; too little to say more */
	FP_LEAK_HELD,   /* stands still, comes and goes, or was there at once */
};

/* What the verdict rests on: sums over the cells, weighted by what lives. */
struct fp_leak_facts {
	struct fp_memory_sum live;
	uint64_t n_allocs, alloc_bytes;
	double ups, downs;     /* checkpoints at which it had grown, shrunk */
	double last_up;        /* number of the checkpoint of the last growth */
	double age_ms;         /* mean of the live blocks */
	double cpu_age;        /* the CPU time since then, as a share of that since first_ms; < 0 unknown */
	uint32_t first_ms;     /* its first allocation of what lives */
};

/* A line of a process, all its stacks or those that leak alone. */
struct fp_leak {
	uint32_t frame;        /* the innermost Python frame, else the leaf; UINT32_MAX none */
	uint32_t stack;        /* with the most bytes */
	uint32_t n_stacks;
	uint32_t process;      /* index into memory->processes */
	struct fp_leak_facts facts;
	double score;          /* Laplace: (ups + 1) / (ups + downs + 2) */
	double span_ms;        /* from facts.first_ms to the end of the process's recording */
	enum fp_leak_verdict verdict;
};

struct fp_leaks {
	struct fp_leak *rows;  /* by verdict, then by bytes */
	uint32_t n_rows, n_leaks;
	struct fp_memory_sum all, leaked;
};

/* What the checkpoints and the clock of a process were. */
struct fp_leak_clock {
	double n_checkpoints;
	double end_ms;         /* of the recording, since the process's start */
};

/* process: index into memory->processes, UINT32_MAX all.  0 or -ENOMEM. */
int fp_leaks_make(const struct fp_profile *p, uint32_t process, struct fp_leaks **ret_leaks);
void fp_leaks_destroy(struct fp_leaks *l);

/* "leak", "grows", "held". */
const char *fp_leak_verdict_name(enum fp_leak_verdict verdict);
double fp_leak_score(const struct fp_leak_facts *f);
enum fp_leak_verdict fp_leak_judge(const struct fp_leak_facts *f, const struct fp_leak_clock *clock);

#endif
