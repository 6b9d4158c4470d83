/* SPDX-License-Identifier: Apache-2.0 */
/* dlopen as the caller sees it: its RUNPATH, $ORIGIN, namespaces, RTLD_DEEPBIND. */
#include "hostile.h"

#include <dlfcn.h>

static int load_through(const char *caller, const char *name)
{
	void *library = dlopen(caller, RTLD_NOW);
	void *(*load)(const char *) = library ? (void *(*)(const char *))dlsym(library, "hostile_load") : NULL;
	int (*hidden)(void);

	if (!load) {
		say("%s\n", dlerror());
		return 1;
	}
	burn_ms(20);
	hidden = (int (*)(void))load(name);
	say("from the library: %s\n", hidden ? "found" : "not found");
	say("answer %d\n", hidden ? hidden() : 0);
	say("from here: %s\n", dlopen("libhostile_nowhere.so", RTLD_NOW) ? "found" : "not found");
	burn_ms(20);
	return 0;
}

static int runpath(int argc, char **argv)
{
	(void)argc;
	return load_through(argv[0], "libhostile_hidden_lib.so");
}

static int origin(int argc, char **argv)
{
	(void)argc;
	return load_through(argv[0], "$ORIGIN/hostile-hidden/libhostile_hidden_lib.so");
}

static int namespaces(int argc, char **argv)
{
	(void)argc;
	for (int i = 0; i < 3; i++) {
		void *library = dlmopen(LM_ID_NEWLM, argv[0], RTLD_NOW);
		int (*answer)(void) = library ? (int (*)(void))dlsym(library, "hostile_answer") : NULL;

		say("answer %d\n", answer ? answer() : 0);
		burn_ms(20);
		if (library)
			dlclose(library);
	}
	return 0;
}

static int deepbind(int argc, char **argv)
{
	void *library = dlopen(argv[0], RTLD_NOW | RTLD_DEEPBIND);
	void *again = dlopen(argv[0], RTLD_NOW | RTLD_NOLOAD);

	(void)argc;
	burn_ms(20);
	say("%d %d\n", library != NULL, again == library);
	say("itself %d\n", dlopen(NULL, RTLD_NOW) != NULL);
	say("error: %s\n", dlopen("not-there.so", RTLD_NOW) ? "none" : dlerror());
	say("error: %s\n", dlopen("/not/there.so", RTLD_NOW) ? "none" : dlerror());
	return 0;
}

static const struct hostile_case cases[] = {
	{"runpath", runpath},
	{"origin", origin},
	{"namespaces", namespaces},
	{"deepbind", deepbind},
	{NULL, NULL},
};

HOSTILE_MAIN(cases)
