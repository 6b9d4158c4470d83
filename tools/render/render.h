/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One renderer per file, all behind this struct, registered once in
 * render/registry.c.  A new format: add a file and a line there.
 * A renderer gets a finished profile; it never reads files or environment.
 */
#ifndef FP_TOOLS_RENDER_RENDER_H
#define FP_TOOLS_RENDER_RENDER_H

#include "tools/read/profile.h"

#include <stdio.h>

struct fp_render_options {
	const char *title;      /* heading, NULL: from the profile */
	bool threads;           /* a root frame per thread */
	bool lines;
	bool process_roots;     /* set when more than one process was sampled */
	const struct fp_profile *base; /* --diff BASE, or NULL */
};

struct fp_renderer {
	const char *name;       /* as in FIL_PERF_SPY_OUTPUT */
	const char *suffix;     /* of <label>-pyspy, with the dot */
	const char *what;       /* one line for help */
	const char *viewer;     /* how to open it, for the summary and docs */
	bool needs_samples;     /* uses profile->samples */
	bool can_diff;
	/* Writes to out; 0 or -errno. */
	int (*render)(const struct fp_profile *p, const struct fp_render_options *o, FILE *out);
};

extern const struct fp_renderer *const fp_renderers[]; /* NULL-ended */
const struct fp_renderer *fp_renderer_find(const char *name_or_suffix);

#endif
