/* SPDX-License-Identifier: Apache-2.0 */
/* --help from the command and option tables.  Ordinary program. */
#include "tools/cli/cli.h"
#include "tools/cli/message.h"

#include <string.h>

static const char *kind_argument(enum fp_option_id id)
{
	static const char *const names[] = {
		[FP_KIND_BOOL] = "[=0|1]", [FP_KIND_INT] = " N",	    [FP_KIND_REAL] = " SECONDS",
		[FP_KIND_TEXT] = " TEXT",  [FP_KIND_PATH] = " DIR",	    [FP_KIND_CHOICES] = " LIST",
		[FP_KIND_GLOBS] = " GLOBS",
	};

	return names[fp_options[id].kind];
}

void fp_help_setting_text(enum fp_option_id id, char *text, size_t n_bytes)
{
	char name[FP_SPELLED_BYTES];

	fp_option_spell(id, FP_SPELL_OPTION, name);
	snprintf(text, n_bytes, "%s%s", name, kind_argument(id));
}

void fp_help_flag_text(const struct fp_flag *f, char *text, size_t n_bytes)
{
	char letter[5] = "";

	if (f->letter)
		snprintf(letter, sizeof(letter), "-%c%s", f->letter, f->name ? ", " : "");
	snprintf(text, n_bytes, "%s%s%s%s%s", letter, f->name ? "--" : "", f->name ? f->name : "", f->arg ? " " : "",
		 f->arg ? f->arg : "");
}

/* text in lines of width behind an indent of n_indent. */
static void print_wrapped(FILE *out, const char *text, unsigned int n_indent, unsigned int width)
{
	unsigned int column = n_indent;

	while (*text) {
		size_t n = strcspn(text, " \n");

		if (column > n_indent && column + 1 + n > width) {
			fprintf(out, "\n%*s", (int)n_indent, "");
			column = n_indent;
		}
		column += (unsigned int)fprintf(out, "%s%.*s", column > n_indent ? " " : "", (int)n, text);
		text += n;
		if (*text == '\n') {
			fprintf(out, "\n%*s", (int)n_indent, "");
			column = n_indent;
		}
		text += *text != 0;
	}
	fputc('\n', out);
}

static unsigned int help_width(FILE *out)
{
	unsigned int columns = fp_terminal_columns(out);

	return columns == 0 || columns > 100 ? 100 : columns;
}

static void print_entry(FILE *out, const char *left, const char *right)
{
	if (strlen(left) > 28)
		fprintf(out, "  %s\n%32s", left, "");
	else
		fprintf(out, "  %-30s", left);
	print_wrapped(out, right, 32, help_width(out));
}

static void heading(FILE *out, const char *text)
{
	bool colour = fp_may_colour(out);

	fprintf(out, "%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

static void print_settings(const struct fp_command *c, FILE *out)
{
	heading(out, "\nSettings (also FIL_PERF_<NAME> in the environment and [tool.filperf] in pyproject.toml):");
	for (int id = 0; id < FP_OPTION_MAX; id++) {
		const struct fp_option *o = &fp_options[id];
		char left[128], right[512], accepts[160];

		if (!fp_command_offers(c, (enum fp_option_id)id))
			continue;
		fp_help_setting_text((enum fp_option_id)id, left, sizeof(left));
		fp_option_accepts((enum fp_option_id)id, accepts, sizeof(accepts));
		if (o->kind == FP_KIND_INT || o->kind == FP_KIND_REAL || o->kind == FP_KIND_CHOICES)
			snprintf(right, sizeof(right), "%s [%s; %s]", o->help, accepts, o->value);
		else if (o->value[0])
			snprintf(right, sizeof(right), "%s [%s]", o->help, o->value);
		else
			snprintf(right, sizeof(right), "%s", o->help);
		print_entry(out, left, right);
	}
}

void fp_help_command(const struct fp_command *c, FILE *out)
{
	heading(out, "Usage:");
	fprintf(out, "  filperf %s%s%s\n\n", c->name, c->operands[0] ? " " : "", c->operands);
	print_wrapped(out, c->text, 0, help_width(out));
	heading(out, "\nOptions:");
	for (const struct fp_flag *const *f = c->flags; *f; f++) {
		char left[128];

		if (!(*f)->help)
			continue;
		fp_help_flag_text(*f, left, sizeof(left));
		print_entry(out, left, (*f)->help);
	}
	print_entry(out, "-h, --help", fp_flag_help.help);
	if (c->scopes)
		print_settings(c, out);
	if (!c->examples)
		return;
	heading(out, "\nExamples:");
	for (const char *e = c->examples; *e;) {
		size_t n = strcspn(e, "\t"), m = strcspn(e + n, "\n");

		fprintf(out, "  %.*s\n      %.*s\n", (int)n, e, (int)(m - 1), e + n + 1);
		e += n + m + 1;
	}
}

void fp_help_all(FILE *out)
{
	heading(out, "Usage:");
	fputs("  filperf COMMAND [options]\n  filperf --version\n\n", out);
	print_wrapped(out,
		      "Where the CPU time and the memory of a Python program went, per line, thread and process, with "
		      "nothing changed in the program.",
		      0, help_width(out));
	heading(out, "\nCommands:");
	for (const struct fp_command *const *c = fp_commands; *c; c++)
		if (!(*c)->hidden)
			print_entry(out, (*c)->name, (*c)->summary);
	fputs("\nfilperf COMMAND --help says more.\n", out);
}
