/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/read/symbols over objects compiled here by $CC (a C and, where there
 * is a C++ compiler, a C++ program with inlined calls; stripped; changed).
 */
#include "tools/read/symbol_name.h"
#include "tools/read/symbols.h"

#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char c_source[] =
	"volatile int sink;\n"
	"static inline __attribute__((always_inline)) void innermost(int n)\n"
	"{\n"
	"	sink += n * 3;\n" /* line 4 */
	"}\n"
	"static inline __attribute__((always_inline)) void middle(int n)\n"
	"{\n"
	"	innermost(n + 1);\n" /* line 8 */
	"}\n"
	"__attribute__((noinline)) void outer(int n)\n"
	"{\n"
	"	middle(n);\n" /* line 12 */
	"}\n"
	"int main(void) { outer(2); return 0; }\n";

static const char cxx_source[] =
	"namespace space { template <class T> struct box {\n"
	"  __attribute__((noinline)) int put(T a, int (*f)(int)) { return f(a); } }; }\n"
	"static int twice(int n) { return n * 2; }\n"
	"int main() { space::box<int> b; return b.put(2, twice); }\n";

static char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static int build(const char *compiler, const char *source, const char *name, const char *flags)
{
	char command[512];
	const char *path = in_folder(name);
	FILE *f;

	snprintf(command, sizeof(command), "%s.src", path);
	f = fopen(command, "w");
	assert_non_null(f);
	fputs(source, f);
	fclose(f);
	snprintf(command, sizeof(command), "%s -O2 -g %s -o %s %s.src -x none 2>/dev/null", compiler, flags, path, path);
	return system(command);
}

/* The address and size of a function, from .symtab or .dynsym. */
static uint64_t find_function(const char *path, const char *name, uint64_t *ret_size, uint8_t *id, unsigned *n_id)
{
	FILE *f = fopen(path, "rb");
	uint64_t found = 0;
	Elf *elf;
	Elf_Scn *section = NULL;

	assert_non_null(f);
	elf_version(EV_CURRENT);
	elf = elf_begin(fileno(f), ELF_C_READ, NULL);
	assert_non_null(elf);
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr h;
		Elf_Data *data;

		if (!gelf_getshdr(section, &h) || !(data = elf_getdata(section, NULL)))
			continue;
		if (h.sh_type == SHT_NOTE && n_id && data->d_size == 36) {
			memcpy(id, (const char *)data->d_buf + 16, 20);
			*n_id = 20;
		}
		for (int i = 0; (h.sh_type == SHT_SYMTAB || h.sh_type == SHT_DYNSYM) && h.sh_entsize &&
				(size_t)i < h.sh_size / h.sh_entsize; i++) {
			GElf_Sym symbol;
			const char *at;

			if (!gelf_getsym(data, i, &symbol) || !(at = elf_strptr(elf, h.sh_link, symbol.st_name)) ||
			    strcmp(at, name) || !symbol.st_size)
				continue;
			found = symbol.st_value;
			*ret_size = symbol.st_size;
		}
	}
	elf_end(elf);
	fclose(f);
	return found;
}

static void inlined_calls(void **state)
{
	struct fp_symbols *s = fp_symbols_create(true);
	struct fp_symbol_frame f[8];
	uint64_t size = 0, at;
	bool seen = false;

	(void)state;
	assert_int_equal(build("cc -x c", c_source, "inlines", ""), 0);
	at = find_function(in_folder("inlines"), "outer", &size, NULL, NULL);
	assert_true(at && size);
	for (uint64_t pc = at; pc < at + size; pc++) {
		unsigned n = fp_symbols_resolve(s, in_folder("inlines"), NULL, 0, pc, f, 8);

		assert_true(n >= 1);
		assert_string_equal(f[n - 1].name, "outer");
		assert_false(f[n - 1].inlined);
		if (n != 3)
			continue;
		seen = true;
		assert_string_equal(f[0].name, "innermost");
		assert_int_equal(f[0].line, 4);
		assert_string_equal(f[1].name, "middle");
		assert_int_equal(f[1].line, 8);
		assert_int_equal(f[2].line, 12);
		assert_true(f[0].inlined && f[1].inlined);
		assert_int_equal(f[2].first_line, 10);
		assert_non_null(strstr(f[0].file, "inlines.src"));
		/* With too little room the outermost stays. */
		assert_int_equal(fp_symbols_resolve(s, in_folder("inlines"), NULL, 0, pc, f, 2), 2);
		assert_string_equal(f[1].name, "outer");
	}
	assert_true(seen);
	fp_symbols_destroy(s);
}

static void demangled_names(void **state)
{
	static const char mangled[] = "_ZN5space3boxIiE3putEiPFiiE";
	struct fp_symbols *s = fp_symbols_create(true);
	struct fp_symbol_frame f[4];
	uint64_t size = 0, at;

	(void)state;
	if (build("c++ -x c++", cxx_source, "names", "-fno-ipa-sra -fno-ipa-cp") != 0) {
		fp_symbols_destroy(s);
		skip();
	}
	at = find_function(in_folder("names"), mangled, &size, NULL, NULL);
	assert_true(at != 0);
	assert_int_equal(fp_symbols_resolve(s, in_folder("names"), NULL, 0, at, f, 4), 1);
	assert_string_equal(f[0].name, "space::box<int>::put");
	fp_symbols_destroy(s);
}

static void written_names(void **state)
{
	static const char *const pairs[][2] = {
		{"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
		{"_ZNK3FooclEi", "Foo::operator()"},
		{"_ZN12_GLOBAL__N_11fEi", "(anonymous namespace)::f"},
		{"_ZN4shop5totalIiEET_RNS_6BasketE", "shop::total<int>"},
		{"_ZN5outer5inner4workILi3EEEvd", "outer::inner::work<3>"},
		{"memcpy@@GLIBC_2.14", "memcpy"},
		{"_RNvC6_123foo3bar", "_RNvC6_123foo3bar"},
		{"_PyEval_EvalFrameDefault.cold", "_PyEval_EvalFrameDefault.cold"},
	};
	struct fp_arena *arena = fp_arena_create();

	(void)state;
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (!strncmp(pairs[i][0], "_Z", 2) && !strcmp(fp_symbol_name(arena, "_Z1fv"), "_Z1fv"))
			continue; /* no libstdc++ here */
		assert_string_equal(fp_symbol_name(arena, pairs[i][0]), pairs[i][1]);
	}
	assert_true(fp_symbol_is_startup("__libc_start_call_main"));
	assert_false(fp_symbol_is_startup("start"));
	fp_arena_destroy(arena);
}

static void separate_debug_file(void **state)
{
	struct fp_symbols *s = fp_symbols_create(true), *names = fp_symbols_create(false);
	struct fp_symbol_frame f[8];
	uint64_t size = 0, at;
	char command[512];

	(void)state;
	assert_int_equal(build("cc -x c", c_source, "linked", ""), 0);
	at = find_function(in_folder("linked"), "outer", &size, NULL, NULL);
	snprintf(command, sizeof(command),
		 "cd %s && objcopy --only-keep-debug linked linked.debug && strip linked && "
		 "objcopy --add-gnu-debuglink=linked.debug linked",
		 folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(fp_symbols_resolve(s, in_folder("linked"), NULL, 0, at + size - 1, f, 8) >= 1, 1);
	assert_string_equal(f[0].name, "outer");
	assert_true(f[0].line > 0);
	for (uint64_t pc = at; pc < at + size; pc++) {
		assert_int_equal(fp_symbols_resolve(names, in_folder("linked"), NULL, 0, pc, f, 8), 1);
		assert_string_equal(f[0].name, "outer");
		assert_int_equal(f[0].line, 0);
	}
	fp_symbols_destroy(s);
	fp_symbols_destroy(names);
}

static void lines_of_the_object_itself(void **state)
{
	struct fp_symbols *s = fp_symbols_create(false);
	struct fp_symbol_frame f[8];
	uint64_t size = 0, at;

	(void)state;
	assert_int_equal(build("cc -x c", c_source, "whole", ""), 0);
	at = find_function(in_folder("whole"), "outer", &size, NULL, NULL);
	assert_true(fp_symbols_resolve(s, in_folder("whole"), NULL, 0, at + size - 1, f, 8) >= 1);
	assert_true(f[0].line > 0);
	fp_symbols_destroy(s);
}

static void nothing_known(void **state)
{
	struct fp_symbols *s = fp_symbols_create(true);
	struct fp_symbol_frame f[4];

	(void)state;
	assert_int_equal(build("cc -x c", c_source, "bare", "-s"), 0);
	assert_int_equal(fp_symbols_resolve(s, in_folder("bare"), NULL, 0, 0x7fff1234, f, 4), 1);
	assert_string_equal(f[0].name, "bare+0x7fff1234");
	assert_string_equal(f[0].file, in_folder("bare"));
	assert_false(f[0].resolved);
	assert_null(fp_symbols_refused(s, 0));
	assert_int_equal(fp_symbols_resolve(s, "/nowhere/gone.so", NULL, 0, 16, f, 4), 1);
	assert_string_equal(f[0].name, "gone.so+0x10");
	assert_non_null(strstr(fp_symbols_refused(s, 0), "/nowhere/gone.so"));
	assert_int_equal(fp_symbols_resolve(s, "[vdso]", NULL, 0, 16, f, 4), 1);
	assert_null(fp_symbols_refused(s, 1));
	fp_symbols_destroy(s);
}

static void changed_file_is_not_used(void **state)
{
	struct fp_symbols *s = fp_symbols_create(true);
	struct fp_symbol_frame f[4];
	uint8_t id[20];
	unsigned n_id = 0;
	uint64_t size = 0, at;

	(void)state;
	assert_int_equal(build("cc -x c", c_source, "changed", "-Wl,--build-id=sha1"), 0);
	at = find_function(in_folder("changed"), "outer", &size, id, &n_id);
	assert_int_equal(n_id, 20);
	assert_true(fp_symbols_resolve(s, in_folder("changed"), id, n_id, at, f, 4) >= 1);
	assert_true(f[0].resolved);
	id[3] ^= 1;
	assert_int_equal(fp_symbols_resolve(s, in_folder("changed"), id, n_id, at, f, 4), 1);
	assert_false(f[0].resolved);
	assert_non_null(strstr(fp_symbols_refused(s, 0), "changed since"));
	fp_symbols_destroy(s);
}

/* Figures, and that a large library takes any address. */
static void large_library(void **state)
{
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"};
	struct fp_symbols *s = fp_symbols_create(true);
	struct fp_symbol_frame f[8];
	struct timespec t0, t1, t2;
	unsigned resolved = 0;
	const char *path = access(paths[0], R_OK) ? paths[1] : paths[0];

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	(void)fp_symbols_resolve(s, path, NULL, 0, 0x30000, f, 8);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	for (unsigned i = 0; i < 100000; i++) {
		assert_true(fp_symbols_resolve(s, path, NULL, 0, 0x26000 + i * 13ull, f, 8) >= 1);
		resolved += f[0].resolved;
	}
	clock_gettime(CLOCK_MONOTONIC, &t2);
	printf("%s: open %.1f ms, 100000 addresses %.1f ms, %u named\n", path,
	       (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6,
	       (double)(t2.tv_sec - t1.tv_sec) * 1e3 + (double)(t2.tv_nsec - t1.tv_nsec) / 1e6, resolved);
	assert_true(resolved > 1000 || access(path, R_OK));
	fp_symbols_destroy(s);
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_calls),   cmocka_unit_test(demangled_names), cmocka_unit_test(written_names),
		cmocka_unit_test(separate_debug_file), cmocka_unit_test(lines_of_the_object_itself),
		cmocka_unit_test(nothing_known), cmocka_unit_test(changed_file_is_not_used),
		cmocka_unit_test(large_library),
	};

	snprintf(folder, sizeof(folder), "/tmp/fp-symbols-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
