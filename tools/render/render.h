/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One renderer per file, all behind this struct, registered once in
 * render/registry.c.  A new format: add a file and a line there.
 * A renderer gets a finished profile and never reads the environment.  The only
 * files it reads are what the profile names: sources that it quotes (through
 * the model), and the capture's stream of allocations.
 */
#ifndef FP_TOOLS_RENDER_RENDER_H
#define FP_TOOLS_RENDER_RENDER_H

#include "tools/model/memory_sums.h"
#include "tools/read/profile.h"

#include <stdio.h>

/* Whose reports: the settings FIL_PERF_<family>_… and the files
 * <label>-<family><suffix>.  A renderer of FP_FAMILY_MEMRAY or _MEMORY answers
 * -ENODATA without profile->memory; one of FP_FAMILY_SCALENE does without. */
enum fp_report_family {
	FP_FAMILY_PYSPY,
	FP_FAMILY_MEMRAY,
	FP_FAMILY_SCALENE,
	FP_FAMILY_MEMORY,   /* texts that come with either of the two */
	FP_FAMILY_MAX
};

struct fp_source_lines;
struct fp_leaks;

/* What several formats of one profile and of the same options need: made by the
 * first that does, freed by whoever renders.  Formats of Scalene's, which are not
 * rendered at the same time. */
struct fp_render_shared {
	struct fp_source_lines *source;
	struct fp_leaks *leaks;   /* of all processes */
};

struct fp_render_options {
	const char *title;      /* heading, NULL: from the profile */
	bool threads;           /* a root frame per thread */
	bool lines;
	bool process_roots;     /* set when more than one process was sampled */
	const struct fp_profile *base; /* --diff BASE, or NULL */
	/* memory */
	uint32_t memory_process;       /* index into memory->processes, for formats of one process each */
	enum fp_memory_view view;
	bool json;                     /* table, tree, summary, stats, leaks: as JSON */
	uint32_t limit;                /* rows; 0: the format's own */
	uint32_t columns;              /* of the terminal; 0: no terminal */
	bool colour;
	const char *only_files, *not_files; /* comma lists of globs, or NULL */
	bool no_memory, no_copies;     /* Scalene's: without these columns */
	struct fp_render_shared *shared; /* NULL: each format makes its own */
};

struct fp_renderer {
	enum fp_report_family family;
	const char *name;       /* as in FIL_PERF_SPY_OUTPUT, FIL_PERF_MEMRAY_FORMAT */
	const char *suffix;     /* behind <label>-<family>: ".svg"; "-final.txt" */
	const char *what;       /* one line for help */
	const char *viewer;     /* how to open it, for the summary and docs */
	bool needs_samples;     /* uses profile->samples */
	bool can_diff;
	bool per_process;       /* one file for each of memory->processes */
	/* Writes to out; 0 or -errno. */
	int (*render)(const struct fp_profile *p, const struct fp_render_options *o, FILE *out);
};

extern const struct fp_renderer *const fp_renderers[]; /* NULL-ended */
/* As in file names: "pyspy". */
const char *fp_report_family_name(enum fp_report_family family);
/* NULL: not in this filperf. */
const struct fp_renderer *fp_renderer_find(enum fp_report_family family, const char *name);
/* Of py-spy's family, by name or by the end of a file's name. */
const struct fp_renderer *fp_renderer_guess(const char *name_or_file);

#endif
