/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: the option table as data, and values parsed from text with the
 * place they came from.  Pure functions over the caller's memory: no libc
 * allocation, no stdio, no locale, usable before constructors.  The agent
 * calls them once while it boots, tools/ at any time.
 */
#ifndef FP_SETTINGS_OPTIONS_H
#define FP_SETTINGS_OPTIONS_H

#include "agent/settings/option_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fp_option_id {
#define X(id, group, key, kind, value, accepted, scope, model, help) FP_OPTION_##id,
	FP_OPTIONS(X)
#undef X
	FP_OPTION_MAX
};

enum fp_option_kind {
	FP_KIND_BOOL,
	FP_KIND_INT,
	FP_KIND_REAL,
	FP_KIND_TEXT,
	FP_KIND_PATH,
	FP_KIND_CHOICES,
	FP_KIND_GLOBS,
};

enum fp_option_scope {
	FP_SCOPE_AGENT = 1,
	FP_SCOPE_REPORT = 2,
	FP_SCOPE_BOTH = 3,
};

struct fp_option {
	const char *id, *group, *key;
	enum fp_option_kind kind;
	const char *value;      /* default */
	const char *accepted;
	enum fp_option_scope scope;
	const char *model, *help;
};

extern const struct fp_option fp_options[FP_OPTION_MAX];

/* Rising precedence: a later one replaces an earlier one. */
enum fp_origin_of_value {
	FP_FROM_DEFAULT,
	FP_FROM_PYPROJECT,
	FP_FROM_ENVIRONMENT,
	FP_FROM_OPTION,
};

#define FP_SETTING_TEXT_BYTES 512

/* kind says which members are meaningful; text is always the value as given
 * (CHOICES: without blanks and empty parts). */
struct fp_setting {
	enum fp_origin_of_value origin;
	bool on;                /* BOOL */
	int64_t number;         /* INT */
	double real;            /* REAL */
	uint64_t choices;       /* CHOICES: bit n = n-th accepted word */
	char text[FP_SETTING_TEXT_BYTES];
};

struct fp_settings {
	struct fp_setting of[FP_OPTION_MAX];
};

/* How a setting is spelled by whom. */
enum fp_spelling {
	FP_SPELL_ENVIRONMENT, /* FIL_PERF_SPY_RATE */
	FP_SPELL_OPTION,      /* --spy-rate */
	FP_SPELL_PYPROJECT,   /* spy.rate, below tool.filperf */
};
#define FP_SPELLED_BYTES 64

/* buffer: FP_SPELLED_BYTES. */
void fp_option_spell(enum fp_option_id id, enum fp_spelling as, char *buffer);
/* Another name in the environment (FIL_PERF_ENABLE_PYSPY), NULL: none. */
const char *fp_option_alias(enum fp_option_id id);
/* FP_OPTION_MAX when there is none. */
enum fp_option_id fp_option_find(enum fp_spelling as, const char *name);
/* The known name with the least edit distance; never fails. */
enum fp_option_id fp_option_nearest(enum fp_spelling as, const char *name);
/* "a whole number 1..10000" and the like. */
void fp_option_accepts(enum fp_option_id id, char *buffer, size_t n_bytes);

/* What a reader has to say.  BAD: the value was not taken (what was in force
 * before stays).  UNKNOWN: a name of ours that is no setting. */
enum fp_notice_kind { FP_NOTICE_BAD, FP_NOTICE_UNKNOWN };
struct fp_notices {
	void (*take)(void *ctx, enum fp_notice_kind kind, const char *line);
	void *ctx;
	unsigned int n_bad, n_unknown;
};
#define FP_NOTICE_BYTES 512

/* Parses text by the table; name is how the user spelled the setting, for the
 * message.  0, or -EINVAL with "NAME=TEXT: accepted is …" in error. */
int fp_settings_parse_value(enum fp_option_id id, const char *name, const char *text,
			    struct fp_setting *ret_setting, char *error, size_t error_bytes);

void fp_settings_default(struct fp_settings *s);
/* Parses and stores unless a value of higher precedence is there already.
 * 0, or -EINVAL after a notice. */
int fp_settings_set(struct fp_settings *s, enum fp_option_id id, enum fp_origin_of_value origin,
		    const char *name, const char *text, struct fp_notices *n);
/* After all sources: where some of the <part>_enabled were given as on, those
 * that were not given are off; memray_exact follows a memray_enabled that was
 * given, and of spy_rate and scalene_cpu_rate the one not given the other.
 * Can be repeated. */
void fp_settings_settle(struct fp_settings *s);
/* The setting that one with FP_FROM_DEFAULT and another value than the table's
 * followed when it settled; FP_OPTION_MAX: none. */
enum fp_option_id fp_settings_followed(const struct fp_settings *s, enum fp_option_id id);
void fp_settings_from_environment(struct fp_settings *s, char *const envp[], struct fp_notices *n);
/* text: a pyproject.toml called path. */
void fp_settings_from_pyproject(struct fp_settings *s, const char *path, const char *text, size_t n_bytes,
				struct fp_notices *n);
/* Looks for pyproject.toml in the working directory and its parents.  0 and
 * the first found, -ENOENT, or -EFBIG (path is filled).  Raw system calls. */
int fp_settings_find_pyproject(char *path, size_t path_bytes, char *text, size_t text_bytes,
			       size_t *ret_text_bytes);
#define FP_PYPROJECT_BYTES (256u << 10)

/* The value of NAME in envp, or NULL. */
const char *fp_environment_get(char *const envp[], const char *name);

#endif
