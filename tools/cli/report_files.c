/* SPDX-License-Identifier: Apache-2.0 */
/* Renders a profile into its files.  Ordinary program, one thread. */
#include "tools/cli/report_files.h"

#include "tools/cli/message.h"
#include "tools/cli/store.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *text_or_null(const struct fp_settings *s, enum fp_option_id id)
{
	return s->of[id].text[0] ? s->of[id].text : NULL;
}

void fp_report_read_options(const struct fp_settings *s, struct fp_read_options *ret_options)
{
	*ret_options = (struct fp_read_options){
		.native_symbols = true,
		.lines = s->of[FP_OPTION_spy_lineno].on,
		.threads_include = text_or_null(s, FP_OPTION_spy_threads_include),
		.threads_exclude = text_or_null(s, FP_OPTION_spy_threads_exclude),
		.gil_only = s->of[FP_OPTION_spy_gil].on,
		.subprocesses = s->of[FP_OPTION_spy_subprocesses].on,
		.progress = fp_progress_show,
	};
}

/* The n-th accepted word of FIL_PERF_SPY_OUTPUT. */
static const struct fp_renderer *renderer_of_choice(int index, char *name, size_t n_bytes)
{
	const char *words = FP_SPY_FORMATS;

	for (; index > 0; index--)
		words += strcspn(words, "|") + 1;
	snprintf(name, n_bytes, "%.*s", (int)strcspn(words, "|"), words);
	return fp_renderer_find(name);
}

static int n_choices(void)
{
	int n = 1;

	for (const char *c = FP_SPY_FORMATS; *c; c++)
		n += *c == '|';
	return n;
}

bool fp_report_wants_samples(const struct fp_settings *s)
{
	char name[32];

	for (int i = 0; i < n_choices(); i++) {
		const struct fp_renderer *r;

		if (!(s->of[FP_OPTION_spy_output].choices >> i & 1))
			continue;
		r = renderer_of_choice(i, name, sizeof(name));
		if (r && r->needs_samples)
			return true;
	}
	return false;
}

void fp_report_render_options(const struct fp_settings *s, const struct fp_profile *p,
			      struct fp_render_options *ret_options)
{
	uint32_t first = UINT32_MAX;
	bool many = false;

	for (size_t i = 0; i < p->n_cells; i++) {
		uint32_t process = p->threads[p->cells[i].thread].process;

		many = many || (first != UINT32_MAX && process != first);
		first = process;
	}
	*ret_options = (struct fp_render_options){
		.threads = s->of[FP_OPTION_spy_threads].on,
		.lines = s->of[FP_OPTION_spy_lineno].on,
		.process_roots = many,
	};
}

int fp_report_render_one(const struct fp_renderer *r, const struct fp_profile *p, const struct fp_render_options *o,
			 const char *path)
{
	struct fp_store_file file;
	int err;

	if (strcmp(path, "-") == 0) {
		err = r->render(p, o, stdout);
		return err ? err : fflush(stdout) ? -errno : 0;
	}
	err = fp_store_begin(path, &file);
	if (err)
		return err;
	errno = 0;
	err = r->render(p, o, file.stream);
	if (err) {
		/* a renderer knows that a write failed, not why */
		if (err == -EIO && (errno == EFBIG || errno == ENOSPC || errno == EDQUOT))
			err = -errno;
		fp_store_abandon(&file);
		return err;
	}
	return fp_store_commit(&file);
}

static int make_parent(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return fp_store_make_dir(parent);
}

static int render_format(const struct fp_report_render *job, const struct fp_renderer *r,
			 const struct fp_render_options *o, char *path, size_t n_bytes)
{
	struct fp_report_files *f = job->files;
	char shown[PATH_MAX];
	size_t used = strlen(f->files);
	int err = 0;

	if (job->output_file && job->output_file[0]) {
		snprintf(path, n_bytes, "%s", job->output_file);
		err = make_parent(path);
		fp_report_shown_path(path, shown, sizeof(shown));
	} else {
		snprintf(path, n_bytes, "%.3000s/%s-pyspy%s", f->output_dir, f->label, r->suffix);
		snprintf(shown, sizeof(shown), "%s-pyspy%s", f->label, r->suffix);
	}
	fp_progress_show(NULL, r->name, 0, 0);
	if (!err)
		err = fp_report_render_one(r, job->profile, o, path);
	if (!err)
		snprintf(f->files + used, sizeof(f->files) - used, "%s%s", used ? " " : "", shown);
	return err;
}

static int read_base(const struct fp_report_render *job, struct fp_profile **ret_base)
{
	struct fp_read_options o;
	char error[1024];
	int err;

	*ret_base = NULL;
	if (!job->diff)
		return 0;
	fp_report_read_options(job->settings, &o);
	err = fp_profile_read(job->diff, &o, ret_base, error, sizeof(error));
	if (err)
		fp_say("--diff: %s", error);
	return err ? FP_STATUS_FAILED : 0;
}

int fp_report_render_all(const struct fp_report_render *job, char *ret_failed, size_t n_bytes)
{
	struct fp_render_options o;
	struct fp_profile *base;
	char name[32];
	int err = read_base(job, &base);

	if (err)
		return err;
	fp_report_render_options(job->settings, job->profile, &o);
	job->files->files[0] = 0;
	if (fp_summary_is_off(job->profile)) {
		if (base)
			fp_profile_destroy(base);
		return 0;
	}
	for (int i = 0; i < n_choices() && !err; i++) {
		const struct fp_renderer *r;

		if (!(job->settings->of[FP_OPTION_spy_output].choices >> i & 1))
			continue;
		r = renderer_of_choice(i, name, sizeof(name));
		if (!r) {
			fp_say("--spy-output: this filperf writes no %s", name);
			continue;
		}
		o.base = r->can_diff ? base : NULL;
		err = render_format(job, r, &o, ret_failed, n_bytes);
	}
	if (base)
		fp_profile_destroy(base);
	return err;
}
