/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel allows.  Ordinary program. */
#include "tools/cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static long read_number(const char *path, long missing)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return missing;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtol(text, NULL, 10) : missing;
}

/* A hexadecimal or decimal field of /proc/self/status. */
static unsigned long long read_status(const char *field, int base)
{
	char line[256];
	unsigned long long value = 0;
	FILE *in = fopen("/proc/self/status", "re");

	while (in && fgets(line, sizeof(line), in))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field), NULL, base);
	if (in)
		fclose(in);
	return value;
}

static bool in_container(void)
{
	return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 || getenv("KUBERNETES_SERVICE_HOST");
}

static bool check_timer(void)
{
	struct sigevent event;
	timer_t timer;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_NONE;
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) < 0) {
		fp_doctor_say(FP_DOCTOR_BAD, "timers", errno == EAGAIN
					? "raise the limit: ulimit -i 1024, or docker run --ulimit sigpending=1024"
					: "allow timer_create: docker run --security-opt seccomp=unconfined",
			      "timer_create(CLOCK_THREAD_CPUTIME_ID) is refused: %s", strerror(errno));
		return false;
	}
	(void)timer_delete(timer);
	fp_doctor_say(FP_DOCTOR_OK, "timers", NULL, "CPU timers per thread work; no privilege is needed");
	return true;
}

static void check_sigpending(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_SIGPENDING, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		fp_doctor_say(FP_DOCTOR_OK, "threads", NULL, "no limit on pending signals");
	else
		fp_doctor_say(limit.rlim_cur < 256 ? FP_DOCTOR_NOTE : FP_DOCTOR_OK, "threads",
			      limit.rlim_cur < 256 ? "ulimit -i 4096, or docker run --ulimit sigpending=4096" : NULL,
			      "RLIMIT_SIGPENDING is %llu: timers for %llu threads at a time",
			      (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_cur / 2);
}

static void check_perf_event(void)
{
	long paranoid = read_number("/proc/sys/kernel/perf_event_paranoid", -100);
	struct perf_event_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_TASK_CLOCK;
	attr.exclude_kernel = 1;
	attr.disabled = 1;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0) {
		close((int)fd);
		fp_doctor_say(FP_DOCTOR_OK, "perf_event", NULL,
			      "allowed (kernel.perf_event_paranoid = %ld); filperf does not need it", paranoid);
		return;
	}
	fp_doctor_say(FP_DOCTOR_NOTE, "perf_event",
		      "filperf does not need it; for perf: sudo sysctl kernel.perf_event_paranoid=2, and in a container "
		      "docker run --cap-add PERFMON",
		      "refused: %s (kernel.perf_event_paranoid = %ld)", strerror(errno), paranoid);
}

static void check_ptrace(void)
{
	long scope = read_number("/proc/sys/kernel/yama/ptrace_scope", -1);
	bool capable = read_status("CapEff:", 16) >> 19 & 1; /* CAP_SYS_PTRACE */

	if (scope < 0)
		fp_doctor_say(FP_DOCTOR_OK, "ptrace", NULL,
			      "the kernel has no kernel.yama.ptrace_scope; filperf does not need ptrace");
	else if (scope == 0 || (capable && scope < 3))
		fp_doctor_say(FP_DOCTOR_OK, "ptrace", NULL,
			      "allowed (kernel.yama.ptrace_scope = %ld%s); filperf does not need it", scope,
			      capable ? ", CAP_SYS_PTRACE" : "");
	else
		fp_doctor_say(FP_DOCTOR_NOTE, "ptrace",
			      scope == 3 ? "filperf does not need it; for tools that attach: reboot, as 3 cannot be lowered"
					 : "filperf does not need it; for tools that attach (py-spy, gdb): "
					   "sudo sysctl kernel.yama.ptrace_scope=0, or docker run --cap-add SYS_PTRACE",
			      "limited to children (kernel.yama.ptrace_scope = %ld)", scope);
}

bool fp_doctor_kernel(void)
{
	struct utsname name;
	bool ok;

	(void)uname(&name);
#if defined(__x86_64__)
	fp_doctor_say(FP_DOCTOR_OK, "machine", NULL, "%s %s %s%s", name.sysname, name.release, name.machine,
		      in_container() ? ", in a container" : "");
#else
	fp_doctor_say(FP_DOCTOR_BAD, "machine", "use an x86-64 machine", "%s is not supported", name.machine);
#endif
	ok = check_timer();
	check_sigpending();
	check_perf_event();
	check_ptrace();
	if (read_status("Seccomp:", 10) == 2)
		fp_doctor_say(FP_DOCTOR_NOTE, "seccomp",
			      "only if a check above failed: docker run --security-opt seccomp=unconfined",
			      "a filter of system calls is in force");
	return ok;
}
