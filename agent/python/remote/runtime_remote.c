/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds CPython in another process: its maps, then the dynamic symbols of the
 * mapped files.  For tools and tests; an ordinary program's context.
 */
#include "agent/python/remote/reader_remote.h"
#include "agent/python/runtime.h"
#include "agent/python/thread_state.h"

#include "agent/capture/format.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapped {
	const unsigned char *bytes;
	size_t n_bytes;
};

static int map_file(const char *path, struct mapped *ret)
{
	struct stat st;
	void *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(ElfW(Ehdr))) {
		close(fd);
		return -EINVAL;
	}
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return -ENOMEM;
	ret->bytes = bytes;
	ret->n_bytes = (size_t)st.st_size;
	return 0;
}

static const void *part(const struct mapped *m, uint64_t offset, uint64_t n_bytes)
{
	if (offset > m->n_bytes || n_bytes > m->n_bytes - offset)
		return NULL;
	return m->bytes + offset;
}

/* Lowest virtual address of the loadable segments, by page. */
static uintptr_t first_address(const struct mapped *m, const ElfW(Ehdr) *e)
{
	const ElfW(Phdr) *p = part(m, e->e_phoff, (uint64_t)e->e_phnum * sizeof(*p));
	uintptr_t lowest = UINTPTR_MAX;
	unsigned i;

	for (i = 0; p && i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_vaddr < lowest)
			lowest = p[i].p_vaddr;
	return lowest & ~(uintptr_t)4095;
}

static void take_dynamic_symbols(const struct mapped *m, uintptr_t start, struct fp_py_symbols *ret)
{
	const ElfW(Ehdr) *e = part(m, 0, sizeof(*e));
	const ElfW(Shdr) *s = part(m, e->e_shoff, (uint64_t)e->e_shnum * sizeof(*s));
	uintptr_t bias = start - first_address(m, e);
	const ElfW(Sym) *symbols;
	const char *names;
	size_t i, n;
	unsigned k, j;

	for (k = 0; s && k < e->e_shnum; k++) {
		if (s[k].sh_type != SHT_DYNSYM || s[k].sh_link >= e->e_shnum)
			continue;
		symbols = part(m, s[k].sh_offset, s[k].sh_size);
		names = part(m, s[s[k].sh_link].sh_offset, s[s[k].sh_link].sh_size);
		n = symbols && names ? s[k].sh_size / sizeof(*symbols) : 0;
		for (i = 0; i < n; i++) {
			if (symbols[i].st_shndx == SHN_UNDEF || symbols[i].st_name >= s[s[k].sh_link].sh_size)
				continue;
			for (j = 0; j < FP_PY_SYMBOL_MAX; j++) {
				if (ret->address[j] || strcmp(names + symbols[i].st_name, fp_py_symbol_names[j]))
					continue;
				ret->address[j] = bias + symbols[i].st_value;
				ret->bytes[j] = symbols[i].st_size;
			}
		}
	}
}

/* Before 3.11 no data symbol tells the version; the file's name does. */
static uint32_t version_of_name(const char *path)
{
	const char *at = strstr(path, "python3.");

	return at ? fp_python_parse_version(at + strlen("python")) : 0;
}

static bool take_file(struct fp_python *py, int pid, const char *path, uintptr_t start, struct fp_py_symbols *ret)
{
	struct fp_py_symbols found = { { 0 }, { 0 } };
	struct mapped m = { NULL, 0 };
	char full[640];

	snprintf(full, sizeof(full), "/proc/%d/root%s", pid, path);
	/* maps shows paths as this process sees them, where it can see them. */
	if (map_file(path, &m) && map_file(full, &m))
		return false;
	if (!memcmp(m.bytes, ELFMAG, SELFMAG))
		take_dynamic_symbols(&m, start, &found);
	munmap((void *)(uintptr_t)m.bytes, m.n_bytes);
	if (!found.address[FP_PY_SYMBOL_runtime] || !found.address[FP_PY_SYMBOL_eval])
		return false;
	memcpy(py->library_path, path, strlen(path) + 1);
	py->version_hex = version_of_name(path);
	*ret = found;
	return true;
}

int fp_python_find_remote(struct fp_python *py, int pid)
{
	struct fp_reader r = fp_reader_remote(pid);
	struct fp_py_symbols symbols;
	char path[512], line[768];
	unsigned long start, offset;
	bool found = false;
	FILE *maps;

	snprintf(line, sizeof(line), "/proc/%d/maps", pid);
	maps = fopen(line, "re");
	if (!maps)
		return -errno;
	while (!found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %511s", &start, &offset, path) != 3)
			continue;
		if (offset || path[0] != '/' || !strstr(path, "python"))
			continue;
		found = take_file(py, pid, path, start, &symbols);
	}
	fclose(maps);
	if (!found)
		return -ENOENT;
	py->state = fp_python_identify(py, &r, &symbols) ? FP_PYTHON_UNSUPPORTED : FP_PYTHON_FOUND;
	return 0;
}

unsigned fp_python_remote_threads(const struct fp_python *py, const struct fp_reader *r, uintptr_t *states,
				  unsigned cap)
{
	const struct fp_py_layout *l = py->layout;
	uintptr_t interpreter, state;
	unsigned n = 0;

	if (r->read(r, py->runtime + l->rt_interpreters, &interpreter, sizeof(interpreter)))
		return 0;
	while (interpreter && n < cap) {
		if (r->read(r, interpreter + l->in_threads, &state, sizeof(state)))
			return n;
		while (state && n < cap) {
			states[n++] = state;
			if (r->read(r, state + l->ts_next, &state, sizeof(state)))
				return n;
		}
		if (r->read(r, interpreter + l->in_next, &interpreter, sizeof(interpreter)))
			return n;
	}
	return n;
}
