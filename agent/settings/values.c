/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value from text, by the option table.  Boot of the agent and tools;
 * pure: no allocation, no stdio, no locale.
 */
#include "agent/settings/options.h"

#include "agent/base/text.h"

#include <errno.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* word: lower case. */
static bool equal_any_case(const char *text, const char *word)
{
	while (*text && lower(*text) == *word)
		text++, word++;
	return lower(*text) == *word;
}

static int parse_bool(const char *text, bool *ret_on)
{
	static const char *const words[2][6] = {
		{"0", "false", "f", "no", "n", "off"},
		{"1", "true", "t", "yes", "y", "on"},
	};

	for (int on = 0; on < 2; on++)
		for (unsigned int i = 0; i < 6; i++)
			if (equal_any_case(text, words[on][i])) {
				*ret_on = on != 0;
				return 0;
			}
	return -EINVAL;
}

/* An optional sign, digits, and when ret_real is given a fraction and an
 * exponent; blanks around it.  Returns the end, or NULL. */
static const char *parse_number(const char *s, int64_t *ret_number, double *ret_real)
{
	bool minus = *s == '-';
	double real = 0;
	int64_t number = 0;
	int n_digits = 0, exponent = 0;

	if (*s == '-' || *s == '+')
		s++;
	for (; *s >= '0' && *s <= '9'; s++, n_digits++) {
		if (number > (INT64_MAX - 9) / 10)
			return NULL;
		number = number * 10 + (*s - '0');
		real = real * 10 + (*s - '0');
	}
	if (ret_real && *s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, n_digits++, exponent--)
			real = real * 10 + (*s - '0');
	if (n_digits == 0 || n_digits > 40)
		return NULL;
	if (ret_real && (*s == 'e' || *s == 'E')) {
		bool negative = s[1] == '-';
		int e = 0;

		s += s[1] == '-' || s[1] == '+' ? 2 : 1;
		if (*s < '0' || *s > '9')
			return NULL;
		for (; *s >= '0' && *s <= '9'; s++)
			e = e < 400 ? e * 10 + (*s - '0') : e;
		exponent += negative ? -e : e;
	}
	if (ret_real) {
		for (; exponent > 0 && real != 0 && real < 1e30; exponent--)
			real *= 10;
		for (; exponent < 0 && real != 0; exponent++)
			real /= 10;
		*ret_real = minus ? -real : real;
	}
	if (ret_number)
		*ret_number = minus ? -number : number;
	return s;
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

/* Whether text is one number within "min..max". */
static int parse_ranged(const char *text, const char *accepted, struct fp_setting *s, bool is_real)
{
	double real = 0, low, high;
	int64_t number = 0;
	const char *end = parse_number(skip_blanks(text), &number, is_real ? &real : NULL);
	const char *dots = parse_number(accepted, NULL, &low);

	/* "1..5": the first dot was taken as a decimal point */
	while (dots && *dots == '.')
		dots++;
	if (!end || *skip_blanks(end) || !dots || !parse_number(dots, NULL, &high))
		return -EINVAL;
	if (!is_real)
		real = (double)number;
	if (real < low || real > high)
		return -EINVAL;
	s->number = number;
	s->real = real;
	return 0;
}

static int choice_index(const char *accepted, const char *word, size_t n)
{
	int index = 0;

	for (const char *a = accepted; *a; index++) {
		size_t i = 0;

		while (i < n && a[i] && a[i] != '|' && a[i] == lower(word[i]))
			i++;
		if (i == n && (a[i] == '|' || a[i] == 0))
			return index;
		while (*a && *a++ != '|')
			;
	}
	return -1;
}

/* Keeps the words, lower case and without blanks, in s->text. */
static int parse_choices(const char *text, const char *accepted, struct fp_setting *s)
{
	struct fp_writer w = fp_writer_over(s->text, sizeof(s->text));

	s->choices = 0;
	while (*text) {
		size_t n = 0;
		int index;

		while (is_blank(*text) || *text == ',')
			text++;
		while (text[n] && text[n] != ',' && !is_blank(text[n]))
			n++;
		if (n == 0)
			break;
		index = choice_index(accepted, text, n);
		if (index < 0)
			return -EINVAL;
		if (!(s->choices >> index & 1) && s->choices)
			fp_writer_char(&w, ',');
		if (!(s->choices >> index & 1))
			for (size_t i = 0; i < n; i++)
				fp_writer_char(&w, lower(text[i]));
		s->choices |= 1ull << index;
		text += n;
	}
	return s->choices && !w.cut ? 0 : -EINVAL;
}

static void refuse(enum fp_option_id id, const char *name, const char *text, char *error, size_t error_bytes)
{
	struct fp_writer w = fp_writer_over(error, error_bytes);
	char accepts[160], shown[80];

	fp_text_copy(shown, sizeof(shown), text);
	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	fp_writer_text(&w, name);
	fp_writer_char(&w, '=');
	fp_writer_text(&w, shown);
	if (fp_text_length(text) >= sizeof(shown))
		fp_writer_text(&w, "...");
	if (id == FP_OPTION_spy_pid) {
		fp_writer_text(&w, ": refused: filperf cannot attach to a running process yet; "
				   "start the program with filperf run -- CMD");
		return;
	}
	fp_option_accepts(id, accepts, sizeof(accepts));
	fp_writer_text(&w, ": not accepted; give ");
	fp_writer_text(&w, accepts);
	if (fp_options[id].kind >= FP_KIND_TEXT && fp_options[id].kind != FP_KIND_CHOICES) {
		fp_writer_text(&w, " of at most ");
		fp_writer_number(&w, FP_SETTING_TEXT_BYTES - 1);
		fp_writer_text(&w, " bytes without control characters");
	}
}

static int parse_text(const char *text, char *ret_text)
{
	size_t n = fp_text_length(text);

	if (n >= FP_SETTING_TEXT_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return -EINVAL;
	fp_text_copy(ret_text, FP_SETTING_TEXT_BYTES, text);
	return 0;
}

int fp_settings_parse_value(enum fp_option_id id, const char *name, const char *text,
			    struct fp_setting *ret_setting, char *error, size_t error_bytes)
{
	const struct fp_option *o = &fp_options[id];
	struct fp_setting s = {.origin = FP_FROM_DEFAULT};
	int r = parse_text(text, s.text);

	switch (o->kind) {
	case FP_KIND_BOOL:
		r = r ? r : parse_bool(text, &s.on);
		break;
	case FP_KIND_INT:
	case FP_KIND_REAL:
		r = r ? r : parse_ranged(text, o->accepted, &s, o->kind == FP_KIND_REAL);
		break;
	case FP_KIND_CHOICES:
		r = r ? r : parse_choices(text, o->accepted, &s);
		break;
	case FP_KIND_PATH:
		/* nothing stands for no path of its own only where that is the default */
		r = r ? r : (text[0] || !o->value[0] ? 0 : -EINVAL);
		break;
	case FP_KIND_TEXT:
	case FP_KIND_GLOBS:
		break;
	}
	if (id == FP_OPTION_spy_pid && text[0])
		r = -EINVAL;
	if (r) {
		refuse(id, name, text, error, error_bytes);
		return r;
	}
	*ret_setting = s;
	return 0;
}

void fp_settings_default(struct fp_settings *s)
{
	char error[FP_NOTICE_BYTES];

	for (int id = 0; id < FP_OPTION_MAX; id++)
		(void)fp_settings_parse_value((enum fp_option_id)id, "", fp_options[id].value, &s->of[id], error,
					      sizeof(error));
}
