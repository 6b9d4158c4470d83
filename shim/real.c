/* SPDX-License-Identifier: Apache-2.0 */
/* See real.h. */
#include "shim/real.h"

#include <dlfcn.h>
#include <stddef.h>

static const char *const names[FP_HOOK_MAX] = {
#define X(name, need) [FP_HOOK_##name] = #name,
	FP_HOOKS(X)
#undef X
};
static void *originals[FP_HOOK_MAX];

void *fp_real_find(enum fp_hook_id id)
{
	void *f = __atomic_load_n(&originals[id], __ATOMIC_ACQUIRE);

	if (__builtin_expect(!f, 0)) {
		f = dlsym(RTLD_NEXT, names[id]);
		__atomic_store_n(&originals[id], f, __ATOMIC_RELEASE);
	}
	return f;
}

void fp_real_resolve(void)
{
	for (int i = 0; i < FP_HOOK_MAX; i++)
		(void)fp_real_find(i);
}
