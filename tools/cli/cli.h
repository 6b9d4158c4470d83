/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands as data: what a subcommand takes, so that parsing, --help, the man
 * pages and the completions come from one place.  Settings of the option
 * table are offered by every command that names their scope.
 * Ordinary program, one thread.
 */
#ifndef FP_TOOLS_CLI_CLI_H
#define FP_TOOLS_CLI_CLI_H

#include "agent/settings/options.h"

#include <stdio.h>

/* Flags of commands, beside the settings. */
enum fp_flag_id {
	FP_FLAG_SETTING, /* another spelling of a setting */
	FP_FLAG_HELP,
	FP_FLAG_INPUT,
	FP_FLAG_OUTPUT,
	FP_FLAG_FORMAT,
	FP_FLAG_PROCESS,
	FP_FLAG_THREAD,
	FP_FLAG_DIFF,
	FP_FLAG_TITLE,
	FP_FLAG_AT_EXIT,
	FP_FLAG_LINES,
	FP_FLAG_SORT,
	FP_FLAG_LIMIT,
	FP_FLAG_LIVE,
	FP_FLAG_EVERY,
	FP_FLAG_PYDANTIC,
	FP_FLAG_MARKDOWN,
	FP_FLAG_DIRECTORY,
	FP_FLAG_JSON,
	FP_FLAG_VIEW,
	FP_FLAG_REFUSED,
	FP_FLAG_MAX
};

struct fp_flag {
	enum fp_flag_id id;
	char letter;               /* 0: none */
	const char *name;          /* without dashes; NULL: none */
	const char *arg;           /* what it takes, for help; NULL: nothing */
	const char *choices;       /* "a|b", for completions; NULL */
	const char *help;          /* NULL: not shown */
	enum fp_option_id setting; /* FP_FLAG_SETTING: this one … */
	const char *value;         /* … becomes this; NULL: the argument */
};

struct fp_cli;

struct fp_command {
	const char *name;
	const char *operands;      /* "[options] -- CMD..." */
	const char *summary;       /* one line, no full stop */
	const char *text;          /* paragraphs for --help and the man page */
	const char *words;         /* "a|b" that the first operand can be, for completions; NULL */
	const char *examples;      /* lines "command\tmeaning\n" */
	const struct fp_flag *const *flags; /* NULL-ended */
	unsigned int scopes;       /* settings offered, enum fp_option_scope */
	bool ends_at_operand;      /* what follows the first operand is not ours */
	bool hidden;
	int (*run)(struct fp_cli *cli); /* the exit status */
};

struct fp_cli {
	const struct fp_command *command;
	struct fp_settings settings;    /* resolved, each with its origin */
	char pyproject[FP_SETTING_TEXT_BYTES]; /* the file read; "" none */
	const char *flags[FP_FLAG_MAX]; /* argument, "" for those without; NULL: not given */
	char **operands;                /* NULL-ended; a command may move past its own words */
	int n_operands;
	char **operands_room;           /* what they lie in */
};

extern const struct fp_command *const fp_commands[]; /* NULL-ended */
const struct fp_command *fp_command_find(const char *name);

/* Flags used by several commands. */
extern const struct fp_flag fp_flag_help, fp_flag_input, fp_flag_output, fp_flag_format, fp_flag_process,
	fp_flag_pid, fp_flag_thread, fp_flag_diff, fp_flag_title;

/* Parses argv (argv[0] is the command's name) and resolves the settings.
 * -1: go on; else the status to end with (help was printed, or a line said
 * what is wrong).  Either way fp_cli_free() comes after it. */
int fp_cli_parse(struct fp_cli *cli, const struct fp_command *command, int argc, char **argv);
void fp_cli_free(struct fp_cli *cli);

/* Options, environment and pyproject.toml; a bad value is said and gives
 * false. */
bool fp_cli_settings(struct fp_cli *cli);

/* Settings that were given as options, or also in the environment, replace
 * those of s. */
void fp_cli_overlay(const struct fp_cli *cli, bool environment, struct fp_settings *s);

void fp_help_command(const struct fp_command *c, FILE *out);
void fp_help_all(FILE *out);
/* "-r, --rate HZ" of a flag; "--spy-rate N" of a setting. */
void fp_help_flag_text(const struct fp_flag *f, char *text, size_t n_bytes);
void fp_help_setting_text(enum fp_option_id id, char *text, size_t n_bytes);
/* Whether a command offers the setting. */
bool fp_command_offers(const struct fp_command *c, enum fp_option_id id);

#endif
