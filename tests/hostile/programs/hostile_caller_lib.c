/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a library that only its own RUNPATH finds. */
#include <dlfcn.h>
#include <stddef.h>

void *hostile_load(const char *name);
int hostile_answer(void);

void *hostile_load(const char *name)
{
	void *library = dlopen(name, RTLD_NOW);

	return library ? dlsym(library, "hostile_hidden") : NULL;
}

int hostile_answer(void)
{
	return 43;
}
