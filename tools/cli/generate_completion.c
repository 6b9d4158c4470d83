/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for bash, zsh and fish.  Ordinary program. */
#include "tools/cli/generate.h"

#include <string.h>

static void put_words(FILE *out, const char *bars)
{
	for (; *bars; bars++)
		fputc(*bars == '|' ? ' ' : *bars, out);
}

/* In single quotes of a shell; zsh's specs also need : and brackets escaped. */
static void put_quoted(FILE *out, const char *text, bool zsh)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (zsh && strchr(":[]\\", *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text == '\n' ? ' ' : *text, out);
	}
}

static const char *setting_name(enum fp_option_id id)
{
	static char name[FP_SPELLED_BYTES];

	fp_option_spell(id, FP_SPELL_OPTION, name);
	return name;
}

static void bash_words(const struct fp_command *c, FILE *out)
{
	for (const struct fp_flag *const *f = c->flags; *f; f++) {
		if (!(*f)->help)
			continue;
		if ((*f)->letter)
			fprintf(out, " -%c", (*f)->letter);
		if ((*f)->name)
			fprintf(out, " --%s", (*f)->name);
	}
	fputs(" -h --help", out);
	for (int id = 0; id < FP_OPTION_MAX; id++)
		if (fp_command_offers(c, (enum fp_option_id)id))
			fprintf(out, " %s", setting_name((enum fp_option_id)id));
}

static void bash_first_operand(const struct fp_command *c, FILE *out)
{
	fprintf(out,
		"\tif [ \"$cmd\" = %s ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W '",
		c->name);
	put_words(out, c->words);
	fputs("' -- \"$cur\")\n\t\treturn\n\tfi\n", out);
}

void fp_generate_bash(FILE *out)
{
	fputs("# bash completion for filperf, made from its option table\n"
	      "_filperf()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]} i\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '",
	      out);
	for (const struct fp_command *const *c = fp_commands; *c; c++)
		if (!(*c)->hidden)
			fprintf(out, "%s ", (*c)->name);
	fputs("--help --version' -- \"$cur\")\n\t\treturn\n\tfi\n"
	      "\tif [ \"$cmd\" = run ]; then\n"
	      "\t\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	      "\t\t\tif [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
	      "\t\t\t\tif declare -F _command_offset >/dev/null; then _command_offset $((i + 1));\n"
	      "\t\t\t\telse mapfile -t COMPREPLY < <(compgen -c -f -- \"$cur\"); fi\n"
	      "\t\t\t\treturn\n\t\t\tfi\n\t\tdone\n\tfi\n"
	      "\tcase $prev in\n"
	      "\t--spy-output | --format | -f)\n\t\tmapfile -t COMPREPLY < <(compgen -W '",
	      out);
	put_words(out, FP_SPY_FORMATS);
	fputs("' -- \"$cur\")\n\t\treturn\n\t\t;;\n"
	      "\t--memray-format)\n\t\tmapfile -t COMPREPLY < <(compgen -W '",
	      out);
	put_words(out, FP_MEMRAY_FORMATS);
	fputs("' -- \"$cur\")\n\t\treturn\n\t\t;;\n"
	      "\t--sort)\n\t\tmapfile -t COMPREPLY < <(compgen -W 'self total name' -- \"$cur\")\n\t\treturn\n\t\t;;\n"
	      "\t--output-dir)\n\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n\t\treturn\n\t\t;;\n"
	      "\tesac\n",
	      out);
	for (const struct fp_command *const *c = fp_commands; *c; c++)
		if ((*c)->words)
			bash_first_operand(*c, out);
	fputs("\tcase $cur in\n\t-*) ;;\n\t*)\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\t\treturn\n\t\t;;\n\tesac\n\tcase $cmd in\n",
	      out);
	for (const struct fp_command *const *c = fp_commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(out, "\t%s)\n\t\tmapfile -t COMPREPLY < <(compgen -W '", (*c)->name);
		bash_words(*c, out);
		fputs("' -- \"$cur\")\n\t\t;;\n", out);
	}
	fputs("\tesac\n}\ncomplete -o filenames -F _filperf filperf\n", out);
}

static void zsh_action(FILE *out, const char *arg, const char *choices)
{
	if (!arg)
		return;
	fputc(':', out);
	put_quoted(out, arg, true);
	fputc(':', out);
	if (choices) {
		fputc('(', out);
		put_words(out, choices);
		fputc(')', out);
	} else if (strcmp(arg, "FILE") == 0 || strcmp(arg, "IN") == 0 || strcmp(arg, "BASE") == 0) {
		fputs("_files", out);
	}
}

static void zsh_flag(FILE *out, const char *dashes, const char *name, const struct fp_flag *f)
{
	fprintf(out, "\t\t\t'%s%s[", dashes, name);
	put_quoted(out, f->help, true);
	fputc(']', out);
	zsh_action(out, f->arg, f->choices);
	fputs("' \\\n", out);
}

static void zsh_setting(FILE *out, enum fp_option_id id)
{
	const struct fp_option *o = &fp_options[id];

	fprintf(out, "\t\t\t'%s%s[", setting_name(id), o->kind == FP_KIND_BOOL ? "=-" : "");
	put_quoted(out, o->help, true);
	fputs("]", out);
	if (o->kind == FP_KIND_BOOL)
		fputs("::0 or 1:(0 1)", out);
	else if (o->kind == FP_KIND_CHOICES)
		fprintf(out, ":list:_values -s , format %s", "");
	else
		fprintf(out, ":value:%s", o->kind == FP_KIND_PATH ? "_files -/" : "");
	if (o->kind == FP_KIND_CHOICES)
		put_words(out, o->accepted);
	fputs("' \\\n", out);
}

void fp_generate_zsh(FILE *out)
{
	fputs("#compdef filperf\n# zsh completion for filperf, made from its option table\n"
	      "_filperf() {\n\tlocal -a commands\n\tif (( CURRENT == 2 )); then\n\t\tcommands=(\n",
	      out);
	for (const struct fp_command *const *c = fp_commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(out, "\t\t\t'%s:", (*c)->name);
		put_quoted(out, (*c)->summary, true);
		fputs("'\n", out);
	}
	fputs("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	      "\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in\n",
	      out);
	for (const struct fp_command *const *c = fp_commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(out, "\t%s)\n\t\t_arguments -s \\\n", (*c)->name);
		for (const struct fp_flag *const *f = (*c)->flags; *f; f++) {
			char letter[2] = {(*f)->letter, 0};

			if (!(*f)->help)
				continue;
			if ((*f)->letter)
				zsh_flag(out, "-", letter, *f);
			if ((*f)->name)
				zsh_flag(out, "--", (*f)->name, *f);
		}
		for (int id = 0; id < FP_OPTION_MAX; id++)
			if (fp_command_offers(*c, (enum fp_option_id)id))
				zsh_setting(out, (enum fp_option_id)id);
		if ((*c)->words) {
			fputs("\t\t\t'1:report:(", out);
			put_words(out, (*c)->words);
			fputs(")' \\\n", out);
		}
		fprintf(out, "\t\t\t'--help[this text]' \\\n\t\t\t'%s'\n\t\t;;\n",
			(*c)->ends_at_operand ? "*::command:_normal" : "*:input:_files");
	}
	fputs("\tesac\n}\nif [ \"$funcstack[1]\" = _filperf ]; then _filperf \"$@\"; else compdef _filperf filperf; fi\n",
	      out);
}

void fp_generate_fish(FILE *out)
{
	fputs("# fish completion for filperf, made from its option table\n", out);
	for (const struct fp_command *const *c = fp_commands; *c; c++) {
		const char *name = (*c)->name;

		if ((*c)->hidden)
			continue;
		fprintf(out, "complete -c filperf -n __fish_use_subcommand -f -a %s -d '", name);
		put_quoted(out, (*c)->summary, false);
		fputs("'\n", out);
		if ((*c)->words) {
			fprintf(out, "complete -c filperf -n '__fish_seen_subcommand_from %s' -f -a '", name);
			put_words(out, (*c)->words);
			fputs("'\n", out);
		}
		for (const struct fp_flag *const *f = (*c)->flags; *f; f++) {
			if (!(*f)->help)
				continue;
			fprintf(out, "complete -c filperf -n '__fish_seen_subcommand_from %s'", name);
			if ((*f)->letter)
				fprintf(out, " -s %c", (*f)->letter);
			if ((*f)->name)
				fprintf(out, " -l %s", (*f)->name);
			if ((*f)->arg)
				fputs(" -r", out);
			if ((*f)->choices) {
				fputs(" -f -a '", out);
				put_words(out, (*f)->choices);
				fputc('\'', out);
			}
			fputs(" -d '", out);
			put_quoted(out, (*f)->help, false);
			fputs("'\n", out);
		}
		for (int id = 0; id < FP_OPTION_MAX; id++) {
			const struct fp_option *o = &fp_options[id];

			if (!fp_command_offers(*c, (enum fp_option_id)id))
				continue;
			fprintf(out, "complete -c filperf -n '__fish_seen_subcommand_from %s' -l %s", name,
				setting_name((enum fp_option_id)id) + 2);
			if (o->kind != FP_KIND_BOOL)
				fputs(" -r", out);
			if (o->kind == FP_KIND_CHOICES) {
				fputs(" -f -a '", out);
				put_words(out, o->accepted);
				fputc('\'', out);
			}
			fputs(" -d '", out);
			put_quoted(out, o->help, false);
			fputs("'\n", out);
		}
	}
}
