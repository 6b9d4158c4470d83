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
void *fp_originals[FP_HOOK_MAX];

/* dlsym may allocate while it looks: those calls get NULL here. */
static __thread int looking __attribute__((tls_model("initial-exec")));

void *fp_real_look(enum fp_hook_id id)
{
	void *f;

	if (looking)
		return NULL;
	looking = 1;
	f = dlsym(RTLD_NEXT, names[id]);
	looking = 0;
	__atomic_store_n(&fp_originals[id], f, __ATOMIC_RELEASE);
	return f;
}

void fp_real_resolve(void)
{
	for (int i = 0; i < FP_HOOK_MAX; i++)
		(void)fp_real_find(i);
}
