/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renders a profile into its files.  Ordinary program; reports that share nothing
 * are written side by side.
 */
#include "tools/cli/report_files.h"

#include "tools/cli/message.h"
#include "tools/cli/store.h"
#include "tools/read/key_map.h"
#include "tools/read/parallel.h"
#include "tools/render/summary_line.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text_or_null(const struct fp_settings *s, enum fp_option_id id)
{
	return s->of[id].text[0] ? s->of[id].text : NULL;
}

static bool wants_memory(const struct fp_settings *s)
{
	return s->of[FP_OPTION_memray_enabled].on ||
	       (s->of[FP_OPTION_scalene_enabled].on && s->of[FP_OPTION_scalene_memory].on);
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

struct wanted {
	const struct fp_renderer **renderers;
	size_t n;
};

/* All of that name: a text and the same as JSON may share one. */
static void want(struct wanted *w, enum fp_report_family family, const char *name)
{
	for (size_t i = 0; fp_renderers[i]; i++)
		if (fp_renderers[i]->family == family && strcmp(fp_renderers[i]->name, name) == 0 &&
		    w->n < FP_REPORT_WANTED_MAX)
			w->renderers[w->n++] = fp_renderers[i];
}

/* The accepted words that the setting's value has. */
static void want_choices(struct wanted *w, enum fp_report_family family, const struct fp_settings *s,
			 enum fp_option_id id)
{
	const char *word = fp_options[id].accepted;
	char name[32];

	for (int i = 0; *word; i++) {
		size_t n = strcspn(word, "|");

		snprintf(name, sizeof(name), "%.*s", (int)n, word);
		if (s->of[id].choices >> i & 1)
			want(w, family, name);
		word += n + (word[n] == '|');
	}
}

size_t fp_report_wanted(const struct fp_settings *s, const struct fp_renderer *ret_wanted[FP_REPORT_WANTED_MAX])
{
	struct wanted w = {ret_wanted, 0};

	if (s->of[FP_OPTION_spy_enabled].on)
		want_choices(&w, FP_FAMILY_PYSPY, s, FP_OPTION_spy_output);
	if (s->of[FP_OPTION_memray_enabled].on)
		want_choices(&w, FP_FAMILY_MEMRAY, s, FP_OPTION_memray_format);
	if (s->of[FP_OPTION_scalene_enabled].on) {
		want(&w, FP_FAMILY_SCALENE, "json");
		want(&w, FP_FAMILY_SCALENE, "txt");
	}
	if (s->of[FP_OPTION_scalene_enabled].on && s->of[FP_OPTION_scalene_html].on)
		want(&w, FP_FAMILY_SCALENE, "html");
	if (wants_memory(s))
		want(&w, FP_FAMILY_MEMORY, "final");
	return w.n;
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
		.only_files = text_or_null(s, FP_OPTION_scalene_profile_only),
		.not_files = text_or_null(s, FP_OPTION_scalene_profile_exclude),
		.no_memory = !s->of[FP_OPTION_scalene_memory].on,
		.no_copies = !s->of[FP_OPTION_scalene_copy].on,
	};
}

int fp_report_render_one(const struct fp_renderer *r, const struct fp_profile *p, const struct fp_render_options *o,
			 const char *path)
{
	struct fp_store_file file;
	char what[64];
	int err;

	snprintf(what, sizeof(what), "writing %s", r->name);
	fp_progress_show(NULL, what, 0, 0);
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

/* Everything of a report's name before its suffix: the settings' base path, or
 * <output_dir>/<label>-<family>. */
static void base_path(const struct fp_report_render *job, enum fp_report_family family, char *path, size_t n_bytes)
{
	const struct fp_settings *s = job->settings;
	const struct fp_setting *given = family == FP_FAMILY_MEMRAY  ? &s->of[FP_OPTION_memray_output] :
					 family == FP_FAMILY_SCALENE ? &s->of[FP_OPTION_scalene_output] :
								       NULL;
	char cwd[PATH_MAX] = "";

	if (!given || !given->text[0]) {
		snprintf(path, n_bytes, "%.3000s/%s-%s", job->files->output_dir, job->files->label,
			 fp_report_family_name(family));
		return;
	}
	/* an option means here; what the run was told means where it ran */
	if (given->text[0] != '/' && given->origin == FP_FROM_OPTION)
		(void)!getcwd(cwd, sizeof(cwd));
	else if (given->text[0] != '/' && job->run_cwd)
		snprintf(cwd, sizeof(cwd), "%s", job->run_cwd);
	snprintf(path, n_bytes, "%.3000s%s%s", cwd, cwd[0] ? "/" : "", given->text);
}

/* The first process with memory has the plain name. */
static void name_part(const struct fp_profile *p, uint32_t i, char *part, size_t n_bytes)
{
	const struct fp_profile_process *process;

	part[0] = 0;
	if (i == 0)
		return;
	process = &p->processes[p->memory->processes[i].process];
	if (process->image)
		snprintf(part, n_bytes, ".%d-%u", process->pid, process->image);
	else
		snprintf(part, n_bytes, ".%d", process->pid);
}

/* Names in the summary: without the directory when it is the output directory,
 * which the line names, else from here. */
static void note_file(struct fp_report_files *f, const char *path)
{
	char shown[PATH_MAX];
	const char *here = "";
	size_t used = strlen(f->files), n = strlen(f->output_dir);

	if (strncmp(path, f->output_dir, n) == 0 && path[n] == '/') {
		snprintf(shown, sizeof(shown), "%s", path + n + 1);
	} else {
		fp_report_shown_path(path, shown, sizeof(shown));
		here = shown[0] == '/' ? "" : "./";
	}
	snprintf(f->files + used, sizeof(f->files) - used, "%s%s%s", used ? " " : "", here, shown);
}

/* A file to write. */
struct report {
	const struct fp_renderer *renderer;
	struct fp_render_options options;
	char *path;
	bool replaced;            /* another that comes later has the same path */
	int err;
};

struct reports {
	const struct fp_profile *profile;
	struct report *items;
	size_t n, room;
	atomic_bool failed;       /* nothing more is begun */
};

static int add_report(struct reports *all, const struct fp_renderer *r, const struct fp_render_options *o,
		      const char *path)
{
	char *copy = strdup(path);

	if (!copy || fp_grow(&all->items, &all->room, all->n, sizeof(*all->items))) {
		free(copy);
		return -ENOMEM;
	}
	for (size_t i = 0; i < all->n; i++)
		all->items[i].replaced = all->items[i].replaced || strcmp(all->items[i].path, path) == 0;
	all->items[all->n++] = (struct report){.renderer = r, .options = *o, .path = copy};
	return 0;
}

static void free_reports(struct reports *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->items[i].path);
	free(all->items);
}

static int add_format(const struct fp_report_render *job, const struct fp_renderer *r, struct fp_render_options *o,
		      struct reports *all, char *path, size_t n_bytes)
{
	const struct fp_profile *p = job->profile;
	uint32_t n = r->per_process ? p->memory->n_processes : 1;
	char base[PATH_MAX], part[32];
	int err = 0;

	if (r->family == FP_FAMILY_PYSPY && job->output_file && job->output_file[0]) {
		snprintf(path, n_bytes, "%s", job->output_file);
	} else {
		base_path(job, r->family, base, sizeof(base));
		snprintf(path, n_bytes, "%.4000s%s", base, r->suffix);
	}
	err = make_parent(path);
	note_file(job->files, path);
	for (uint32_t i = 0; i < n && !err; i++) {
		if (r->per_process) {
			name_part(p, i, part, sizeof(part));
			snprintf(path, n_bytes, "%.4000s%s%s", base, part, r->suffix);
		}
		o->memory_process = i;
		err = add_report(all, r, o, path);
	}
	if (n > 1) {
		size_t used = strlen(job->files->files);

		snprintf(job->files->files + used, sizeof(job->files->files) - used, " (+%u)", n - 1);
	}
	return err;
}

/* Scalene's share what the first of them makes. */
static bool goes_with_last(const struct reports *all, size_t i)
{
	return i && i < all->n && all->items[i].renderer->family == FP_FAMILY_SCALENE &&
	       all->items[i - 1].renderer->family == FP_FAMILY_SCALENE;
}

static void write_reports(void *ctx, size_t i)
{
	struct reports *all = ctx;

	if (goes_with_last(all, i))
		return;
	do {
		struct report *r = &all->items[i];

		if (!r->replaced && !all->failed)
			r->err = fp_report_render_one(r->renderer, all->profile, &r->options, r->path);
		if (r->err)
			all->failed = true;
	} while (goes_with_last(all, ++i));
}

/* Whether the family's reports have anything to show. */
static bool has_matter(const struct fp_profile *p, enum fp_report_family family)
{
	if (family == FP_FAMILY_PYSPY)
		return !fp_summary_is_off(p);
	if (family != FP_FAMILY_SCALENE)
		return p->memory && p->memory->n_processes;
	for (uint32_t i = 0; i < p->n_processes; i++)
		if (p->processes[i].is_python)
			return true;
	return false;
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
	const struct fp_renderer *wanted[FP_REPORT_WANTED_MAX];
	size_t n = fp_report_wanted(job->settings, wanted);
	struct reports all = {.profile = job->profile};
	struct fp_render_options o;
	struct fp_profile *base;
	int err = read_base(job, &base);

	if (err)
		return err;
	fp_report_render_options(job->settings, job->profile, &o);
	o.shared = job->shared;
	job->files->files[0] = 0;
	for (size_t i = 0; i < n && !err; i++) {
		if (!has_matter(job->profile, wanted[i]->family))
			continue;
		o.base = wanted[i]->can_diff ? base : NULL;
		err = add_format(job, wanted[i], &o, &all, ret_failed, n_bytes);
	}
	if (!err)
		fp_parallel(write_reports, &all, all.n);
	for (size_t i = 0; i < all.n && !err; i++) {
		err = all.items[i].err;
		if (err)
			snprintf(ret_failed, n_bytes, "%s", all.items[i].path);
	}
	free_reports(&all);
	if (base)
		fp_profile_destroy(base);
	return err;
}
