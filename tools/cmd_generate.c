/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filperf generate: man pages, completions and the settings table, from the
 * tables; the build runs it and installs what it writes.
 */
#include "tools/cli/commands.h"
#include "tools/cli/generate.h"
#include "tools/cli/message.h"
#include "tools/cli/store.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct fp_flag *const flags[] = {NULL};

static const struct {
	const char *path;
	void (*write)(FILE *out);
} files[] = {
	{"completions/filperf.bash", fp_generate_bash},
	{"completions/_filperf", fp_generate_zsh},
	{"completions/filperf.fish", fp_generate_fish},
	{"settings.md", fp_generate_settings_table},
	{"filperf_settings.py", fp_generate_pydantic},
};

static int write_file(const char *dir, const char *name, void (*write)(FILE *out), const struct fp_command *man)
{
	struct fp_store_file f;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = fp_store_begin(path, &f);
	if (r == 0) {
		if (write)
			write(f.stream);
		else
			fp_generate_man(man, f.stream);
		r = fp_store_commit(&f);
	}
	if (r)
		fp_say("%s: cannot be written: %s", path, strerror(-r));
	return r;
}

static int make_dirs(const char *dir)
{
	static const char *const below[] = {"man/man1", "completions"};

	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX];
		int r;

		snprintf(path, sizeof(path), "%s/%s", dir, below[i]);
		r = fp_store_make_dir(path);
		if (r) {
			fp_say("%s: cannot be made: %s", path, strerror(-r));
			return r;
		}
	}
	return 0;
}

static int generate(struct fp_cli *cli)
{
	const char *dir = cli->operands[0];
	int r;

	if (cli->n_operands != 1) {
		fp_say("generate: takes one directory; see filperf generate --help");
		return FP_STATUS_USAGE;
	}
	r = make_dirs(dir);
	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]) && r == 0; i++)
		r = write_file(dir, files[i].path, files[i].write, NULL);
	if (r == 0)
		r = write_file(dir, "man/man1/filperf.1", NULL, NULL);
	for (const struct fp_command *const *c = fp_commands; *c && r == 0; c++) {
		char name[64];

		if ((*c)->hidden)
			continue;
		snprintf(name, sizeof(name), "man/man1/filperf-%s.1", (*c)->name);
		r = write_file(dir, name, NULL, *c);
	}
	return r ? FP_STATUS_FAILED : 0;
}

const struct fp_command fp_command_generate = {
	.name = "generate",
	.operands = "DIR",
	.summary = "write man pages, completions and the settings table",
	.text = "Writes DIR/man/man1/filperf*.1, DIR/completions/{filperf.bash,_filperf,filperf.fish}, DIR/settings.md "
		"(the settings as a Markdown table) and DIR/filperf_settings.py (as pydantic models), all from the tables "
		"that parse the options.",
	.flags = flags,
	.hidden = true,
	.run = generate,
};
