/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen and dlclose: the agent's map of modules follows, and CPython is
 * looked for again.  Ordinary context.
 *
 * dlopen looks at its return address for the caller's RUNPATH, so a call from
 * here could search other directories.  dlopen_jump.S therefore asks
 * fp_shim_dlopen_route where to jump to: through the agent when that makes no
 * difference (the name is a path, or the caller has no search path of its
 * own), else straight to the original, and the agent looks later.
 */
#include "agent/agent.h"
#include "shim/real.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

static void *dlopen_through(const char *name, int flags)
{
	void *library = fp_real(dlopen)(name, flags);

	if (library)
		fp_agent_modules_changed();
	return library;
}

static bool has_search_path(const void *caller)
{
	struct link_map *map = NULL;
	Dl_info info;

	if (!dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return true;
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_RPATH || d->d_tag == DT_RUNPATH)
			return true;
	return false;
}

/* How the loader reads the name: $ORIGIN and the like are the caller's. */
static bool depends_on_caller(const char *name, const void *caller)
{
	bool path = false;

	for (const char *s = name; *s; s++) {
		if (*s == '$')
			return true;
		path |= *s == '/';
	}
	return !path && has_search_path(caller);
}

void *fp_shim_dlopen_route(const char *name, int flags, const void *caller);
__attribute__((visibility("hidden"))) void *fp_shim_dlopen_route(const char *name, int flags, const void *caller)
{
	if (!name || !*name || (flags & RTLD_NOLOAD))
		return fp_real_find(FP_HOOK_dlopen);
	if (!depends_on_caller(name, caller))
		return (void *)dlopen_through;
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
