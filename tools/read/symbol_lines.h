/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines and inlined calls of one object, from its DWARF.  Ordinary
 * program, one thread.  Indexes a compilation unit when it is first asked for.
 */
#ifndef FP_TOOLS_READ_SYMBOL_LINES_H
#define FP_TOOLS_READ_SYMBOL_LINES_H

#include "tools/read/arena.h"
#include "tools/read/symbols.h"

#include <elfutils/libdwfl.h>

struct fp_symbol_lines;

/* NULL: no debug information, or no memory. */
struct fp_symbol_lines *fp_symbol_lines_create(Dwfl_Module *module, struct fp_arena *arena);
void fp_symbol_lines_destroy(struct fp_symbol_lines *l);

/* Innermost first; names not yet set are NULL for the caller's symbol table to
 * fill.  0 when the address is not described.  vaddr is the file's. */
unsigned fp_symbol_lines_find(struct fp_symbol_lines *l, uint64_t vaddr, struct fp_symbol_frame *frames, unsigned cap);

#endif
