/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of native code, by elfutils: which function, file, line and inlined
 * calls lie at an address of an object.  Ordinary program, one thread at a
 * time.  Nothing is fetched from a network.
 */
#ifndef FP_TOOLS_READ_SYMBOLS_H
#define FP_TOOLS_READ_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fp_symbols;

/* One function at an address.  Strings live as long as the fp_symbols. */
struct fp_symbol_frame {
	const char *name;     /* demangled; "module+0x1234" when there is no symbol */
	const char *file;     /* source file, else the module's path */
	uint32_t line;        /* 0 unknown */
	uint32_t first_line;  /* of the function, 0 unknown */
	bool inlined;         /* into the next frame */
	bool resolved;        /* false: name is module+offset */
};

/* debug_files: separate debug files give lines and inlined calls too, which has
 * to inflate them whole; else their symbol table alone is read.  What an object
 * holds itself is always used.  NULL: no memory. */
struct fp_symbols *fp_symbols_create(bool debug_files);

/* Frames at vaddr (an address of the ELF file: pc - bias) of the object at
 * path, innermost first, at most cap (the outermost is always there).  Returns
 * how many, >= 1 when cap is; an address without a symbol is one frame
 * `module+0xvaddr`.  n_build_id 0: unknown.  A file whose build id differs is
 * not used (see fp_symbols_refused). */
unsigned fp_symbols_resolve(struct fp_symbols *s, const char *path, const uint8_t *build_id, unsigned n_build_id,
			    uint64_t vaddr, struct fp_symbol_frame *frames, unsigned cap);

/* The i-th object that could not be used and why, or NULL: "PATH: changed
 * since it was recorded". */
const char *fp_symbols_refused(const struct fp_symbols *s, unsigned i);

void fp_symbols_destroy(struct fp_symbols *s);

#endif
