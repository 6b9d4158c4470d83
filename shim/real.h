/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that our hooks stand before.  fp_real(name) is the next
 * definition in load order: libc's, or another preloaded library's.
 * All are resolved in the constructor; a hook that runs earlier resolves its
 * own then (dlsym: no heap on success).  Any context after that.
 */
#ifndef FP_SHIM_REAL_H
#define FP_SHIM_REAL_H

#include "shim/hook_list.h"

#include <stddef.h>

enum fp_hook_id {
#define X(name, need) FP_HOOK_##name,
	FP_HOOKS(X)
#undef X
	FP_HOOK_MAX
};

void fp_real_resolve(void);
/* Looks once; NULL: there is none, or a look is under way. */
void *fp_real_look(enum fp_hook_id id);

extern void *fp_originals[FP_HOOK_MAX];
static inline void *fp_real_find(enum fp_hook_id id)
{
	void *f = __atomic_load_n(&fp_originals[id], __ATOMIC_ACQUIRE);

	return __builtin_expect(f != NULL, 1) ? f : fp_real_look(id);
}

/* The original, with the type of the hook itself. */
#define fp_real(name) ((__typeof__(&name))fp_real_find(FP_HOOK_##name))

#define FP_HOOK __attribute__((visibility("default")))

#endif
