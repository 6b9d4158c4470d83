/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See symbols.h.  One libdwfl session per object, as if it were loaded at 0;
 * libdwfl finds .gnu_debugdata by itself.  Function symbols are sorted once per
 * object.
 */
#include "tools/read/symbols.h"

#include "tools/read/arena.h"
#include "tools/read/symbol_debug_file.h"
#include "tools/read/symbol_lines.h"
#include "tools/read/symbol_name.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct symbol {
	uint64_t start, end;
	const char *raw, *shown;
	uint32_t rank;            /* of several at one address the lowest is shown */
};

struct object {
	struct object *next;
	const char *path, *base;
	uint8_t build_id[64];
	unsigned n_build_id;
	Dwfl *dwfl;               /* NULL: not usable */
	struct symbol *symbols;
	size_t n_symbols;
	uint64_t entry;           /* where a program begins, 0 in libraries */
	struct fp_symbol_lines *lines;
};

/* At most as long as _start is, which stripped programs do not name. */
#define ENTRY_BYTES 48

struct fp_symbols {
	struct fp_arena *arena;
	struct object *objects, *last;
	const char **refused;
	unsigned n_refused;
	char *debug_folders;
	bool debug_files;
	Dwfl_Callbacks callbacks;
};

struct fp_symbols *fp_symbols_create(bool debug_files)
{
	struct fp_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->arena = fp_arena_create();
	if (!s->arena) {
		free(s);
		return NULL;
	}
	/* libdwfl would ask debuginfod servers named here. */
	unsetenv("DEBUGINFOD_URLS");
	s->debug_folders = NULL;
	s->debug_files = debug_files;
	s->callbacks.find_elf = dwfl_build_id_find_elf;
	s->callbacks.find_debuginfo = fp_symbol_debug_file;
	s->callbacks.section_address = dwfl_offline_section_address;
	s->callbacks.debuginfo_path = &s->debug_folders;
	return s;
}

void fp_symbols_destroy(struct fp_symbols *s)
{
	struct object *o, *next;

	if (!s)
		return;
	for (o = s->objects; o; o = next) {
		next = o->next;
		fp_symbol_lines_destroy(o->lines);
		free(o->symbols);
		if (o->dwfl)
			dwfl_end(o->dwfl);
		free(o);
	}
	free(s->refused);
	fp_arena_destroy(s->arena);
	free(s);
}

const char *fp_symbols_refused(const struct fp_symbols *s, unsigned i)
{
	return i < s->n_refused ? s->refused[i] : NULL;
}

static void refuse(struct fp_symbols *s, struct object *o, const char *why)
{
	const char **grown = reallocarray(s->refused, s->n_refused + 1, sizeof(*grown));
	const char *line = fp_arena_format(s->arena, "%s: %s", o->path, why);

	if (grown)
		s->refused = grown;
	if (grown && line)
		s->refused[s->n_refused++] = line;
	if (o->dwfl)
		dwfl_end(o->dwfl);
	o->dwfl = NULL;
}

static uint32_t rank_of(const GElf_Sym *symbol, const char *name)
{
	static const uint32_t bindings[] = {[STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1};
	uint32_t binding = GELF_ST_BIND(symbol->st_info);
	uint32_t rank = binding < 3 ? bindings[binding] * 256 : 512;

	/* "malloc" rather than "__libc_malloc". */
	while (*name == '_' && rank % 256 < 255) {
		name++;
		rank++;
	}
	return rank;
}

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->raw, y->raw);
}

/* Sorted, one per address; one without a size reaches to the next. */
static void sort_symbols(struct object *o)
{
	size_t n = 0;

	if (!o->n_symbols)
		return;
	qsort(o->symbols, o->n_symbols, sizeof(*o->symbols), by_start);
	for (size_t i = 0; i < o->n_symbols; i++) {
		if (!n || o->symbols[n - 1].start != o->symbols[i].start)
			o->symbols[n++] = o->symbols[i];
		else if (o->symbols[i].end > o->symbols[n - 1].end)
			o->symbols[n - 1].end = o->symbols[i].end;
	}
	o->n_symbols = n;
	for (size_t i = 0; i + 1 < n; i++)
		if (o->symbols[i].end == o->symbols[i].start)
			o->symbols[i].end = o->symbols[i + 1].start;
}

static void take_symbols(struct object *o, Dwfl_Module *module)
{
	int n = dwfl_module_getsymtab(module);

	o->symbols = n > 0 ? calloc((size_t)n, sizeof(*o->symbols)) : NULL;
	for (int i = 1; o->symbols && i < n; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		GElf_Word section;
		const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, &section, NULL, NULL);
		int type = GELF_ST_TYPE(symbol.st_info);

		if (!name || !name[0] || section == SHN_UNDEF || section == SHN_ABS ||
		    (type != STT_FUNC && type != STT_GNU_IFUNC && !(type == STT_NOTYPE && symbol.st_size)))
			continue;
		o->symbols[o->n_symbols++] = (struct symbol){
			.start = address, .end = address + symbol.st_size, .raw = name, .rank = rank_of(&symbol, name)};
	}
	sort_symbols(o);
}

static uint64_t entry_of(Dwfl_Module *module)
{
	GElf_Addr bias;
	GElf_Ehdr header;
	Elf *elf = dwfl_module_getelf(module, &bias);

	return elf && gelf_getehdr(elf, &header) ? header.e_entry + bias : 0;
}

static bool holds_lines(Dwfl_Module *module)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	Elf_Scn *section = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

static void open_object(struct fp_symbols *s, struct object *o)
{
	int fd = open(o->path, O_RDONLY | O_CLOEXEC), n;
	const unsigned char *id;
	Dwfl_Module *module;
	GElf_Addr where;

	if (fd < 0) {
		if (o->path[0] == '/')
			refuse(s, o, "cannot be opened; its functions stay without names");
		return;
	}
	o->dwfl = dwfl_begin(&s->callbacks);
	if (!o->dwfl) {
		close(fd);
		return;
	}
	dwfl_report_begin(o->dwfl);
	/* Reported as loaded at its own addresses; takes the descriptor. */
	module = dwfl_report_elf(o->dwfl, o->base, o->path, fd, 0, true);
	dwfl_report_end(o->dwfl, NULL, NULL);
	if (!module) {
		close(fd);
		refuse(s, o, "is no ELF file any more");
		return;
	}
	n = dwfl_module_build_id(module, &id, &where);
	if (o->n_build_id && (n != (int)o->n_build_id || memcmp(id, o->build_id, o->n_build_id))) {
		refuse(s, o, "changed since it was recorded; its functions stay without names");
		return;
	}
	take_symbols(o, module);
	o->entry = entry_of(module);
	if (s->debug_files || holds_lines(module))
		o->lines = fp_symbol_lines_create(module, s->arena);
}

static bool is_object(const struct object *o, const char *path, const uint8_t *id, unsigned n_id)
{
	return o->n_build_id == n_id && (!n_id || !memcmp(o->build_id, id, n_id)) && !strcmp(o->path, path);
}

static struct object *find_object(struct fp_symbols *s, const char *path, const uint8_t *id, unsigned n_id)
{
	struct object *o;

	n_id = n_id > sizeof(o->build_id) ? (unsigned)sizeof(o->build_id) : n_id;
	if (s->last && is_object(s->last, path, id, n_id))
		return s->last;
	for (o = s->objects; o; o = o->next)
		if (is_object(o, path, id, n_id))
			return s->last = o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->path = fp_arena_copy(s->arena, path, strlen(path));
	if (!o->path) {
		free(o);
		return NULL;
	}
	o->base = strrchr(o->path, '/') ? strrchr(o->path, '/') + 1 : o->path;
	o->n_build_id = n_id;
	if (n_id)
		memcpy(o->build_id, id, n_id);
	o->next = s->objects;
	s->objects = o;
	open_object(s, o);
	return s->last = o;
}

static struct symbol *find_symbol(const struct object *o, uint64_t vaddr)
{
	size_t low = 0, high = o->n_symbols;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->symbols[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	/* An outer symbol may hold one that ended before. */
	for (unsigned i = 0; low && i < 8; i++, low--)
		if (vaddr < o->symbols[low - 1].end)
			return &o->symbols[low - 1];
	return NULL;
}

static const char *shown_name(struct fp_symbols *s, struct object *o, uint64_t vaddr)
{
	struct symbol *symbol = find_symbol(o, vaddr);

	if (symbol && !symbol->shown)
		symbol->shown = fp_symbol_name(s->arena, symbol->raw);
	if (!symbol && o->entry && vaddr - o->entry < ENTRY_BYTES)
		return "_start";
	return symbol ? symbol->shown : NULL;
}

unsigned fp_symbols_resolve(struct fp_symbols *s, const char *path, const uint8_t *build_id, unsigned n_build_id,
			    uint64_t vaddr, struct fp_symbol_frame *frames, unsigned cap)
{
	struct object *o = find_object(s, path, build_id, n_build_id);
	unsigned n = 0;
	const char *name;

	if (!cap)
		return 0;
	if (!o) {
		frames[0] = (struct fp_symbol_frame){.name = "?", .file = ""};
		return 1;
	}
	name = shown_name(s, o, vaddr);
	if (o->lines)
		n = fp_symbol_lines_find(o->lines, vaddr, frames, cap);
	if (!n) {
		frames[0] = (struct fp_symbol_frame){.name = name, .resolved = name != NULL};
		n = 1;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!frames[i].name)
			frames[i].name = i + 1 == n && name ?
				name :
				fp_arena_format(s->arena, "%s+0x%llx", o->base, (unsigned long long)vaddr);
		if (!frames[i].name)
			frames[i].name = o->base;
		if (!frames[i].file)
			frames[i].file = o->path;
	}
	return n;
}
