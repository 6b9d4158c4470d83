/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of one process as a Memray capture has them: a tree of Python
 * frames beside a tree of native addresses, of which each memory cell has one
 * node each.  Memray puts the two together again: it takes each native frame
 * in the eval loop for the Python frames of that call.
 */
#ifndef FP_TOOLS_RENDER_MEMRAY_STACKS_H
#define FP_TOOLS_RENDER_MEMRAY_STACKS_H

#include "tools/read/profile.h"

/* 0 is the root; parents come first. */
struct fp_memray_trace {
	uint32_t parent;
	uint32_t depth;
	uint32_t code : 31;    /* id of the code object: index into codes, plus 1 */
	uint32_t is_entry : 1; /* the outermost frame of a call of the eval loop */
};

struct fp_memray_native {
	uint64_t ip;           /* as return addresses are: one behind the call */
	uint32_t parent;
};

/* The objects that may be looked up at a time: no two share an address. */
struct fp_memray_map {
	uint32_t first_generation;
	uint32_t *modules;     /* indices into modules */
	size_t n, room;
};

struct fp_memray_stack {
	uint32_t trace, native;
	uint32_t map;          /* index into maps */
};

struct fp_memray_stacks {
	const struct fp_frame **codes;
	size_t n_codes, room_codes;
	struct fp_memray_trace *traces;
	size_t n_traces, room_traces;
	struct fp_memray_stack *of_cell; /* by index into memory->cells, less first_cell */
	/* with native stacks; else NULL, 0 */
	bool has_native;
	struct fp_memray_native *natives;
	size_t n_natives, room_natives;
	struct fp_memray_map *maps;
	size_t n_maps, room_maps;
	const struct fp_module_record *modules;
	const char **module_paths;
	struct fp_memray_source *source; /* owns what the pointers above point to */
};

/* 0 or -errno; then *s needs no fp_memray_stacks_free(). */
int fp_memray_stacks_make(struct fp_memray_stacks *s, const struct fp_profile *p,
			  const struct fp_memory_process *process);
void fp_memray_stacks_free(struct fp_memray_stacks *s);

/* memray_native.c: the same from the capture, with addresses.  -EBADMSG: the
 * capture does not hold the cells' nodes. */
int fp_memray_native_make(struct fp_memray_stacks *s, const struct fp_profile *p,
			  const struct fp_memory_process *process);
void fp_memray_native_free(struct fp_memray_stacks *s);

#endif
