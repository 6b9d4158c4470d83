/* SPDX-License-Identifier: Apache-2.0 */
/* See run_dir.h. */
#include "agent/run_dir.h"

#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/settings/run_dir.h"

#include <unistd.h>

uint64_t fp_run_dir_start_ticks(void)
{
	uint64_t ticks = 0;

	return fp_run_start_ticks(0, &ticks, NULL) == 0 ? ticks : 0;
}

static void explain(char *error, size_t error_bytes, int r, const char *path)
{
	struct fp_writer w = fp_writer_over(error, error_bytes);

	fp_writer_text(&w, "filperf: ");
	fp_writer_text(&w, path);
	fp_writer_text(&w, r == -ENOTDIR || r == -EPERM || r == -EACCES ?
				   ": not a private directory of this user: remove it, or set TMPDIR" :
				   ": cannot make the run directory: set TMPDIR to a writable directory");
	fp_writer_text(&w, "; nothing is recorded\n");
}

static int make_run(char *const envp[], int pid, uint64_t ticks, struct fp_run_dir *d, char *error, size_t error_bytes)
{
	struct fp_run_name name = {.pid = pid, .start_ticks = ticks, .how = FP_RUN_PRELOADED};
	char base[FP_RUN_PATH_BYTES] = "";
	int r = fp_run_base(envp, geteuid(), base, sizeof(base));

	if (r == 0)
		r = fp_run_base_make(base, geteuid());
	if (r == 0)
		r = fp_run_path(base, &name, d->path, sizeof(d->path));
	if (r == 0)
		r = fp_run_make(d->path);
	d->is_first = d->renders = d->created = true;
	if (r < 0)
		explain(error, error_bytes, r, base);
	return r;
}

int fp_run_dir_open(char *const envp[], int pid, uint64_t start_ticks, struct fp_run_dir *ret_dir, char *error,
		    size_t error_bytes)
{
	const char *inherited = fp_environment_get(envp, FP_RUN_DIR_NAME);
	struct fp_run_dir d = {0};
	struct fp_run_name name;
	int r = 0;

	error[0] = 0;
	if (inherited && inherited[0] == '/' && fp_run_name_parse(inherited, &name) == 0 &&
	    fp_text_length(inherited) + 64 < sizeof(d.path)) {
		fp_text_copy(d.path, sizeof(d.path), inherited);
		d.is_first = name.pid == pid && name.start_ticks == start_ticks;
		d.renders = d.is_first && name.how == FP_RUN_PRELOADED;
		if (fp_sys_call(SYS_faccessat, AT_FDCWD, d.path, W_OK) < 0)
			r = -ENOENT; /* the run was rendered and cleared: nothing to join */
	} else {
		r = make_run(envp, pid, start_ticks, &d, error, error_bytes);
	}
	if (r == 0)
		*ret_dir = d;
	return r;
}

void fp_run_dir_capture_path(const struct fp_run_dir *d, int pid, uint64_t start_ticks, uint32_t image, char *path,
			     size_t path_bytes)
{
	struct fp_writer w = fp_writer_over(path, path_bytes);

	fp_writer_text(&w, d->path);
	fp_writer_char(&w, '/');
	fp_writer_number(&w, (uint64_t)pid);
	fp_writer_char(&w, '-');
	fp_writer_number(&w, start_ticks);
	fp_writer_char(&w, '-');
	fp_writer_number(&w, image);
	fp_writer_text(&w, FP_CAPTURE_SUFFIX);
}

void fp_run_dir_export(const struct fp_run_dir *d)
{
	size_t n = 0, variable_bytes = sizeof(FP_RUN_DIR_NAME) + fp_text_length(d->path) + 1;
	struct fp_writer w;
	char **fresh, *text;

	while (environ && environ[n])
		n++;
	fresh = fp_sys_map_private((n + 2) * sizeof(char *) + variable_bytes);
	if (!fresh)
		return;
	for (size_t i = 0; i < n; i++)
		fresh[i] = environ[i];
	text = (char *)(fresh + n + 2);
	w = fp_writer_over(text, variable_bytes);
	fp_writer_text(&w, FP_RUN_DIR_NAME "=");
	fp_writer_text(&w, d->path);
	fresh[n] = text;
	fresh[n + 1] = NULL;
	environ = fresh;
}
