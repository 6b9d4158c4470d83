/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of this process, read once in the constructor into a constant
 * object; nobody else looks at the environment.
 */
#ifndef FP_AGENT_CONFIG_H
#define FP_AGENT_CONFIG_H

#include "agent/capture/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_config {
	bool enabled;
	bool sampling;
	bool native;
	bool subprocesses;
	bool render;
	uint32_t rate_hz;
	uint32_t mem_mode;           /* enum fp_mem_mode, asked for */
	bool mem_native, mem_stream, copies;
	uint32_t temporary_threshold;
	uint64_t sample_bytes;
	uint32_t max_capture_mb;
	uint64_t duration_ns;
	char label[FP_LABEL_BYTES];
	char notices[2048]; /* lines about bad or unknown settings */
};
extern struct fp_config fp_config;

/* Reads the environment.  Constructor; no heap. */
void fp_config_read(char *const envp[]);
/* The run's first process under plain LD_PRELOAD: [tool.filperf] counts too. */
void fp_config_read_pyproject(void);
/* A later process of the run: what the first one settled, below its own
 * environment. */
void fp_config_read_run(const char *run_dir, char *const envp[]);
/* Leaves the effective settings in the run directory for later processes and
 * for filperf report. */
void fp_config_write_run(const char *run_dir);
/* Gives back the memory that reading took. */
void fp_config_done(void);

#endif
