/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings from where they are given: the environment and a pyproject.toml.
 * Boot of the agent and tools; no allocation, no stdio, raw system calls.
 */
#include "agent/settings/options.h"
#include "agent/settings/run_dir.h"
#include "agent/settings/toml.h"

#include "agent/base/attrs.h"
#include "agent/base/sys.h"
#include "agent/base/text.h"

#include <sys/stat.h>

static void say(struct fp_notices *n, enum fp_notice_kind kind, const char *line)
{
	if (!n)
		return;
	if (kind == FP_NOTICE_BAD)
		n->n_bad++;
	else
		n->n_unknown++;
	if (n->take)
		n->take(n->ctx, kind, line);
}

int fp_settings_set(struct fp_settings *s, enum fp_option_id id, enum fp_origin_of_value origin,
		    const char *name, const char *text, struct fp_notices *n)
{
	struct fp_setting value;
	char error[FP_NOTICE_BYTES];
	int r = fp_settings_parse_value(id, name, text, &value, error, sizeof(error));

	if (r) {
		say(n, FP_NOTICE_BAD, error);
		return r;
	}
	if (origin >= s->of[id].origin) {
		s->of[id] = value;
		s->of[id].origin = origin;
	}
	return 0;
}

static void put_default(struct fp_setting *s, bool on)
{
	s->on = on;
	fp_text_copy(s->text, sizeof(s->text), on ? "1" : "0");
}

/* 1/rate in decimals, without zeros at the end. */
static void put_interval(struct fp_setting *s, int64_t rate)
{
	struct fp_writer w = fp_writer_over(s->text, sizeof(s->text));
	uint64_t nano = (1000000000u + (uint64_t)rate / 2) / (uint64_t)rate;

	s->real = (double)nano / 1e9;
	fp_writer_number(&w, nano / 1000000000);
	for (uint64_t rest = nano % 1000000000, unit = 100000000; rest; rest %= unit, unit /= 10) {
		if (unit == 100000000)
			fp_writer_char(&w, '.');
		fp_writer_number(&w, rest / unit);
	}
}

/* One timer serves both parts: who names one rate does not mean the other's default. */
static void settle_rates(struct fp_settings *s)
{
	struct fp_setting *spy = &s->of[FP_OPTION_spy_rate], *scalene = &s->of[FP_OPTION_scalene_cpu_rate];

	if (scalene->origin == FP_FROM_DEFAULT && spy->origin != FP_FROM_DEFAULT) {
		put_interval(scalene, spy->number);
	} else if (spy->origin == FP_FROM_DEFAULT && scalene->origin != FP_FROM_DEFAULT) {
		struct fp_writer w = fp_writer_over(spy->text, sizeof(spy->text));

		spy->number = scalene->real < 1 ? (int64_t)(1 / scalene->real + 0.5) : 1;
		fp_writer_number(&w, (uint64_t)spy->number);
	}
}

static const enum fp_option_id parts[] = {FP_OPTION_spy_enabled, FP_OPTION_memray_enabled,
					  FP_OPTION_scalene_enabled};

void fp_settings_settle(struct fp_settings *s)
{
	const struct fp_setting *memray = &s->of[FP_OPTION_memray_enabled];
	struct fp_setting *exact = &s->of[FP_OPTION_memray_exact];
	bool chosen = false;

	for (unsigned int i = 0; i < FP_COUNT(parts); i++)
		chosen = chosen || (s->of[parts[i]].origin != FP_FROM_DEFAULT && s->of[parts[i]].on);
	for (unsigned int i = 0; i < FP_COUNT(parts) && chosen; i++)
		if (s->of[parts[i]].origin == FP_FROM_DEFAULT)
			put_default(&s->of[parts[i]], false);
	if (exact->origin == FP_FROM_DEFAULT)
		put_default(exact, memray->origin != FP_FROM_DEFAULT && memray->on);
	settle_rates(s);
}

enum fp_option_id fp_settings_followed(const struct fp_settings *s, enum fp_option_id id)
{
	if (s->of[id].origin != FP_FROM_DEFAULT || fp_text_equal(s->of[id].text, fp_options[id].value))
		return FP_OPTION_MAX;
	if (id == FP_OPTION_memray_exact)
		return FP_OPTION_memray_enabled;
	if (id == FP_OPTION_scalene_cpu_rate)
		return FP_OPTION_spy_rate;
	if (id == FP_OPTION_spy_rate)
		return FP_OPTION_scalene_cpu_rate;
	for (unsigned int i = 0; i < FP_COUNT(parts); i++)
		if (s->of[parts[i]].origin != FP_FROM_DEFAULT && s->of[parts[i]].on)
			return parts[i];
	return FP_OPTION_MAX;
}

/* Names of ours that are no settings: what the agent passes down the tree. */
static const char *const internal_names[] = {FP_RUN_DIR_NAME, FP_REPORT_TOOL_NAME};

static const struct {
	const char *name;
	enum fp_option_id id;
} aliases[] = {
	{"FIL_PERF_ENABLE_PYSPY", FP_OPTION_spy_enabled},
	{"FIL_PERF_ENABLE_MEMRAY", FP_OPTION_memray_enabled},
	{"FIL_PERF_ENABLE_SCALENE", FP_OPTION_scalene_enabled},
};

const char *fp_option_alias(enum fp_option_id id)
{
	for (unsigned int i = 0; i < FP_COUNT(aliases); i++)
		if (aliases[i].id == id)
			return aliases[i].name;
	return NULL;
}

static bool is_internal(const char *name)
{
	for (unsigned int i = 0; i < FP_COUNT(internal_names); i++)
		if (fp_text_equal(name, internal_names[i]))
			return true;
	return false;
}

static void say_unknown(enum fp_spelling as, const char *where, const char *name, struct fp_notices *n)
{
	char line[FP_NOTICE_BYTES], nearest[FP_SPELLED_BYTES], shown[160];
	struct fp_writer w = fp_writer_over(line, sizeof(line));

	fp_text_copy(shown, sizeof(shown), name);
	fp_option_spell(fp_option_nearest(as, name), as, nearest);
	fp_writer_text(&w, where);
	fp_writer_text(&w, shown);
	fp_writer_text(&w, ": no such setting; the nearest is ");
	fp_writer_text(&w, nearest);
	say(n, FP_NOTICE_UNKNOWN, line);
}

void fp_settings_from_environment(struct fp_settings *s, char *const envp[], struct fp_notices *n)
{
	for (char *const *e = envp; e && *e; e++) {
		char name[FP_SPELLED_BYTES], official[FP_SPELLED_BYTES];
		enum fp_option_id id;
		size_t i = 0;

		if (!fp_text_starts(*e, "FIL_PERF_"))
			continue;
		for (; (*e)[i] && (*e)[i] != '=' && i + 1 < sizeof(name); i++)
			name[i] = (*e)[i];
		name[i] = 0;
		if ((*e)[i] != '=' || is_internal(name))
			continue;
		id = fp_option_find(FP_SPELL_ENVIRONMENT, name);
		for (unsigned int a = 0; a < FP_COUNT(aliases); a++)
			if (fp_text_equal(name, aliases[a].name))
				id = aliases[a].id;
		if (id == FP_OPTION_MAX) {
			say_unknown(FP_SPELL_ENVIRONMENT, "", name, n);
			continue;
		}
		fp_option_spell(id, FP_SPELL_ENVIRONMENT, official);
		if (!fp_text_equal(official, name) && fp_environment_get(envp, official))
			continue;
		(void)fp_settings_set(s, id, FP_FROM_ENVIRONMENT, name, *e + i + 1, n);
	}
}

struct pyproject_reader {
	struct fp_settings *s;
	const char *path;
	struct fp_notices *notices;
};

static void take_item(void *ctx, const struct fp_toml_item *item)
{
	struct pyproject_reader *r = ctx;
	char name[FP_NOTICE_BYTES];
	struct fp_writer w = fp_writer_over(name, sizeof(name));
	enum fp_option_id id = fp_option_find(FP_SPELL_PYPROJECT, item->key);

	fp_writer_text(&w, r->path);
	fp_writer_text(&w, ":");
	fp_writer_number(&w, item->line);
	fp_writer_text(&w, ": tool.filperf.");
	if (id == FP_OPTION_MAX) {
		say_unknown(FP_SPELL_PYPROJECT, name, item->key, r->notices);
		return;
	}
	fp_writer_text(&w, item->key);
	(void)fp_settings_set(r->s, id, FP_FROM_PYPROJECT, name, item->value, r->notices);
}

void fp_settings_from_pyproject(struct fp_settings *s, const char *path, const char *text, size_t n_bytes,
				struct fp_notices *n)
{
	struct pyproject_reader r = {s, path, n};
	char line[FP_NOTICE_BYTES];
	struct fp_writer w = fp_writer_over(line, sizeof(line));
	struct fp_toml_error error;

	if (fp_toml_read(text, n_bytes, "tool.filperf.", take_item, &r, &error) == 0)
		return;
	fp_writer_text(&w, path);
	fp_writer_char(&w, ':');
	fp_writer_number(&w, error.line);
	fp_writer_text(&w, ": ");
	fp_writer_text(&w, error.what);
	say(n, FP_NOTICE_BAD, line);
}

static int read_regular(const char *path, char *text, size_t text_bytes, size_t *ret_text_bytes)
{
	struct stat st;
	size_t have = 0;
	int fd = fp_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	long n = 1;

	if (fd < 0)
		return fd;
	if (fp_sys_call(SYS_fstat, fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		fp_sys_close(fd);
		return -ENOENT;
	}
	while (have < text_bytes && n > 0) {
		n = fp_sys_read(fd, text + have, text_bytes - have);
		have += n > 0 ? (size_t)n : 0;
	}
	fp_sys_close(fd);
	if (n < 0)
		return (int)n;
	if (have == text_bytes)
		return -EFBIG;
	*ret_text_bytes = have;
	return 0;
}

int fp_settings_find_pyproject(char *path, size_t path_bytes, char *text, size_t text_bytes, size_t *ret_text_bytes)
{
	static const char file[] = "/pyproject.toml";
	long n = fp_sys_call(SYS_getcwd, path, path_bytes);
	size_t at;

	if (n < 0)
		return (int)n;
	/* a deleted working directory is reported as "(unreachable)…" */
	if (path[0] != '/' || (size_t)n + sizeof(file) > path_bytes)
		return -ENOENT;
	at = fp_text_length(path);
	if (at == 1)
		at = 0;
	for (;;) {
		int r;

		fp_text_copy(path + at, path_bytes - at, file);
		r = read_regular(path, text, text_bytes, ret_text_bytes);
		if (r == 0 || r == -EFBIG)
			return r;
		if (at == 0)
			return -ENOENT;
		while (at > 0 && path[--at] != '/')
			;
	}
}
