/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the eval loop that are not exported: cold parts and, with the
 * tail-calling interpreter, one function per opcode.  From the symbol table
 * of the file, where it has one.  Ordinary context; maps the file for a moment.
 */
#include "agent/python/runtime.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	const unsigned char *bytes;
	size_t n_bytes;
};

static const void *part(const struct image *m, uint64_t offset, uint64_t n_bytes)
{
	if (offset > m->n_bytes || n_bytes > m->n_bytes - offset)
		return NULL;
	return m->bytes + offset;
}

static bool starts(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static void take_symbols(struct fp_python *py, const struct image *m, const ElfW(Shdr) *table,
			 const ElfW(Shdr) *strings, uintptr_t bias)
{
	const ElfW(Sym) *s = part(m, table->sh_offset, table->sh_size);
	const char *names = part(m, strings->sh_offset, strings->sh_size);
	size_t i, n = table->sh_size / sizeof(*s);

	if (!s || !names || !strings->sh_size || names[strings->sh_size - 1])
		return;
	for (i = 0; i < n; i++) {
		if (ELF64_ST_TYPE(s[i].st_info) != STT_FUNC || !s[i].st_size || s[i].st_shndx == SHN_UNDEF ||
		    s[i].st_name >= strings->sh_size)
			continue;
		if (starts(names + s[i].st_name, "_PyEval_EvalFrameDefault") ||
		    starts(names + s[i].st_name, "_TAIL_CALL_"))
			fp_python_add_eval(py, bias + s[i].st_value, bias + s[i].st_value + s[i].st_size);
	}
}

static void take_image(struct fp_python *py, const struct image *m, uintptr_t bias)
{
	const ElfW(Ehdr) *e = part(m, 0, sizeof(*e));
	const ElfW(Shdr) *s;
	unsigned i;

	if (!e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_shentsize != sizeof(*s))
		return;
	s = part(m, e->e_shoff, (uint64_t)e->e_shnum * sizeof(*s));
	for (i = 0; s && i < e->e_shnum; i++)
		if (s[i].sh_type == SHT_SYMTAB && s[i].sh_link < e->e_shnum)
			take_symbols(py, m, &s[i], &s[s[i].sh_link], bias);
}

void fp_python_eval_from_file(struct fp_python *py, const char *path, uintptr_t bias)
{
	struct image m = { NULL, 0 };
	struct stat st;
	void *map;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			m.bytes = map;
			m.n_bytes = (size_t)st.st_size;
			take_image(py, &m, bias);
			munmap(map, m.n_bytes);
		}
	}
	close(fd);
}
