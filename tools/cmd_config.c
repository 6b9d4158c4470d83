/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf config: each setting and where its value came from; the settings as
 * pydantic models and as a table for the documentation.
 */
#include "tools/cli/commands.h"
#include "tools/cli/generate.h"
#include "tools/cli/message.h"

#include <string.h>

static const struct fp_flag flag_pydantic = {
	.id = FP_FLAG_PYDANTIC, .name = "pydantic", .help = "print the settings as pydantic models (pydantic-settings)"};
static const struct fp_flag flag_markdown = {
	.id = FP_FLAG_MARKDOWN, .name = "markdown", .help = "print the settings as the documentation's table"};

static const struct fp_flag *const flags[] = {&flag_pydantic, &flag_markdown, NULL};

static int config(struct fp_cli *cli)
{
	static const char *const origins[] = {
		[FP_FROM_DEFAULT] = "default",
		[FP_FROM_PYPROJECT] = "pyproject",
		[FP_FROM_ENVIRONMENT] = "environment",
		[FP_FROM_OPTION] = "option",
	};

	if (cli->n_operands) {
		fp_say("config: takes no arguments besides options; see filperf config --help");
		return FP_STATUS_USAGE;
	}
	if (cli->flags[FP_FLAG_PYDANTIC]) {
		fp_generate_pydantic(stdout);
		return 0;
	}
	if (cli->flags[FP_FLAG_MARKDOWN]) {
		fp_generate_settings_table(stdout);
		return 0;
	}
	for (int id = 0; id < FP_OPTION_MAX; id++) {
		const struct fp_setting *s = &cli->settings.of[id];
		enum fp_option_id followed = fp_settings_followed(&cli->settings, (enum fp_option_id)id);
		char name[FP_SPELLED_BYTES], leader[FP_SPELLED_BYTES];

		fp_option_spell((enum fp_option_id)id, FP_SPELL_ENVIRONMENT, name);
		if (followed != FP_OPTION_MAX) {
			fp_option_spell(followed, FP_SPELL_ENVIRONMENT, leader);
			printf("%-32s %-20s follows %s\n", name, s->text, leader);
			continue;
		}
		printf("%-32s %-20s %s%s%s\n", name, s->text[0] ? s->text : "\"\"", origins[s->origin],
		       s->origin == FP_FROM_PYPROJECT ? " " : "", s->origin == FP_FROM_PYPROJECT ? cli->pyproject : "");
	}
	return 0;
}

const struct fp_command fp_command_config = {
	.name = "config",
	.operands = "[options]",
	.summary = "print each setting and where its value came from",
	.text = "Prints every setting, the value in force and its origin: an option wins over the environment, that over "
		"[tool.filperf] in the nearest pyproject.toml, that over the default. Where some of "
		"SPY_ENABLED, MEMRAY_ENABLED and SCALENE_ENABLED were switched on by name, the others are off and say which "
		"one they follow. Takes the options of filperf run, to "
		"see their effect.",
	.examples = "filperf config\twhat a run here would use\n"
		    "filperf config --pydantic > perf_settings.py\tPerformanceSettings, PySpySettings, MemraySettings, ScaleneSettings\n",
	.flags = flags,
	.scopes = FP_SCOPE_BOTH,
	.run = config,
};
