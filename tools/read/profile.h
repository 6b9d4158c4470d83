/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile: what every reader makes and every model and renderer takes.
 * Independent of where it came from (a run's captures, collapsed text, our
 * own .json or .prof).  Owned by whoever called a reader; freed as a whole.
 */
#ifndef FP_TOOLS_READ_PROFILE_H
#define FP_TOOLS_READ_PROFILE_H

#include "agent/capture/format.h"
#include "tools/read/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fp_frame_kind {
	FP_FRAME_PYTHON,
	FP_FRAME_NATIVE,
	FP_FRAME_MARK,    /* [unsampled] and the like */
};

/* A function at a line; equal frames have equal ids. */
struct fp_frame {
	enum fp_frame_kind kind;
	const char *name;       /* co_name, or the native symbol */
	const char *qualname;   /* co_qualname where CPython has it, else name */
	const char *file;       /* as the program said it; module path for native; "" unknown */
	uint32_t line;          /* 0 unknown */
	uint32_t column;        /* 1-based, 0 unknown */
	uint32_t first_line;    /* of the function */
	bool inlined;           /* native: inlined into its caller in the stack */
};

/* Prefix tree over all processes.  0 is the root and has no frame. */
struct fp_stack_node {
	uint32_t parent;
	uint32_t frame;
};

struct fp_profile_thread {
	uint32_t process;       /* index */
	int32_t tid;
	bool is_main;
	char name[32];
	size_t first_sample, n_samples; /* range of profile->samples */
	struct fp_thread_record record; /* zero when the source has none */
};

struct fp_profile_process {
	int32_t pid, ppid;
	uint32_t image;
	const char *exe;
	const char *cmdline;    /* quoted for a shell */
	const char *title;      /* short: script, module or program name */
	bool is_python;
	bool is_first;
	bool cut;               /* killed, or still running: no end was written */
	bool running;
	uint32_t capture;       /* index of its header, UINT32_MAX none */
};

/* Sums per (thread, stack). */
struct fp_profile_cell {
	uint32_t thread, stack;
	uint64_t samples, gil_samples;
	uint64_t ns[FP_CPU_KINDS];
	uint64_t gil_ns;
};

/* 16 bytes, as there may be millions; the thread is the range it lies in. */
struct fp_profile_sample {
	uint64_t when_us : 48;  /* since the profile's start */
	uint64_t flags : 16;    /* enum fp_sample_flag */
	uint32_t stack;
	uint32_t weight_us;
};

struct fp_profile {
	/* tables */
	struct fp_frame *frames;
	uint32_t n_frames;
	struct fp_stack_node *nodes;
	uint32_t n_nodes;
	struct fp_profile_process *processes;
	uint32_t n_processes;
	struct fp_profile_thread *threads;
	uint32_t n_threads;
	struct fp_profile_cell *cells;
	size_t n_cells;
	/* by thread, then in order; may be empty (sources without order, or log_full) */
	struct fp_profile_sample *samples;
	size_t n_samples;
	/* the run */
	const char *label;
	const char *source;        /* what was read, for messages */
	const char *command;       /* of the first process */
	const char *cwd;
	int64_t start_realtime_ns;
	uint64_t wall_ns;          /* first start to last end or heartbeat */
	uint32_t rate_hz;          /* nominal; samples in svg and raw = weight * rate */
	bool has_time;             /* false: weights are counts at rate_hz, times unknown */
	bool cut;                  /* some process has no end */
	uint64_t losses[FP_LOSS_MAX];
	struct fp_capture_header *headers; /* copies, n_headers; cells of one per process image */
	uint32_t n_headers;
	const char *filter;        /* "" or what was chosen ("only samples that hold the GIL"),
				    * for titles and empty graphs */
	const char *damage;        /* "" or one line: what could not be read, and why */
	const char *unnamed;       /* "" or one line: the files whose symbols could not be used */
	struct fp_memory *memory;  /* NULL: the source has none, or it was not asked for */
	struct fp_arena *arena;    /* owns the strings */
};

struct fp_read_options {
	bool native_symbols;       /* resolve native frames (elfutils); else module+offset */
	bool want_samples;         /* fill samples[] */
	bool want_memory;          /* fill memory */
	bool lines;                /* false: line = 0 everywhere, frames merge */
	const char *only_process;  /* pid, or glob on title; NULL all */
	const char *only_thread;   /* glob on name, or tid; NULL all */
	const char *threads_include, *threads_exclude; /* comma lists of globs */
	bool gil_only;
	bool subprocesses;         /* false: the first process only */
	void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t all);
	void *progress_ctx;
};

/* IN: a <label>.filperf directory, a run directory, one capture, collapsed
 * text, our .json or .prof.  Returns 0, or -errno with one line in error
 * (what, why, what to do); *ret_profile is untouched then. */
int fp_profile_read(const char *in, const struct fp_read_options *options,
		    struct fp_profile **ret_profile, char *error, size_t error_bytes);
void fp_profile_destroy(struct fp_profile *p);

/* Weight of a cell in ns, all kinds. */
static inline uint64_t fp_profile_cell_ns(const struct fp_profile_cell *c)
{
	uint64_t sum = 0;
	for (int k = 0; k < FP_CPU_KINDS; k++)
		sum += c->ns[k];
	return sum;
}

#endif
