/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where captures lie while a program runs: the protocol between the agent,
 * `filperf run` and `filperf report`.
 *
 *   BASE = ${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}/filperf-UID    0700, ours
 *   RUN  = BASE/PID-STARTTICKS-L   made by filperf run, which renders
 *        | BASE/PID-STARTTICKS-P   made by the agent under plain LD_PRELOAD
 *   RUN/settings                   what is in force, see below
 *   RUN/PID-STARTTICKS-IMAGE[-N].fpc   one capture per process image, 0600
 *
 * PID and STARTTICKS (field 22 of /proc/PID/stat) are the run's first
 * process.  FIL_PERF_RUN_DIR carries RUN, absolute, down the tree.
 *
 * Functions here use raw system calls over the caller's memory: any context.
 */
#ifndef FP_SETTINGS_RUN_DIR_H
#define FP_SETTINGS_RUN_DIR_H

#include "agent/settings/options.h"

#include <sys/types.h>

#define FP_RUN_DIR_NAME "FIL_PERF_RUN_DIR"
/* Absolute path of filperf, for an agent that does not lie beside it. */
#define FP_REPORT_TOOL_NAME "FIL_PERF_REPORT_TOOL"
#define FP_RUN_SETTINGS_FILE "settings"
#define FP_RUN_LAUNCHED 'L'
#define FP_RUN_PRELOADED 'P'
#define FP_RUN_PATH_BYTES 512

struct fp_run_name {
	pid_t pid;
	uint64_t start_ticks;
	char how; /* FP_RUN_LAUNCHED or FP_RUN_PRELOADED */
};

/* BASE for this user.  0 or -ENAMETOOLONG. */
int fp_run_base(char *const envp[], uid_t uid, char *path, size_t n_bytes);

/* Makes BASE (0700) or checks that it is a real directory of uid that nobody
 * else may write.  0; -errno of mkdir; -ENOTDIR no directory or a symlink;
 * -EPERM another's; -EACCES others may enter it. */
int fp_run_base_make(const char *base, uid_t uid);

/* BASE/PID-TICKS-H.  0 or -ENAMETOOLONG. */
int fp_run_path(const char *base, const struct fp_run_name *name, char *path, size_t n_bytes);

/* Makes RUN (0700).  0 or -errno. */
int fp_run_make(const char *path);

/* Reads the last part of a path.  0 or -EINVAL. */
int fp_run_name_parse(const char *path, struct fp_run_name *ret_name);

/* Field 22 of /proc/PID/stat; pid 0 is the caller.  0 or -errno.  A zombie
 * answers too; *ret_state, when wanted, is field 3. */
int fp_run_start_ticks(pid_t pid, uint64_t *ret_ticks, char *ret_state);

/*
 * RUN/settings: lines NAME=value, every byte below 0x20, 0x7f and the
 * backslash in value as \xHH.  FIL_PERF_* of all settings, then
 *   OUTPUT_DIR absolute, CWD, STARTED (seconds since 1970), ARG once per
 *   argument of the command, LAUNCHER pid of filperf run or 0.
 */
struct fp_run_facts {
	const char *cwd;
	int64_t started_s;
	pid_t launcher;
	const char *cmdline;    /* NUL-separated, NUL-ended */
	size_t cmdline_bytes;
};

/* Writes the text; the number of bytes, or -ENOSPC. */
long fp_run_settings_format(const struct fp_settings *s, const struct fp_run_facts *facts, char *text,
			    size_t n_bytes);
#define FP_RUN_SETTINGS_BYTES (32u << 10)

/* Makes RUN/settings (0600, O_EXCL).  0 or -errno. */
int fp_run_settings_write(const char *run_dir, const char *text, size_t n_bytes);

/* Calls take() with each unescaped line of a settings text.  text is used as
 * scratch and must be NUL-ended. */
void fp_run_settings_lines(char *text, void (*take)(void *ctx, const char *name, const char *value), void *ctx);

/* Takes the FIL_PERF_ lines of a settings text (scratch, NUL-ended) over as
 * if they came from the environment. */
void fp_run_settings_take(struct fp_settings *s, char *text);

#endif
