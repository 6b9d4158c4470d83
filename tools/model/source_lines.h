/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU, memory and copies per source line, function and file of the whole
 * process tree.  A stack counts on one line: the innermost Python frame whose
 * file is shown.  So memory that a library asks for counts on the library's
 * line, or, when the library is filtered out, on the line that called it.
 */
#ifndef FP_TOOLS_MODEL_SOURCE_LINES_H
#define FP_TOOLS_MODEL_SOURCE_LINES_H

#include "tools/read/profile.h"
#include "tools/read/source_text.h"

#define FP_SOURCE_NONE UINT32_MAX

struct fp_source_sums {
	uint64_t python_ns, native_ns, system_ns; /* Python: all of the interpreter, its objects too */
	uint64_t samples;
	uint64_t n_allocs, n_frees, n_live;
	uint64_t alloc_bytes;
	uint64_t python_bytes;    /* of alloc_bytes: MEM and OBJ domains */
	uint64_t peak_bytes;      /* at the peak of each process */
	uint64_t live_bytes;      /* at the end */
	uint64_t copy_bytes;
	double alloc_variance;
	double byte_ns;           /* bytes x how long they were held */
	uint64_t first_ns;        /* the first allocation, since the profile's start; 0 none */
	double busy;              /* sum of CPU x utilisation of its thread, ns */
	double leak_likelihood;   /* the largest; 0: no leak */
	double leak_bytes_s;
};

struct fp_source_line {
	uint32_t file, line;      /* 0: the code has no line here */
	struct fp_source_sums sums;
};

struct fp_source_function {
	uint32_t file, frame;     /* a frame of the profile: name and first line */
	struct fp_source_sums sums;
};

/* A file that is shown, largest first. */
struct fp_source_file {
	const char *name;
	struct fp_source_text text;
	bool changed;             /* written after the run began */
	uint32_t first_line, n_lines;         /* of lines, by number */
	uint32_t first_function, n_functions; /* of functions, largest first */
	struct fp_source_sums sums;
};

/* Heap and memory of the whole tree. */
struct fp_source_point {
	uint64_t when_ns;         /* since the profile's start */
	uint64_t heap_bytes, rss_bytes;
};

struct fp_source_lines {
	struct fp_source_file *files;
	uint32_t n_files, n_left_out; /* left out: below 1 % of everything */
	struct fp_source_line *lines;
	uint32_t n_lines;
	struct fp_source_function *functions;
	uint32_t n_functions;
	struct fp_source_sums all;   /* of the profile, also what has no line */
	struct fp_source_sums elsewhere; /* of all: in no file of Python that is shown or left out as small */
	uint32_t *line_of_node;      /* node of the profile -> line; FP_SOURCE_NONE */
	struct fp_source_point *points;
	size_t n_points;
	uint64_t peak_bytes, peak_when_ns;
	struct fp_arena *arena;
};

struct fp_leaks;

struct fp_source_options {
	const char *only_files, *not_files; /* comma lists of globs, or NULL */
	bool memory, copies;
	const struct fp_leaks *leaks;       /* of all processes; NULL: made here */
};

/* 0 or -ENOMEM. */
int fp_source_lines_make(const struct fp_profile *p, const struct fp_source_options *o,
			 struct fp_source_lines **ret_lines);
void fp_source_lines_destroy(struct fp_source_lines *s);

/* 0..1 of the CPU of the run. */
double fp_source_cpu_share(const struct fp_source_lines *s, const struct fp_source_sums *sums);
/* Whether sums have 1 % of anything, or a leak. */
bool fp_source_is_shown(const struct fp_source_lines *s, const struct fp_source_sums *sums);
/* How much of its time the threads that ran it had a CPU, 0..1. */
double fp_source_utilisation(const struct fp_source_sums *sums);
/* Held on average over the run. */
uint64_t fp_source_mean_bytes(const struct fp_source_sums *sums, uint64_t wall_ns);

#endif
