/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option driver: a command's flags and the settings it offers, as
 * getopt_long would read them.  Ordinary program, one thread.
 */
#include "tools/cli/cli.h"
#include "tools/cli/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct fp_flag fp_flag_help = {
	.id = FP_FLAG_HELP, .letter = 'h', .name = "help", .help = "this text"};
const struct fp_flag fp_flag_input = {
	.id = FP_FLAG_INPUT, .letter = 'i', .name = "input", .arg = "IN",
	.help = "a <label>.filperf directory, a run directory, one capture, collapsed text, or our "
		".json or .prof; default: the newest run"};
const struct fp_flag fp_flag_output = {
	.id = FP_FLAG_OUTPUT, .letter = 'o', .name = "output", .arg = "FILE", .help = "where to write; - is stdout"};
const struct fp_flag fp_flag_format = {
	.id = FP_FLAG_FORMAT, .letter = 'f', .name = "format", .arg = "FORMAT", .choices = FP_SPY_FORMATS,
	.help = "the format; default: by the name of the output file"};
const struct fp_flag fp_flag_process = {
	.id = FP_FLAG_PROCESS, .name = "process", .arg = "WHICH", .help = "only this process: a pid, or a pattern of its title"};
const struct fp_flag fp_flag_pid = {
	.id = FP_FLAG_PROCESS, .name = "pid", .arg = "PID", .help = "the same as --process"};
const struct fp_flag fp_flag_thread = {
	.id = FP_FLAG_THREAD, .name = "thread", .arg = "WHICH", .help = "only this thread: its id, or a pattern of its name"};
const struct fp_flag fp_flag_diff = {
	.id = FP_FLAG_DIFF, .name = "diff", .arg = "BASE", .help = "show the change since BASE (anything that IN can be)"};
const struct fp_flag fp_flag_title = {
	.id = FP_FLAG_TITLE, .name = "title", .arg = "TEXT", .help = "heading of the graph"};

bool fp_command_offers(const struct fp_command *c, enum fp_option_id id)
{
	/* a setting that is always refused is nothing to offer */
	return id != FP_OPTION_spy_pid && (c->scopes & fp_options[id].scope) != 0;
}

struct parser {
	struct fp_cli *cli;
	struct fp_notices notices;
	int argc, at;
	char **argv;
	bool help;
};

static void say_notice(void *ctx, enum fp_notice_kind kind, const char *line)
{
	(void)ctx;
	(void)kind;
	fp_say("%s", line);
}

static int usage(const struct parser *p, const char *what, const char *name, const char *why)
{
	fp_say("%s%s: %s; see filperf %s --help", what, name, why, p->cli->command->name);
	return FP_STATUS_USAGE;
}

/* The argument behind "=", or the next word. */
static const char *take_argument(struct parser *p, const char *attached)
{
	if (attached)
		return attached;
	return p->at < p->argc ? p->argv[p->at++] : NULL;
}

/* py-spy's words for what the table calls otherwise. */
static const char *from_pyspy(enum fp_option_id id, const char *value)
{
	if (id == FP_OPTION_spy_output && strcmp(value, "flamegraph") == 0)
		return "svg";
	if (id == FP_OPTION_spy_duration && strcmp(value, "unlimited") == 0)
		return "0";
	return value;
}

static int take_flag(struct parser *p, const struct fp_flag *f, const char *spelled, const char *attached)
{
	const char *argument = "";

	if (f->arg) {
		argument = take_argument(p, attached);
		if (!argument)
			return usage(p, "", spelled, "takes an argument");
	} else if (attached) {
		return usage(p, "", spelled, "takes no argument");
	}
	if (f->id == FP_FLAG_REFUSED)
		return usage(p, "", spelled, f->value);
	if (f->id == FP_FLAG_HELP)
		p->help = true;
	if (f->id != FP_FLAG_SETTING) {
		p->cli->flags[f->id] = argument;
		return -1;
	}
	if (!f->value)
		argument = from_pyspy(f->setting, argument);
	(void)fp_settings_set(&p->cli->settings, f->setting, FP_FROM_OPTION, spelled, f->value ? f->value : argument,
			      &p->notices);
	return -1;
}

static int take_setting(struct parser *p, enum fp_option_id id, const char *spelled, const char *attached)
{
	const char *value = "1";

	if (fp_options[id].kind != FP_KIND_BOOL)
		value = take_argument(p, attached);
	else if (attached)
		value = attached;
	if (!value)
		return usage(p, "", spelled, "takes a value");
	(void)fp_settings_set(&p->cli->settings, id, FP_FROM_OPTION, spelled, value, &p->notices);
	return -1;
}

static int take_unknown(struct parser *p, const char *spelled)
{
	const struct fp_command *c = p->cli->command;
	enum fp_option_id id = fp_option_nearest(FP_SPELL_OPTION, spelled);
	char nearest[FP_SPELLED_BYTES + 40] = "no such option";

	if (c->scopes && fp_command_offers(c, id)) {
		char name[FP_SPELLED_BYTES];

		fp_option_spell(id, FP_SPELL_OPTION, name);
		snprintf(nearest, sizeof(nearest), "no such option; the nearest is %s", name);
	}
	return usage(p, "", spelled, nearest);
}

static int take_long(struct parser *p, char *word)
{
	const struct fp_command *c = p->cli->command;
	char spelled[FP_SPELLED_BYTES];
	char *equals = strchr(word, '=');
	const char *attached = equals ? equals + 1 : NULL;
	size_t n = equals ? (size_t)(equals - word) : strlen(word);
	enum fp_option_id id;

	snprintf(spelled, sizeof(spelled), "%.*s", (int)(n < sizeof(spelled) ? n : sizeof(spelled) - 1), word);
	for (const struct fp_flag *const *f = c->flags; *f; f++)
		if ((*f)->name && strcmp((*f)->name, spelled + 2) == 0)
			return take_flag(p, *f, spelled, attached);
	if (strcmp(spelled, "--help") == 0)
		return take_flag(p, &fp_flag_help, spelled, attached);
	id = fp_option_find(FP_SPELL_OPTION, spelled);
	if (id != FP_OPTION_MAX && (c->scopes & fp_options[id].scope) != 0)
		return take_setting(p, id, spelled, attached);
	return take_unknown(p, spelled);
}

static const struct fp_flag *find_letter(const struct fp_command *c, char letter)
{
	for (const struct fp_flag *const *f = c->flags; *f; f++)
		if ((*f)->letter == letter)
			return *f;
	return letter == 'h' ? &fp_flag_help : NULL;
}

/* -ab, -oFILE, -o FILE */
static int take_letters(struct parser *p, const char *word)
{
	for (word++; *word; word++) {
		char spelled[] = {'-', *word, 0};
		const struct fp_flag *f = find_letter(p->cli->command, *word);
		int status;

		if (!f)
			return usage(p, "", spelled, "no such option");
		status = take_flag(p, f, spelled, f->arg && word[1] ? word + 1 : NULL);
		if (status >= 0 || f->arg)
			return status;
	}
	return -1;
}

static int take_words(struct parser *p)
{
	struct fp_cli *cli = p->cli;
	bool only_operands = false;

	while (p->at < p->argc) {
		char *word = p->argv[p->at++];
		int status = -1;

		if (!only_operands && strcmp(word, "--") == 0) {
			only_operands = true;
		} else if (only_operands || word[0] != '-' || !word[1]) {
			cli->operands[cli->n_operands++] = word;
			only_operands = only_operands || cli->command->ends_at_operand;
		} else {
			status = word[1] == '-' ? take_long(p, word) : take_letters(p, word);
		}
		if (status >= 0)
			return status;
	}
	cli->operands[cli->n_operands] = NULL;
	return -1;
}

bool fp_cli_settings(struct fp_cli *cli)
{
	struct fp_notices n = {.take = say_notice};
	char *text = malloc(FP_PYPROJECT_BYTES);
	size_t n_bytes = 0;
	int r = text ? fp_settings_find_pyproject(cli->pyproject, sizeof(cli->pyproject), text, FP_PYPROJECT_BYTES,
						  &n_bytes)
		     : -ENOMEM;

	if (r == 0)
		fp_settings_from_pyproject(&cli->settings, cli->pyproject, text, n_bytes, &n);
	else if (r == -EFBIG)
		fp_say("%s: larger than %u KiB; its [tool.filperf] is left out", cli->pyproject,
		       FP_PYPROJECT_BYTES >> 10);
	if (r != 0)
		cli->pyproject[0] = 0;
	free(text);
	fp_settings_from_environment(&cli->settings, environ, &n);
	fp_settings_settle(&cli->settings);
	return n.n_bad == 0;
}

int fp_cli_parse(struct fp_cli *cli, const struct fp_command *command, int argc, char **argv)
{
	struct parser p = {.cli = cli, .notices = {.take = say_notice}, .argc = argc, .at = 1, .argv = argv};
	int status;

	memset(cli, 0, sizeof(*cli));
	cli->command = command;
	cli->operands = cli->operands_room = calloc((size_t)argc + 1, sizeof(*cli->operands));
	if (!cli->operands) {
		fp_say("not enough memory");
		return FP_STATUS_FAILED;
	}
	fp_settings_default(&cli->settings);
	status = take_words(&p);
	if (status < 0 && p.help) {
		fp_help_command(command, stdout);
		return 0;
	}
	if (status < 0 && p.notices.n_bad)
		return FP_STATUS_USAGE;
	/* at its end a run has its settings, and the agent has complained already */
	if (status < 0 && command->scopes && !cli->flags[FP_FLAG_AT_EXIT] && !fp_cli_settings(cli))
		return FP_STATUS_USAGE;
	return status;
}

void fp_cli_free(struct fp_cli *cli)
{
	free(cli->operands_room);
	cli->operands = cli->operands_room = NULL;
	cli->n_operands = 0;
}

void fp_cli_overlay(const struct fp_cli *cli, bool environment, struct fp_settings *s)
{
	for (int id = 0; id < FP_OPTION_MAX; id++) {
		const struct fp_setting *mine = &cli->settings.of[id];

		if (mine->origin == FP_FROM_OPTION || (environment && mine->origin == FP_FROM_ENVIRONMENT))
			s->of[id] = *mine;
	}
}
