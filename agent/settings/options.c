/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table and how its names are spelled.  Boot of the agent and
 * tools; pure, own loops: no libc, no allocation, any context.
 */
#include "agent/settings/options.h"

#include "agent/base/text.h"

const struct fp_option fp_options[FP_OPTION_MAX] = {
#define X(name, group_, key_, kind_, value_, accepted_, scope_, model_, help_)                                        \
	[FP_OPTION_##name] = {.id = #name,                                                                            \
			      .group = group_,                                                                        \
			      .key = key_,                                                                            \
			      .kind = FP_KIND_##kind_,                                                                \
			      .value = value_,                                                                        \
			      .accepted = accepted_,                                                                  \
			      .scope = FP_SCOPE_##scope_,                                                             \
			      .model = #model_,                                                                       \
			      .help = help_},
	FP_OPTIONS(X)
#undef X
};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

void fp_option_spell(enum fp_option_id id, enum fp_spelling as, char *buffer)
{
	const struct fp_option *o = &fp_options[id];
	struct fp_writer w = fp_writer_over(buffer, FP_SPELLED_BYTES);

	switch (as) {
	case FP_SPELL_ENVIRONMENT:
		fp_writer_text(&w, "FIL_PERF_");
		for (const char *c = o->id; *c; c++)
			fp_writer_char(&w, upper(*c));
		break;
	case FP_SPELL_OPTION:
		fp_writer_text(&w, "--");
		for (const char *c = o->id; *c; c++)
			fp_writer_char(&w, *c == '_' ? '-' : *c);
		break;
	case FP_SPELL_PYPROJECT:
		if (o->group[0]) {
			fp_writer_text(&w, o->group);
			fp_writer_char(&w, '.');
		}
		fp_writer_text(&w, o->key);
		break;
	}
}

enum fp_option_id fp_option_find(enum fp_spelling as, const char *name)
{
	char spelled[FP_SPELLED_BYTES];

	for (int id = 0; id < FP_OPTION_MAX; id++) {
		fp_option_spell((enum fp_option_id)id, as, spelled);
		if (fp_text_equal(spelled, name))
			return (enum fp_option_id)id;
	}
	return FP_OPTION_MAX;
}

/* Levenshtein over at most FP_SPELLED_BYTES of each. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[FP_SPELLED_BYTES + 1];
	unsigned int n_b = 0;

	for (; b[n_b] && n_b < FP_SPELLED_BYTES; n_b++)
		;
	for (unsigned int j = 0; j <= n_b; j++)
		row[j] = j;
	for (unsigned int i = 0; a[i] && i < FP_SPELLED_BYTES; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (unsigned int j = 1; j <= n_b; j++) {
			unsigned int swap = diagonal + (upper(a[i]) != upper(b[j - 1]));

			diagonal = row[j];
			if (row[j] + 1 < swap)
				swap = row[j] + 1;
			if (row[j - 1] + 1 < swap)
				swap = row[j - 1] + 1;
			row[j] = swap;
		}
	}
	return row[n_b];
}

enum fp_option_id fp_option_nearest(enum fp_spelling as, const char *name)
{
	unsigned int least = UINT32_MAX;
	int nearest = 0;
	char spelled[FP_SPELLED_BYTES];

	for (int id = 0; id < FP_OPTION_MAX; id++) {
		unsigned int d;

		fp_option_spell((enum fp_option_id)id, as, spelled);
		d = distance(name, spelled);
		if (d < least) {
			least = d;
			nearest = id;
		}
	}
	return (enum fp_option_id)nearest;
}

void fp_option_accepts(enum fp_option_id id, char *buffer, size_t n_bytes)
{
	static const char *const what[] = {
		[FP_KIND_BOOL] = "1/0, true/false, yes/no, on/off, t/f, y/n",
		[FP_KIND_INT] = "a whole number ",
		[FP_KIND_REAL] = "a number ",
		[FP_KIND_TEXT] = "text",
		[FP_KIND_PATH] = "a path",
		[FP_KIND_CHOICES] = "a comma list of ",
		[FP_KIND_GLOBS] = "a comma list of name patterns",
	};
	const struct fp_option *o = &fp_options[id];
	struct fp_writer w = fp_writer_over(buffer, n_bytes);

	fp_writer_text(&w, what[o->kind]);
	for (const char *c = o->accepted; *c; c++)
		if (*c == '|')
			fp_writer_text(&w, ", ");
		else
			fp_writer_char(&w, *c);
}

const char *fp_environment_get(char *const envp[], const char *name)
{
	size_t n = fp_text_length(name);

	for (; envp && *envp; envp++)
		if (fp_text_starts(*envp, name) && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}
