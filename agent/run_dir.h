/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side of the run directory (agent/settings/run_dir.h has the
 * names): the private place where the captures of a process tree lie while it
 * runs.  Constructor and fork child; raw system calls only.
 */
#ifndef FP_AGENT_RUN_DIR_H
#define FP_AGENT_RUN_DIR_H

#include "agent/base/attrs.h"
#include "agent/capture/format.h"

#include <stdbool.h>
#include <stdint.h>

struct fp_run_dir {
	char path[FP_PATH_BYTES];
	bool is_first;    /* this process is the run's first */
	bool renders;     /* … and renders when it ends */
	bool created;     /* made here: the environment does not carry it yet */
};

/* Finds the run directory in envp, or makes one for a run that begins with
 * this process.  0; -EACCES and the like with a line for the user in error. */
FP_NODISCARD int fp_run_dir_open(char *const envp[], int pid, uint64_t start_ticks, struct fp_run_dir *ret_dir,
				 char *error, size_t error_bytes);

/* Field 22 of /proc/self/stat; 0 when it cannot be read. */
uint64_t fp_run_dir_start_ticks(void);

/* DIR/PID-TICKS-IMAGE.fpc */
void fp_run_dir_capture_path(const struct fp_run_dir *d, int pid, uint64_t start_ticks, uint32_t image, char *path,
			     size_t path_bytes);

/* Adds FIL_PERF_RUN_DIR to the environment without the host's heap. */
void fp_run_dir_export(const struct fp_run_dir *d);

#endif
