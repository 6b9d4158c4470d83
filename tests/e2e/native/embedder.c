/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that finds CPython only while it runs.  Usage: embedder LIBPYTHON
 * CODE: opens the library (a path or a name), runs the code, ends.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	void (*initialize)(void);
	int (*run)(const char *);
	int (*finalize)(void);
	int status;

	if (!library) {
		fprintf(stderr, "%s\n", argc == 3 ? dlerror() : "usage: embedder LIBPYTHON CODE");
		return 2;
	}
	*(void **)&initialize = dlsym(library, "Py_Initialize");
	*(void **)&run = dlsym(library, "PyRun_SimpleString");
	*(void **)&finalize = dlsym(library, "Py_FinalizeEx");
	if (!initialize || !run || !finalize)
		return 3;
	initialize();
	status = run(argv[2]);
	return finalize() || status;
}
