/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages and the documentation's table.  Ordinary program. */
#include "tools/cli/generate.h"

#include <ctype.h>
#include <string.h>

/* Text for roff: backslashes, hyphens of options, a dot that begins a line. */
static void put(FILE *out, const char *text)
{
	bool begins = true;

	for (; *text; text++) {
		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\n')
			fputs("\n.PP\n", out);
		else
			fputc(*text, out);
		begins = *text == '\n';
	}
}

static void put_entry(FILE *out, const char *left, const char *right)
{
	fputs(".TP\n.B ", out);
	put(out, left);
	fputc('\n', out);
	put(out, right);
	fputc('\n', out);
}

static void put_setting(FILE *out, enum fp_option_id id)
{
	const struct fp_option *o = &fp_options[id];
	char left[128], accepts[160], name[FP_SPELLED_BYTES], right[1024];

	fp_help_setting_text(id, left, sizeof(left));
	fp_option_accepts(id, accepts, sizeof(accepts));
	fp_option_spell(id, FP_SPELL_ENVIRONMENT, name);
	snprintf(right, sizeof(right), "%s. Accepted: %s. Default: %s. In the environment: %s.", o->help, accepts,
		 o->value[0] ? o->value : "empty", name);
	put_entry(out, left, right);
}

static void put_title(FILE *out, const char *name)
{
	fputs(".TH ", out);
	for (const char *c = name; *c; c++)
		fputc(toupper((unsigned char)*c), out);
	fputs(" 1 \"\" \"filperf " FP_VERSION "\" \"User Commands\"\n.SH NAME\n", out);
	put(out, name);
}

static void man_command(const struct fp_command *c, FILE *out)
{
	char name[64];

	snprintf(name, sizeof(name), "filperf-%s", c->name);
	put_title(out, name);
	fputs(" \\- ", out);
	put(out, c->summary);
	fprintf(out, "\n.SH SYNOPSIS\n.B filperf %s\n", c->name);
	put(out, c->operands);
	fputs("\n.SH DESCRIPTION\n", out);
	put(out, c->text);
	fputs("\n.SH OPTIONS\n", out);
	for (const struct fp_flag *const *f = c->flags; *f; f++) {
		char left[128];

		if (!(*f)->help)
			continue;
		fp_help_flag_text(*f, left, sizeof(left));
		put_entry(out, left, (*f)->help);
	}
	put_entry(out, "-h, --help", "print a summary of the options");
	if (c->scopes)
		fputs(".SH SETTINGS\nEach is also a variable in the environment and a key of [tool.filperf] in "
		      "pyproject.toml.\n",
		      out);
	for (int id = 0; id < FP_OPTION_MAX; id++)
		if (fp_command_offers(c, (enum fp_option_id)id))
			put_setting(out, (enum fp_option_id)id);
	if (c->examples)
		fputs(".SH EXAMPLES\n", out);
	for (const char *e = c->examples; e && *e;) {
		size_t n = strcspn(e, "\t"), m = strcspn(e + n, "\n");
		char left[256], right[256];

		snprintf(left, sizeof(left), "%.*s", (int)n, e);
		snprintf(right, sizeof(right), "%.*s", (int)(m - 1), e + n + 1);
		put_entry(out, left, right);
		e += n + m + 1;
	}
	fputs(".SH EXIT STATUS\n0 when it worked, 1 when it failed, 2 for a wrong option or value.\n", out);
	if (strcmp(c->name, "run") == 0)
		fputs("When the command was started, its own status; a command that died by a signal ends filperf by "
		      "the same signal. 127 when it was not found, 126 when it could not be executed.\n",
		      out);
	fputs(".SH SEE ALSO\n.BR filperf (1)\n", out);
}

void fp_generate_man(const struct fp_command *c, FILE *out)
{
	if (c) {
		man_command(c, out);
		return;
	}
	put_title(out, "filperf");
	fputs(" \\- where the CPU time of a Python program went\n.SH SYNOPSIS\n.B filperf\nCOMMAND [options]\n"
	      ".SH DESCRIPTION\n"
	      "Profiles CPython programs and everything they start from within, per line, thread and process, with "
	      "nothing changed in them and no privilege.\n.SH COMMANDS\n",
	      out);
	for (const struct fp_command *const *i = fp_commands; *i; i++)
		if (!(*i)->hidden)
			put_entry(out, (*i)->name, (*i)->summary);
	fputs(".SH SETTINGS\nAn option wins over the environment, that over [tool.filperf] in pyproject.toml, that "
	      "over the default.\n",
	      out);
	for (int id = 0; id < FP_OPTION_MAX; id++)
		if (id != FP_OPTION_spy_pid)
			put_setting(out, (enum fp_option_id)id);
	fputs(".SH ENVIRONMENT\n", out);
	put_entry(out, "NO_COLOR", "when set and not empty, no colours");
	put_entry(out, "XDG_RUNTIME_DIR, TMPDIR",
		  "where the captures lie while a program runs: filperf\\-UID below the first that is set, or /tmp");
	fputs(".SH SEE ALSO\n", out);
	for (const struct fp_command *const *i = fp_commands; *i; i++)
		if (!(*i)->hidden)
			fprintf(out, "%s.BR filperf\\-%s (1)", i == fp_commands ? "" : ",\n", (*i)->name);
	fputc('\n', out);
}

static void put_cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '<' || *text == '*')
			fputc('\\', out);
		fputc(*text, out);
	}
}

void fp_generate_settings_table(FILE *out)
{
	fputs("| Environment | Option | `[tool.filperf]` | Default | Accepted | Meaning |\n"
	      "|---|---|---|---|---|---|\n",
	      out);
	for (int id = 0; id < FP_OPTION_MAX; id++) {
		const struct fp_option *o = &fp_options[id];
		char name[FP_SPELLED_BYTES], option[FP_SPELLED_BYTES], key[FP_SPELLED_BYTES], accepts[160];

		fp_option_spell((enum fp_option_id)id, FP_SPELL_ENVIRONMENT, name);
		fp_option_spell((enum fp_option_id)id, FP_SPELL_OPTION, option);
		fp_option_spell((enum fp_option_id)id, FP_SPELL_PYPROJECT, key);
		fp_option_accepts((enum fp_option_id)id, accepts, sizeof(accepts));
		fprintf(out, "| `%s` | `%s` | `%s` | %s%s%s | ", name, option, key, o->value[0] ? "`" : "", o->value,
			o->value[0] ? "`" : "");
		put_cell(out, id == FP_OPTION_spy_pid ? "nothing yet" : accepts);
		fputs(" | ", out);
		put_cell(out, o->help);
		fputs(" |\n", out);
	}
}
