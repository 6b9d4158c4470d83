/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for CPython among the loaded objects: shared libpython, static builds
 * and embedders alike, by the dynamic symbols they export (stripped builds
 * too).  Ordinary context: constructor, after dlopen.  Calls the loader
 * (dl_iterate_phdr), opens the object's file; never the host's heap.
 */
#include "agent/python/runtime.h"
#include "agent/python/thread_state.h"

#include "agent/base/safe_load.h"
#include "agent/capture/format.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

struct object {
	const ElfW(Sym) *symbols;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH */
	uintptr_t bias;
};

struct search {
	struct fp_py_symbols found;
	unsigned n_found;
	struct fp_text_range library;
	uintptr_t bias, eh_frame_hdr;
	char path[512];
};

static uintptr_t relocated(const struct dl_phdr_info *info, ElfW(Addr) value)
{
	/* The loader has added the bias already, but not for the vDSO. */
	return value < info->dlpi_addr ? value + info->dlpi_addr : value;
}

static bool open_object(const struct dl_phdr_info *info, struct object *o)
{
	const ElfW(Dyn) *d = NULL;
	unsigned i;

	memset(o, 0, sizeof(*o));
	o->bias = info->dlpi_addr;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			o->symbols = (const void *)relocated(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			o->names = (const void *)relocated(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_GNU_HASH)
			o->hash = (const void *)relocated(info, d->d_un.d_ptr);
	}
	return o->symbols && o->names && o->hash;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	while (*name)
		h = h * 33 + (unsigned char)*name++;
	return h;
}

static const ElfW(Sym) *find_symbol(const struct object *o, const char *name)
{
	uint32_t n_buckets = o->hash[0], first = o->hash[1], n_bloom = o->hash[2], shift = o->hash[3];
	const ElfW(Addr) *bloom = (const void *)(o->hash + 4);
	const uint32_t *buckets = (const void *)(bloom + n_bloom);
	const uint32_t *chain = buckets + n_buckets;
	const unsigned bits = sizeof(ElfW(Addr)) * 8;
	uint32_t h = gnu_hash(name), i;
	ElfW(Addr) word;

	if (!n_buckets || !n_bloom)
		return NULL;
	word = bloom[(h / bits) % n_bloom];
	if (!(word >> (h % bits) & 1) || !(word >> ((h >> shift) % bits) & 1))
		return NULL;
	i = buckets[h % n_buckets];
	if (i < first)
		return NULL;
	for (;; i++) {
		const ElfW(Sym) *s = &o->symbols[i];

		if ((chain[i - first] | 1) == (h | 1) && s->st_shndx != SHN_UNDEF &&
		    !strcmp(o->names + s->st_name, name))
			return s;
		if (chain[i - first] & 1)
			return NULL;
	}
}

static void describe_library(struct search *s, const struct dl_phdr_info *info)
{
	const char *path = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
	uintptr_t start, end;
	unsigned i;

	s->bias = info->dlpi_addr;
	s->library.start = UINTPTR_MAX;
	s->library.end = 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			s->eh_frame_hdr = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		end = start + info->dlpi_phdr[i].p_memsz;
		if (start < s->library.start)
			s->library.start = start;
		if (end > s->library.end)
			s->library.end = end;
	}
	strncpy(s->path, path, sizeof(s->path) - 1);
}

/* The first object in load order that defines a name is the one that all use
 * (an executable may hold a copy of a library's data). */
static int look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct search *s = ctx;
	const ElfW(Sym) *symbol;
	struct object o;
	unsigned i;

	(void)size;
	if (!open_object(info, &o))
		return 0;
	for (i = 0; i < FP_PY_SYMBOL_MAX; i++) {
		if (s->found.address[i])
			continue;
		symbol = find_symbol(&o, fp_py_symbol_names[i]);
		if (!symbol)
			continue;
		s->found.address[i] = o.bias + symbol->st_value;
		s->found.bytes[i] = symbol->st_size;
		s->n_found++;
		if (i == FP_PY_SYMBOL_eval)
			describe_library(s, info);
	}
	return s->n_found == FP_PY_SYMBOL_MAX;
}

static int find_thread_state(struct fp_python *py, const struct fp_py_symbols *s)
{
	struct fp_py_private *p = (struct fp_py_private *)(void *)py->private_;
	uintptr_t getter = s->address[FP_PY_SYMBOL_get_state];

	p->own = &fp_reader_own;
	if (p->layout.rt_tstate_current != FP_OFF_NONE)
		return 0;
	if (!getter)
		getter = s->address[FP_PY_SYMBOL_get_state_312];
	if (!getter || fp_tls_decode(getter, &p->attached)) {
		fp_python_refuse(py, "the place of the thread state cannot be measured", NULL);
		return -ENOTSUP;
	}
	py->tstate_tls_offset = p->attached.offset;
	/* Where the key is gone this is a thread-local too; else it fails. */
	if (s->address[FP_PY_SYMBOL_get_bound] && fp_tls_decode(s->address[FP_PY_SYMBOL_get_bound], &p->bound))
		py->gil_key = fp_key_decode(s->address[FP_PY_SYMBOL_get_bound], py->runtime);
	return 0;
}

int fp_python_find(struct fp_python *py)
{
	typedef const char *(*version_getter)(void);
	struct search s;
	int rc;

	memset(&s, 0, sizeof(s));
	dl_iterate_phdr(look, &s);
	/* versions before 3.7 have no _PyRuntime, and are refused by name */
	if (!s.found.address[FP_PY_SYMBOL_runtime] && !s.found.address[FP_PY_SYMBOL_get_version]) {
		py->state = FP_PYTHON_ABSENT;
		return -ENOENT;
	}
	py->get_allocator = s.found.address[FP_PY_SYMBOL_get_allocator];
	py->set_allocator = s.found.address[FP_PY_SYMBOL_set_allocator];
	py->get_allocator_name = s.found.address[FP_PY_SYMBOL_get_allocator_name];
	py->get_arenas = s.found.address[FP_PY_SYMBOL_get_arenas];
	py->is_finalizing = s.found.address[FP_PY_SYMBOL_is_finalizing];
	if (!py->is_finalizing)
		py->is_finalizing = s.found.address[FP_PY_SYMBOL_is_finalizing_312];
	py->library = s.library;
	memcpy(py->library_path, s.path, sizeof(py->library_path));
	if (!s.found.address[FP_PY_SYMBOL_version] && s.found.address[FP_PY_SYMBOL_get_version]) {
		version_getter get = (version_getter)s.found.address[FP_PY_SYMBOL_get_version];

		py->version_hex = fp_python_parse_version(get());
	}
	rc = fp_python_identify(py, &fp_reader_own, &s.found);
	if (!rc)
		rc = find_thread_state(py, &s.found);
	fp_python_eval_from_unwind(py, s.eh_frame_hdr);
	if (py->n_eval)
		fp_python_eval_from_file(py, s.path, s.bias);
	__atomic_store_n(&py->state, rc ? FP_PYTHON_UNSUPPORTED : FP_PYTHON_FOUND, __ATOMIC_RELEASE);
	return 0;
}
