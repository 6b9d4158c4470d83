/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf run: sets the preload up, starts the command, renders when it ended,
 * and ends as the command did.  Ordinary program, one thread.
 */
#include "tools/cli/commands.h"
#include "tools/cli/launch.h"
#include "tools/cli/message.h"
#include "tools/cli/program.h"
#include "tools/cli/report.h"
#include "tools/cli/snapshot.h"
#include "tools/cli/store.h"
#include "tools/render/render.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PYSPY(letter_, name_, arg_, setting_, value_, help_)                                                         \
	{                                                                                                             \
		.id = FP_FLAG_SETTING, .letter = letter_, .name = name_, .arg = arg_,                                 \
		.setting = FP_OPTION_##setting_, .value = value_, .help = help_                                       \
	}

static const struct fp_flag flag_output = {.id = FP_FLAG_OUTPUT,
					   .letter = 'o',
					   .name = "output",
					   .arg = "FILE",
					   .help = "write the flame graph (or the one format of -f) there; without other reports"};
static const struct fp_flag flag_format = {.id = FP_FLAG_SETTING,
					   .letter = 'f',
					   .name = "format",
					   .arg = "FORMAT",
					   .choices = FP_SPY_FORMATS,
					   .setting = FP_OPTION_spy_output,
					   .help = "the same as --spy-output"};
static const struct fp_flag flag_rate = PYSPY('r', "rate", "HZ", spy_rate, NULL, "the same as --spy-rate");
static const struct fp_flag flag_duration =
	PYSPY('d', "duration", "SECONDS", spy_duration, NULL, "the same as --spy-duration");
static const struct fp_flag flag_native = PYSPY('n', "native", NULL, spy_native, "1", "the same as --spy-native");
static const struct fp_flag flag_gil = PYSPY('g', "gil", NULL, spy_gil, "1", "the same as --spy-gil");
static const struct fp_flag flag_threads = PYSPY('t', "threads", NULL, spy_threads, "1", "the same as --spy-threads");
static const struct fp_flag flag_subprocesses =
	PYSPY('s', "subprocesses", NULL, spy_subprocesses, "1", "the same as --spy-subprocesses (it is the default)");
static const struct fp_flag flag_function =
	PYSPY('F', "function", NULL, spy_lineno, "0", "merge the lines of a function: --spy-lineno=0");
static const struct fp_flag flag_exact =
	PYSPY(0, "exact", NULL, memray_exact, "1", "record each Python allocation: --memray-exact");
static const struct fp_flag flag_pid = {
	.id = FP_FLAG_REFUSED,
	.letter = 'p',
	.name = "pid",
	.arg = "PID",
	.value = "filperf cannot attach to a running process yet; start the program with filperf run -- CMD"};

static const struct fp_flag *const flags[] = {
	&flag_output,  &flag_format,	   &flag_rate,	   &flag_duration, &flag_native, &flag_gil,
	&flag_threads, &flag_subprocesses, &flag_function, &flag_exact,   &flag_pid, NULL,
};

/* Warns when no agent can work in the program; it runs all the same. */
static void warn_about_program(const char *name, const char *path)
{
	struct fp_program program;
	char final[PATH_MAX];
	const char *obstacle;

	if (fp_program_inspect_deep(path, &program, final, sizeof(final)) < 0)
		return;
	obstacle = fp_program_obstacle(program.kind);
	if (!obstacle)
		return;
	if (strcmp(final, path) == 0)
		fp_say("%s: runs without the agent: %s", name, obstacle);
	else
		fp_say("%s: its interpreter %s runs without the agent: %s", name, final, obstacle);
}

/* -o FILE: absolute, with one format that fits it. */
static bool settle_output_file(struct fp_cli *cli, char *path, size_t n_bytes)
{
	const char *file = cli->flags[FP_FLAG_OUTPUT];
	struct fp_setting *output = &cli->settings.of[FP_OPTION_spy_output];
	char cwd[PATH_MAX] = "";

	path[0] = 0;
	if (!file)
		return true;
	/* who asks for this one report asks for CPU by name */
	if (cli->settings.of[FP_OPTION_spy_enabled].origin == FP_FROM_DEFAULT) {
		(void)fp_settings_set(&cli->settings, FP_OPTION_spy_enabled, FP_FROM_OPTION, "-o", "1", NULL);
		fp_settings_settle(&cli->settings);
	}
	if (!file[0] || strcmp(file, "-") == 0) {
		fp_say("-o %s: give a file name; stdout belongs to the command", file);
		return false;
	}
	if (output->origin != FP_FROM_OPTION) {
		const struct fp_renderer *r = fp_renderer_guess(file);

		/* py-spy's default, whatever the name */
		if (!r)
			r = fp_renderer_find(FP_FAMILY_PYSPY, "svg");
		if (r)
			(void)fp_settings_set(&cli->settings, FP_OPTION_spy_output, FP_FROM_OPTION, "-o", r->name, NULL);
	}
	if (output->choices & (output->choices - 1)) {
		fp_say("-o %s: holds one report, and the formats are %s; give one with -f, or leave -o out", file,
		       output->text);
		return false;
	}
	if (file[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
		fp_say("-o %s: the working directory is gone; give an absolute path", file);
		return false;
	}
	for (const char *c = file; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\\') {
			fp_say("-o %s: give a file name without control characters and backslashes", file);
			return false;
		}
	if ((size_t)snprintf(path, n_bytes, "%s%s%s", cwd, cwd[0] ? "/" : "", file) >= n_bytes) {
		fp_say("-o %s: the name is too long", file);
		return false;
	}
	return true;
}

/* Nobody is told when there is nothing to read yet. */
static void take_snapshot(const char *run_dir)
{
	char path[PATH_MAX] = "";
	struct fp_run *run;

	if (fp_run_load(run_dir, &run) < 0)
		return;
	fp_say_nothing(true);
	(void)fp_snapshot_write(run, NULL, path, sizeof(path));
	fp_say_nothing(false);
	fp_run_free(run);
}

static int find_agent(char *agent, size_t n_bytes)
{
	char tried[2 * PATH_MAX];

	if (fp_agent_find(agent, n_bytes, tried, sizeof(tried)) < 0) {
		fp_say("libfilperf_agent.so: not found at %s; install filperf again with cmake --install", tried);
		return -ENOENT;
	}
	if (strpbrk(agent, " :")) {
		fp_say("%s: the loader takes no blank or colon in LD_PRELOAD; install filperf elsewhere", agent);
		return -EINVAL;
	}
	return 0;
}

static int make_base(char *base, size_t n_bytes)
{
	int r = fp_runs_base(base, n_bytes);

	if (r == 0)
		r = fp_run_base_make(base, getuid());
	if (r == -ENOTDIR)
		fp_say("%s: is no directory of its own (a link or a file); remove it", base);
	else if (r == -EPERM)
		fp_say("%s: belongs to somebody else; set TMPDIR to a directory of yours", base);
	else if (r == -EACCES)
		fp_say("%s: cannot be made, or others may enter it; chmod 700 it, or set TMPDIR to a directory of yours",
		       base);
	else if (r)
		fp_say("%s: cannot be made: %s; set TMPDIR to a writable directory", base, strerror(-r));
	return r;
}

static void render(const struct fp_cli *cli, const char *run_dir)
{
	struct fp_report_request request = {.cli = cli, .summary = stderr};
	struct fp_run *run;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (fp_run_load(run_dir, &run) < 0) {
		fp_say("%s: the run directory is gone, so there is nothing to report", run_dir);
		return;
	}
	if (run->settings.of[FP_OPTION_quiet].on)
		request.summary = NULL;
	(void)fp_report_run(run, &request);
	fp_run_free(run);
}

static int run(struct fp_cli *cli)
{
	static char program[PATH_MAX], agent[PATH_MAX], base[FP_RUN_PATH_BYTES], output_file[PATH_MAX];
	struct fp_launch launch = {.argv = cli->operands, .agent = agent, .base = base, .settings = &cli->settings};
	int wait_status = 0, r;

	if (cli->n_operands == 0) {
		fp_say("run: no command given; filperf run [options] -- CMD...");
		return FP_STATUS_USAGE;
	}
	if (!settle_output_file(cli, output_file, sizeof(output_file)))
		return FP_STATUS_USAGE;
	launch.output_file = output_file[0] ? output_file : NULL;
	r = fp_program_find(cli->operands[0], program, sizeof(program));
	if (r) {
		fp_say("%s: %s", cli->operands[0],
		       r == -ENOENT ? "command not found; check the name and PATH"
				    : "not executable; check its permissions");
		return r == -ENOENT ? 127 : 126;
	}
	launch.path = program;
	launch.every_s = (unsigned int)cli->settings.of[FP_OPTION_memray_snapshot_s].number;
	launch.tick = take_snapshot;
	if (!cli->settings.of[FP_OPTION_enabled].on) {
		execvp(program, cli->operands);
		fp_say("%s: cannot be started: %s", program, strerror(errno));
		return 126;
	}
	if (find_agent(agent, sizeof(agent)) || make_base(base, sizeof(base)))
		return FP_STATUS_USAGE;
	warn_about_program(cli->operands[0], program);
	r = fp_launch_run(&launch, &wait_status);
	if (r == 0)
		render(cli, launch.run_dir);
	else if (launch.run_dir[0])
		(void)fp_store_remove_dir(launch.run_dir);
	fp_launch_end_like(wait_status);
}

const struct fp_command fp_command_run = {
	.name = "run",
	.operands = "[options] -- CMD...",
	.summary = "run a command and report where its CPU time and memory went",
	.text = "Runs CMD with the agent preloaded. The command keeps its standard streams, its terminal, its signals and "
		"its exit status (also a death by signal); the reports appear when it ends, in the output directory, and "
		"a summary on stderr.\n"
		"A value given as an option wins over one in the environment, that over [tool.filperf] in the nearest "
		"pyproject.toml, that over the default.",
	.examples = "filperf run -- filare run demo.yml -f hpst -o outputs\treports in outputs/perf\n"
		    "filperf run --memray-enabled -- python app.py\tmemory alone, each allocation\n"
		    "filperf run --spy-output svg,speedscope --spy-rate 1000 -- python app.py\ttwo formats, finer\n"
		    "filperf run -o profile.svg -r 200 -- uv run filare run demo.yml\twith py-spy's own flags\n",
	.flags = flags,
	.scopes = FP_SCOPE_BOTH,
	.ends_at_operand = true,
	.run = run,
};
