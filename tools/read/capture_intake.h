/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture becomes a process of a profile.  Reader stage.
 */
#ifndef FP_TOOLS_READ_CAPTURE_INTAKE_H
#define FP_TOOLS_READ_CAPTURE_INTAKE_H

#include "tools/read/capture.h"
#include "tools/read/readers.h"

struct fp_symbols;

/* Adds all of c that the job's options want; c came from path, its header is
 * profile->headers[header].  symbols are as fp_capture_frames_create takes them.
 * c loses its tables.  0 or -ENOMEM. */
int fp_capture_take(const struct fp_read_job *job, struct fp_capture *c, const char *path,
		    uint32_t header, int64_t base_monotonic_ns, struct fp_symbols *symbols);

#endif
