/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen and dlclose: the agent's map of modules follows, and CPython is
 * looked for again.  Ordinary context.
 *
 * dlopen looks at its return address for the caller's RUNPATH, so a call from
 * here would search other directories.  dlopen_jump.S therefore asks
 * fp_shim_dlopen_route where to jump to: through the agent when the name is a
 * path (no search), else straight to the original, and the agent looks later.
 */
#include "agent/agent.h"
#include "shim/real.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

static void *dlopen_through(const char *name, int flags)
{
	void *library = fp_real(dlopen)(name, flags);

	if (library && !(flags & RTLD_NOLOAD))
		fp_agent_modules_changed();
	return library;
}

void *fp_shim_dlopen_route(const char *name, int flags);
__attribute__((visibility("hidden"))) void *fp_shim_dlopen_route(const char *name, int flags)
{
	bool path = false;

	for (const char *s = name; s && *s; s++) {
		if (*s == '$') /* $ORIGIN of the caller */
			path = false;
		if (*s == '$')
			break;
		if (*s == '/')
			path = true;
	}
	if (path)
		return (void *)dlopen_through;
	if (name && *name && !(flags & RTLD_NOLOAD))
		fp_agent_modules_later();
	return fp_real_find(FP_HOOK_dlopen);
}

#if !defined(__x86_64__)
FP_HOOK void *dlopen(const char *name, int flags)
{
	return dlopen_through(name, flags);
}
#endif

FP_HOOK int dlclose(void *library)
{
	int result = fp_real(dlclose)(library);

	fp_agent_modules_changed();
	return result;
}
