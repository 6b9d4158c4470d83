/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interpreters on this machine: found in PATH and in the usual places, asked
 * for their version.  Ordinary program.
 */
#include "tools/cli/doctor.h"
#include "tools/cli/program.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PYTHONS 64

struct found {
	char paths[MAX_PYTHONS][PATH_MAX];
	unsigned int n;
};

/* pythonN, pythonN.M, pythonN.Mt; not python3-config. */
static bool is_python_name(const char *name)
{
	if (strncmp(name, "python", 6) != 0)
		return false;
	name += 6;
	name += strspn(name, "0123456789.");
	return !*name || strcmp(name, "t") == 0;
}

static void add(struct found *f, const char *path)
{
	char resolved[PATH_MAX];

	if (f->n == MAX_PYTHONS || access(path, X_OK) < 0 || !realpath(path, resolved))
		return;
	for (unsigned int i = 0; i < f->n; i++)
		if (strcmp(f->paths[i], resolved) == 0)
			return;
	/* a shim that is a script would only be asked for what it finds */
	struct fp_program p;
	if (fp_program_inspect(resolved, &p) < 0 || p.kind == FP_PROGRAM_SCRIPT)
		return;
	strcpy(f->paths[f->n++], resolved);
}

static void add_dir(struct found *f, const char *dir)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		if (!is_python_name(e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		add(f, path);
	}
	if (d)
		closedir(d);
}

static void find_all(struct found *f)
{
	static const char *const patterns[] = {
		"~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin", ".venv/bin", "/opt/python*/bin",
	};
	const char *path = getenv("PATH");
	char dir[PATH_MAX];

	for (const char *p = path ? path : ""; *p;) {
		size_t n = strcspn(p, ":");

		snprintf(dir, sizeof(dir), "%.*s", (int)n, p);
		add_dir(f, dir);
		p += n + (p[n] == ':');
	}
	for (unsigned int i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		glob_t g;

		if (glob(patterns[i], GLOB_TILDE, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++)
			add_dir(f, g.gl_pathv[k]);
		globfree(&g);
	}
}

/* "3.11.7" and " free-threaded", or "" when it does not answer in 5 s. */
static void ask(const char *path, char *answer, size_t n_bytes)
{
	static char *const code = "import sys,sysconfig as s;print('%d.%d.%d' % sys.version_info[:3] + "
				  "(' free-threaded' if s.get_config_var('Py_GIL_DISABLED') else '') + "
				  "('' if sys.implementation.name == 'cpython' else ' ' + sys.implementation.name))";
	char *argv[] = {(char *)path, "-I", "-S", "-c", code, NULL};
	struct pollfd wait;
	ssize_t n = 0;
	int fds[2];
	pid_t pid;

	answer[0] = 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 0);
		(void)dup2(fds[1], 1);
		(void)dup2(null, 2);
		unsetenv("LD_PRELOAD");
		execv(path, argv);
		_exit(127);
	}
	close(fds[1]);
	wait = (struct pollfd){.fd = fds[0], .events = POLLIN};
	if (pid > 0 && poll(&wait, 1, 5000) > 0)
		n = read(fds[0], answer, n_bytes - 1);
	answer[n > 0 ? n : 0] = 0;
	answer[strcspn(answer, "\r\n")] = 0;
	close(fds[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
}

bool fp_doctor_pythons(void)
{
	static struct found f;
	bool any = false;

	find_all(&f);
	for (unsigned int i = 0; i < f.n; i++) {
		char answer[64];
		struct fp_program program;
		const char *obstacle = NULL;
		int major = 0, minor = 0;

		if (fp_program_inspect(f.paths[i], &program) == 0)
			obstacle = fp_program_obstacle(program.kind);
		if (obstacle) {
			fp_doctor_say(FP_DOCTOR_NOTE, "python", NULL, "%s: %s", f.paths[i], obstacle);
			continue;
		}
		ask(f.paths[i], answer, sizeof(answer));
		if (sscanf(answer, "%d.%d", &major, &minor) != 2) {
			fp_doctor_say(FP_DOCTOR_NOTE, "python", NULL, "%s: does not run", f.paths[i]);
			continue;
		}
		if (major == 3 && minor >= 8 && minor <= 15 &&
		    (!strchr(answer, ' ') || (minor >= 13 && strstr(answer, " free-threaded")))) {
			fp_doctor_say(FP_DOCTOR_OK, "python", NULL, "%s: %s", f.paths[i], answer);
			any = true;
		} else {
			fp_doctor_say(FP_DOCTOR_NOTE, "python",
				      "use CPython 3.8 to 3.15; this one gets native samples only unless the report says "
				      "otherwise",
				      "%s: %s", f.paths[i], answer);
		}
	}
	if (!any)
		fp_doctor_say(FP_DOCTOR_NOTE, "python", "apt-get install python3", "no supported CPython in PATH");
	return true;
}
