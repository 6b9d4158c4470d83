/* SPDX-License-Identifier: Apache-2.0 */
/* Where the separate debug file of an object lies, for libdwfl. */
#ifndef FP_TOOLS_READ_SYMBOL_DEBUG_FILE_H
#define FP_TOOLS_READ_SYMBOL_DEBUG_FILE_H

#include <elfutils/libdwfl.h>

/* A Dwfl_Callbacks.find_debuginfo: a descriptor, or -1. */
int fp_symbol_debug_file(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
			 const char *link, GElf_Word link_crc, char **ret_path);

#endif
