/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot behind native.h's module functions, for the walk.  Written in
 * ordinary context, read in any.
 */
#ifndef FP_NATIVE_MODULES_H
#define FP_NATIVE_MODULES_H

#include "agent/native/native.h"

/* Immutable while it is the newest; its memory stays readable for ever. */
struct fp_module_map {
	uint64_t loads, unloads;  /* the loader's counters when it was taken */
	uint32_t generation;      /* as in native.h, <= 14 bits */
	uint32_t epoch;           /* changes whenever an address may mean another object */
	unsigned n, cap;
	const struct fp_module *modules[]; /* by start */
};

/* The newest, or NULL before the first refresh.  AS-safe. */
const struct fp_module_map *fp_module_map_newest(void);
const struct fp_module *fp_module_map_find(const struct fp_module_map *map, uintptr_t pc);

/* fork child: whoever held the locks is not here. */
void fp_modules_forked(void);

/* Fills what can be read of a loaded object in its own memory and by its name. */
struct dl_phdr_info;
void fp_module_describe(struct fp_module *m, const struct dl_phdr_info *info);

#endif
