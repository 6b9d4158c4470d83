/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols as people write them.  Ordinary program, one thread. */
#ifndef FP_TOOLS_READ_SYMBOL_NAME_H
#define FP_TOOLS_READ_SYMBOL_NAME_H

#include "tools/read/arena.h"

#include <stdbool.h>

/* The demangled name without parameters, hash or version ("ns::f<int>"); the
 * name itself where it is not mangled, is Rust's v0, or there is no
 * libstdc++ on this machine.  Lives as long as the arena or raw. */
const char *fp_symbol_name(struct fp_arena *arena, const char *raw);

/* How every thread and program begins (_start, __libc_start_main, clone,
 * start_thread, the agent's own start routine): says nothing, and is left out
 * of native stacks. */
bool fp_symbol_is_startup(const char *name);

#endif
