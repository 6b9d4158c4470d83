/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the loader's description of one object to a struct fp_module: range,
 * build id, unwind table, path.  Ordinary context, within dl_iterate_phdr
 * (so that the object cannot be unloaded meanwhile).
 */
#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/native/modules.h"

#include <elf.h>
#include <link.h>

static void find_build_id(struct fp_module *m, uintptr_t note, size_t n_bytes)
{
	while (n_bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *h = (const ElfW(Nhdr) *)note;
		size_t name = (h->n_namesz + 3u) & ~(size_t)3, text = (h->n_descsz + 3u) & ~(size_t)3;
		const char *owner = (const char *)(h + 1);

		if (name > n_bytes || text > n_bytes || sizeof(*h) + name + text > n_bytes)
			return;
		if (h->n_type == NT_GNU_BUILD_ID && h->n_namesz == 4 && fp_text_equal(owner, "GNU") &&
		    h->n_descsz <= sizeof(m->build_id)) {
			for (unsigned i = 0; i < h->n_descsz; i++)
				m->build_id[i] = (uint8_t)owner[name + i];
			m->build_id_bytes = (uint8_t)h->n_descsz;
			return;
		}
		note += sizeof(*h) + name + text;
		n_bytes -= sizeof(*h) + name + text;
	}
}

/* Readers open the path from elsewhere: relative ones get the directory. */
static void set_path(struct fp_module *m, const char *name)
{
	struct fp_writer w = fp_writer_over(m->path, sizeof(m->path));
	long n;

	if (!name || !name[0]) {
		n = fp_sys_call(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", m->path, sizeof(m->path) - 1);
		m->path[n > 0 ? n : 0] = 0;
		return;
	}
	if (name[0] != '/') {
		bool has_folder = false;

		for (const char *c = name; *c; c++)
			has_folder |= *c == '/';
		if (has_folder && fp_sys_call(SYS_getcwd, m->path, sizeof(m->path)) > 0) {
			w.used = fp_text_length(m->path);
			fp_writer_char(&w, '/');
		}
	}
	fp_writer_text(&w, name);
}

void fp_module_describe(struct fp_module *m, const struct dl_phdr_info *info)
{
	m->bias = info->dlpi_addr;
	m->phdr = info->dlpi_phdr;
	m->n_phdr = info->dlpi_phnum;
	m->start = UINTPTR_MAX;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD) {
			m->start = at < m->start ? at : m->start;
			m->end = at + p->p_memsz > m->end ? at + p->p_memsz : m->end;
		} else if (p->p_type == PT_GNU_EH_FRAME) {
			m->eh_frame_hdr = at;
		} else if (p->p_type == PT_NOTE && !m->build_id_bytes) {
			find_build_id(m, at, p->p_memsz);
		}
	}
	if (m->start == UINTPTR_MAX)
		m->start = 0;
	set_path(m, info->dlpi_name);
}
