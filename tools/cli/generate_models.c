/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as pydantic models.  Ordinary program. */
#include "tools/cli/generate.h"

#include <string.h>

static const char *const python_types[] = {
	[FP_KIND_BOOL] = "bool", [FP_KIND_INT] = "int",	     [FP_KIND_REAL] = "float",
	[FP_KIND_TEXT] = "str",	 [FP_KIND_PATH] = "Path",    [FP_KIND_CHOICES] = "str",
	[FP_KIND_GLOBS] = "str",
};

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* A path that replaces a name made otherwise; what follows another setting. */
static bool may_be_none(enum fp_option_id id)
{
	return id == FP_OPTION_memray_exact || (fp_options[id].kind == FP_KIND_PATH && !fp_options[id].value[0]);
}

static void put_default(FILE *out, enum fp_option_id id)
{
	const struct fp_option *o = &fp_options[id];
	struct fp_setting s;
	char error[FP_NOTICE_BYTES];

	if (may_be_none(id)) {
		fputs("None", out);
		return;
	}
	(void)fp_settings_parse_value(id, "", o->value, &s, error, sizeof(error));
	switch (o->kind) {
	case FP_KIND_BOOL:
		fputs(s.on ? "True" : "False", out);
		break;
	case FP_KIND_INT:
		fprintf(out, "%lld", (long long)s.number);
		break;
	case FP_KIND_REAL:
		fprintf(out, s.real == (double)(long long)s.real ? "%.1f" : "%g", s.real);
		break;
	case FP_KIND_PATH:
		fputs("Path(", out);
		put_string(out, o->value);
		fputc(')', out);
		break;
	case FP_KIND_TEXT:
	case FP_KIND_CHOICES:
	case FP_KIND_GLOBS:
		put_string(out, o->value);
	}
}

static void put_field(FILE *out, enum fp_option_id id)
{
	const struct fp_option *o = &fp_options[id];
	const char *dots = strstr(o->accepted, "..");
	char name[FP_SPELLED_BYTES];

	fp_option_spell(id, FP_SPELL_ENVIRONMENT, name);
	fprintf(out, "    %s: %s%s%s = Field(\n        ", o->key, may_be_none(id) ? "Optional[" : "",
		python_types[o->kind], may_be_none(id) ? "]" : "");
	put_default(out, id);
	fputs(",\n        validation_alias=AliasChoices(", out);
	put_string(out, name);
	if (fp_option_alias(id))
		fprintf(out, ", \"%s\"", fp_option_alias(id));
	fputs(", ", out);
	put_string(out, o->key);
	fputs("),\n", out);
	if (dots && (o->kind == FP_KIND_INT || o->kind == FP_KIND_REAL))
		fprintf(out, "        ge=%.*s,\n        le=%s,\n", (int)(dots - o->accepted), o->accepted, dots + 2);
	if (o->kind == FP_KIND_CHOICES)
		fprintf(out, "        pattern=r\"(?i)^\\s*(%s)(\\s*,\\s*(%s))*\\s*$\",\n", o->accepted, o->accepted);
	if (id == FP_OPTION_spy_pid)
		fputs("        max_length=0,\n", out);
	fputs("        description=", out);
	put_string(out, o->help);
	fputs(",\n    )\n", out);
}

/* The first option that names a model begins its class. */
static void put_class(FILE *out, const char *model, const char *group)
{
	fprintf(out,
		"\n\nclass %s(_FilperfSettings):\n    \"\"\"[tool.filperf%s%s] in pyproject.toml.\"\"\"\n\n"
		"    model_config = SettingsConfigDict(\n"
		"        pyproject_toml_table_header=(\"tool\", \"filperf\"%s%s%s),\n"
		"        pyproject_toml_depth=32,\n        case_sensitive=True,\n"
		"        populate_by_name=True,\n        extra=\"ignore\",\n    )\n\n",
		model, group[0] ? "." : "", group, group[0] ? ", \"" : "", group,
		group[0] ? "\"" : "");
	for (int id = 0; id < FP_OPTION_MAX; id++)
		if (strcmp(fp_options[id].model, model) == 0)
			put_field(out, (enum fp_option_id)id);
}

void fp_generate_pydantic(FILE *out)
{
	fputs("\"\"\"Settings of filperf " FP_VERSION ", made by filperf config --pydantic.\n\n"
	      "An argument wins over the environment, that over pyproject.toml, that over\n"
	      "the default, as in filperf itself.\n\"\"\"\n\n"
	      "from pathlib import Path\nfrom typing import Optional\n\n"
	      "from pydantic import AliasChoices, Field\n"
	      "from pydantic_settings import (\n    BaseSettings,\n    PyprojectTomlConfigSettingsSource,\n"
	      "    SettingsConfigDict,\n)\n\n\n"
	      "class _FilperfSettings(BaseSettings):\n"
	      "    @classmethod\n"
	      "    def settings_customise_sources(\n"
	      "        cls,\n        settings_cls,\n        init_settings,\n        env_settings,\n"
	      "        dotenv_settings,\n        file_secret_settings,\n    ):\n"
	      "        return (\n            init_settings,\n            env_settings,\n"
	      "            PyprojectTomlConfigSettingsSource(settings_cls),\n        )\n",
	      out);
	for (int id = 0; id < FP_OPTION_MAX; id++) {
		bool seen = false;

		for (int before = 0; before < id; before++)
			seen = seen || strcmp(fp_options[before].model, fp_options[id].model) == 0;
		if (!seen)
			put_class(out, fp_options[id].model, fp_options[id].group);
	}
}
