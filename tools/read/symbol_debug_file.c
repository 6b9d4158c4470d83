/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See symbol_debug_file.h.  libdwfl's own search tries a dozen places for each
 * object and then loads libdebuginfod with its 30 libraries, more than the rest
 * of a report takes.
 */
#include "tools/read/symbol_debug_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_FOLDER "/usr/lib/debug"

static int open_by_id(const unsigned char *id, int n_bytes, char **ret_path)
{
	char path[sizeof(DEBUG_FOLDER "/.build-id/xx/.debug") + 128];
	int at = snprintf(path, sizeof(path), DEBUG_FOLDER "/.build-id/%02x/", id[0]), fd;

	for (int i = 1; i < n_bytes; i++)
		at += snprintf(path + at, 3, "%02x", id[i]);
	memcpy(path + at, ".debug", sizeof(".debug"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		*ret_path = strdup(path);
	return fd;
}

/* Where gdb would look for the file that the object names. */
static bool lies_somewhere(const char *file, const char *link)
{
	static const char *const places[][2] = {{"", ""}, {"", ".debug/"}, {DEBUG_FOLDER, ""}};
	const char *slash = strrchr(file, '/');
	int folder_bytes = slash ? (int)(slash - file) + 1 : 0;
	char path[PATH_MAX];

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s%.*s%s%s", places[i][0], folder_bytes, file, places[i][1], link);

		if (n > 0 && (size_t)n < sizeof(path) && strcmp(path, file) != 0 && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

int fp_symbol_debug_file(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
			 const char *link, GElf_Word link_crc, char **ret_path)
{
	const unsigned char *id;
	GElf_Addr where;
	int n_bytes, fd;

	if (file) {
		n_bytes = dwfl_module_build_id(module, &id, &where);
		fd = n_bytes > 1 && n_bytes <= 64 ? open_by_id(id, n_bytes, ret_path) : -1;
		if (fd >= 0 || !link || !lies_somewhere(file, link))
			return fd;
	}
	/* a file to be checked against the object, or the one that several debug files share */
	return dwfl_standard_find_debuginfo(module, user, name, base, file, link, link_crc, ret_path);
}
