/* SPDX-License-Identifier: Apache-2.0 */
/* See symbol_name.h.  The demangler is libstdc++'s, taken when it is there,
 * so that filperf itself needs no C++ library. */
#include "tools/read/symbol_name.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef char *(*demangle)(const char *mangled, char *buffer, size_t *length, int *status);

static demangle find_demangler(void)
{
	static demangle found;
	static bool looked;
	void *library;

	if (looked)
		return found;
	looked = true;
	library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	if (library)
		*(void **)&found = dlsym(library, "__cxa_demangle");
	return found;
}

/* "f(int, g(*)()) const" -> "f"; "operator()(int)" keeps its own pair. */
static void cut_parameters(char *name)
{
	static const char *const tails[] = {" const", " volatile", " &", " &&"};
	size_t n = strlen(name), open;
	int depth = 0;

	for (unsigned i = 0; i < 4; i++) {
		size_t t = strlen(tails[i]);

		if (n > t && !strcmp(name + n - t, tails[i]))
			n -= t;
	}
	if (n < 3 || name[n - 1] != ')')
		return;
	for (open = n; open-- > 0;) {
		depth += name[open] == ')';
		depth -= name[open] == '(';
		if (!depth)
			break;
	}
	if (open && open < n && strncmp(name + open, "(anonymous namespace)", 21))
		name[open] = 0;
}

/* "int ns::f<int>" -> "ns::f<int>": only function templates name what they
 * return. */
static void cut_result(char *name)
{
	size_t n = strlen(name);
	int depth = 0;

	if (!n || name[n - 1] != '>' || strstr(name, "operator"))
		return;
	for (size_t i = n; i-- > 0;) {
		depth += name[i] == '>' || name[i] == ')';
		depth -= name[i] == '<' || name[i] == '(';
		if (!depth && name[i] == ' ') {
			memmove(name, name + i + 1, n - i);
			return;
		}
	}
}

/* Rust's older mangling ends in "::h" and 16 hex digits. */
static void cut_hash(char *name)
{
	size_t n = strlen(name);

	if (n <= 19 || strncmp(name + n - 19, "::h", 3))
		return;
	for (size_t i = n - 16; i < n; i++)
		if (!isxdigit((unsigned char)name[i]))
			return;
	name[n - 19] = 0;
}

const char *fp_symbol_name(struct fp_arena *arena, const char *raw)
{
	const char *at = strchr(raw, '@'), *shown = NULL;
	demangle f = strncmp(raw, "_Z", 2) ? NULL : find_demangler();
	char *text;

	if (f && (text = f(raw, NULL, NULL, &(int){0})) != NULL) {
		cut_hash(text);
		cut_parameters(text);
		cut_result(text);
		shown = fp_arena_copy(arena, text, strlen(text));
		free(text);
	} else if (at && at > raw) {
		shown = fp_arena_copy(arena, raw, (size_t)(at - raw));
	}
	return shown ? shown : raw;
}

bool fp_symbol_is_startup(const char *name)
{
	static const char *const names[] = {"_start",    "__libc_start_main", "__libc_start_main_impl",
					    "__libc_start_call_main", "clone", "__clone",
					    "clone3",    "__clone3",          "__GI___clone3",
					    "start_thread", "fp_agent_thread_run"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}
