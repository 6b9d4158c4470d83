/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a program's modules lay, as Memray wants to know it to tell the
 * standard library, installed packages and the program's own modules apart.
 * Nothing recorded them: the files of the frames tell.
 */
#ifndef FP_TOOLS_RENDER_MEMRAY_PATHS_H
#define FP_TOOLS_RENDER_MEMRAY_PATHS_H

#include "tools/render/memray_out.h"
#include "tools/render/memray_stacks.h"

struct fp_memray_path_list;

/* Finds them in the stacks and in cwd.  NULL: out of memory. */
struct fp_memray_path_list *fp_memray_paths_find(const struct fp_memray_stacks *s, const char *cwd,
						 struct fp_memray_paths *ret_paths);
/* Then *ret_paths is no longer valid. */
void fp_memray_paths_free(struct fp_memray_path_list *l);

#endif
