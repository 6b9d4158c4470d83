/* SPDX-License-Identifier: Apache-2.0 */
/* Where files go, and whether programs can take the agent.  Ordinary program. */
#include "tools/cli/doctor.h"
#include "tools/cli/program.h"
#include "tools/cli/runs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool check_agent(void)
{
	char agent[PATH_MAX], tried[2 * PATH_MAX];

	if (fp_agent_find(agent, sizeof(agent), tried, sizeof(tried)) < 0) {
		fp_doctor_say(FP_DOCTOR_BAD, "agent", "install filperf again: cmake --install BUILD --prefix PREFIX",
			      "libfilperf_agent.so is not at %s", tried);
		return false;
	}
	if (strpbrk(agent, " :")) {
		fp_doctor_say(FP_DOCTOR_BAD, "agent", "install filperf at a path without blanks and colons",
			      "%s cannot be named in LD_PRELOAD", agent);
		return false;
	}
	fp_doctor_say(FP_DOCTOR_OK, "agent", NULL, "%s", agent);
	return true;
}

static bool check_run_dir(void)
{
	char base[FP_RUN_PATH_BYTES] = "";
	struct statvfs fs;
	int r = fp_runs_base(base, sizeof(base));

	if (r == 0)
		r = fp_run_base_make(base, getuid());
	if (r == 0 && access(base, W_OK) < 0)
		r = -errno;
	if (r) {
		fp_doctor_say(FP_DOCTOR_BAD, "run directory",
			      r == -EACCES ? "chmod 700 it, or set TMPDIR to a writable directory of yours"
					   : "remove it, or set TMPDIR to a writable directory of yours",
			      "%s cannot be used: %s", base,
			      r == -EPERM ? "it belongs to somebody else" : strerror(-r));
		return false;
	}
	if (statvfs(base, &fs) == 0)
		fp_doctor_say((unsigned long long)fs.f_bavail * fs.f_frsize < (64u << 20) ? FP_DOCTOR_NOTE : FP_DOCTOR_OK,
			      "run directory",
			      (unsigned long long)fs.f_bavail * fs.f_frsize < (64u << 20)
				      ? "free some space, or set TMPDIR to another file system"
				      : NULL,
			      "%s, %llu MB free", base, (unsigned long long)fs.f_bavail * fs.f_frsize >> 20);
	return true;
}

/* output_dir is made late, so the nearest parent that exists counts. */
static bool check_output_dir(const char *dir)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s", dir);
	while (access(parent, F_OK) < 0 && strcmp(parent, ".") != 0 && strcmp(parent, "/") != 0) {
		char *slash = strrchr(parent, '/');

		if (!slash)
			strcpy(parent, ".");
		else
			slash[slash == parent] = 0;
	}
	if (access(parent, W_OK | X_OK) < 0) {
		fp_doctor_say(FP_DOCTOR_BAD, "output directory", "give another: --output-dir DIR or FIL_PERF_OUTPUT_DIR",
			      "%s cannot be made: %s is not writable (%s)", dir, parent, strerror(errno));
		return false;
	}
	fp_doctor_say(FP_DOCTOR_OK, "output directory", NULL, "%s", dir);
	return true;
}

static void check_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		fp_doctor_say(FP_DOCTOR_NOTE, "file size", "ulimit -f unlimited",
			      "RLIMIT_FSIZE is %llu MB: captures stop growing there",
			      (unsigned long long)limit.rlim_cur >> 20);
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		fp_doctor_say(FP_DOCTOR_NOTE, "address space", "ulimit -v unlimited",
			      "RLIMIT_AS is %llu MB: the agent uses small tables",
			      (unsigned long long)limit.rlim_cur >> 20);
}

bool fp_doctor_places(const struct fp_settings *s)
{
	bool agent = check_agent();
	bool run = check_run_dir();
	bool output = check_output_dir(s->of[FP_OPTION_output_dir].text);

	check_limits();
	return agent && run && output;
}

bool fp_doctor_program(const char *name)
{
	struct fp_program program;
	char path[PATH_MAX], final[PATH_MAX];
	const char *obstacle;
	int r = fp_program_find(name, path, sizeof(path));

	if (r == 0)
		r = fp_program_inspect_deep(path, &program, final, sizeof(final));
	if (r) {
		fp_doctor_say(FP_DOCTOR_BAD, name, "check the name, PATH and its permissions", "%s", strerror(-r));
		return false;
	}
	obstacle = fp_program_obstacle(program.kind);
	if (obstacle) {
		fp_doctor_say(FP_DOCTOR_BAD, name, NULL, "%s: %s", final, obstacle);
		return false;
	}
	if (program.kind != FP_PROGRAM_DYNAMIC)
		fp_doctor_say(FP_DOCTOR_NOTE, name, NULL, "%s: no program format that filperf knows; /bin/sh may run it",
			      final);
	else if (strcmp(final, path) != 0)
		fp_doctor_say(FP_DOCTOR_OK, name, NULL, "%s, run by %s", path, final);
	else
		fp_doctor_say(FP_DOCTOR_OK, name, NULL, "%s", final);
	return true;
}
