/* SPDX-License-Identifier: Apache-2.0 */
/* See symbol_lines.h. */
#include "tools/read/symbol_lines.h"

#include "tools/read/symbol_name.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint64_t low, high;
	size_t item;              /* of units[] or functions[] */
};

struct ranges {
	struct range *items;
	size_t n, room;
};

struct unit {
	Dwarf_Die die;
	struct ranges by_address; /* into functions[] */
	Dwarf_Die *functions;
	size_t n_functions, room_functions;
	bool indexed;
};

struct fp_symbol_lines {
	Dwarf *dwarf;
	struct fp_arena *arena;
	struct unit *units;
	size_t n_units, room_units;
	struct ranges by_address; /* into units[] */
};

#define DEPTH_MAX 64

static void *room_for(void *items, size_t n, size_t *room, size_t item_bytes)
{
	size_t wanted = *room ? *room * 2 : 16;
	void *grown;

	if (n < *room)
		return items;
	grown = reallocarray(items, wanted, item_bytes);
	if (grown)
		*room = wanted;
	return grown;
}

static void add_ranges(struct ranges *r, Dwarf_Die *die, size_t item)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		struct range *grown;

		if (low >= high || !low)
			continue;
		grown = room_for(r->items, r->n, &r->room, sizeof(*r->items));
		if (!grown)
			return;
		r->items = grown;
		r->items[r->n++] = (struct range){low, high, item};
	}
}

static int by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static void sort_ranges(struct ranges *r)
{
	if (r->n)
		qsort(r->items, r->n, sizeof(*r->items), by_low);
}

static const struct range *find_range(const struct ranges *r, uint64_t address)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->items[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < r->items[low - 1].high ? &r->items[low - 1] : NULL;
}

static void index_functions(struct unit *u, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		Dwarf_Die *grown;

		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			grown = room_for(u->functions, u->n_functions, &u->room_functions, sizeof(die));
			if (!grown)
				return;
			u->functions = grown;
			u->functions[u->n_functions] = die;
			add_ranges(&u->by_address, &die, u->n_functions++);
			break;
		case DW_TAG_namespace:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_module:
			index_functions(u, &die, depth + 1);
			break;
		default:
			break;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
}

static void index_units(struct fp_symbol_lines *l)
{
	Dwarf_Off at = 0, next;
	size_t head;

	for (; dwarf_nextcu(l->dwarf, at, &next, &head, NULL, NULL, NULL) == 0; at = next) {
		struct unit *grown = room_for(l->units, l->n_units, &l->room_units, sizeof(*l->units));

		if (!grown)
			break;
		l->units = grown;
		memset(&l->units[l->n_units], 0, sizeof(*l->units));
		if (!dwarf_offdie(l->dwarf, at + head, &l->units[l->n_units].die))
			continue;
		add_ranges(&l->by_address, &l->units[l->n_units].die, l->n_units);
		l->n_units++;
	}
	sort_ranges(&l->by_address);
}

struct fp_symbol_lines *fp_symbol_lines_create(Dwfl_Module *module, struct fp_arena *arena)
{
	struct fp_symbol_lines *l;
	Dwarf_Addr bias;
	Dwarf *dwarf = dwfl_module_getdwarf(module, &bias);

	if (!dwarf || !(l = calloc(1, sizeof(*l))))
		return NULL;
	l->dwarf = dwarf;
	l->arena = arena;
	index_units(l);
	return l;
}

void fp_symbol_lines_destroy(struct fp_symbol_lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_units; i++) {
		free(l->units[i].by_address.items);
		free(l->units[i].functions);
	}
	free(l->units);
	free(l->by_address.items);
	free(l);
}

static const char *text_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, attribute, &a) ? dwarf_formstring(&a) : NULL;
}

static uint32_t number_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute a;
	Dwarf_Word value;

	return dwarf_attr_integrate(die, attribute, &a) && dwarf_formudata(&a, &value) == 0 ? (uint32_t)value : 0;
}

static const char *name_of(const struct fp_symbol_lines *l, Dwarf_Die *die)
{
	const char *raw = text_of(die, DW_AT_linkage_name);

	if (!raw)
		raw = text_of(die, DW_AT_MIPS_linkage_name);
	return raw ? fp_symbol_name(l->arena, raw) : dwarf_diename(die);
}

static const char *call_file(Dwarf_Die *unit, Dwarf_Die *inlined)
{
	Dwarf_Files *files;
	size_t n, i = number_of(inlined, DW_AT_call_file);

	return dwarf_getsrcfiles(unit, &files, &n) == 0 && i < n ? dwarf_filesrc(files, i, NULL, NULL) : NULL;
}

/* From a function down to the innermost inlined call around the address. */
static unsigned descend(const Dwarf_Die *function, uint64_t vaddr, Dwarf_Die *chain)
{
	unsigned n = 0, depth = 0;
	Dwarf_Die at = *function, die;

	chain[n++] = at;
	while (depth++ < DEPTH_MAX && n < DEPTH_MAX && dwarf_child(&at, &die) == 0) {
		bool found = false;

		do {
			int tag = dwarf_tag(&die);

			found = (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
				dwarf_haspc(&die, vaddr) > 0;
			if (found && tag == DW_TAG_inlined_subroutine)
				chain[n++] = die;
		} while (!found && dwarf_siblingof(&die, &die) == 0);
		if (!found)
			break;
		at = die;
	}
	return n;
}

/* A chain that does not fit loses frames between its innermost and outermost. */
static unsigned fill(struct fp_symbol_lines *l, struct unit *u, uint64_t vaddr, Dwarf_Die *chain, unsigned n_chain,
		     struct fp_symbol_frame *frames, unsigned cap)
{
	Dwarf_Line *line = dwarf_getsrc_die(&u->die, vaddr);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;
	unsigned n = 0;

	if (line)
		(void)dwarf_lineno(line, &number);
	for (unsigned i = n_chain; i-- > 0;) {
		Dwarf_Die *die = &chain[i];

		if (n < cap - 1 || !i)
			frames[n++] = (struct fp_symbol_frame){
				.name = name_of(l, die),
				.file = file,
				.line = number > 0 ? (uint32_t)number : 0,
				.first_line = number_of(die, DW_AT_decl_line),
				.inlined = i != 0,
				.resolved = true,
			};
		if (i) {
			file = call_file(&u->die, die);
			number = (int)number_of(die, DW_AT_call_line);
		}
	}
	return n;
}

unsigned fp_symbol_lines_find(struct fp_symbol_lines *l, uint64_t vaddr, struct fp_symbol_frame *frames, unsigned cap)
{
	const struct range *r = find_range(&l->by_address, vaddr), *f;
	Dwarf_Die chain[DEPTH_MAX];
	struct unit *u;
	unsigned n;

	if (!r || !cap)
		return 0;
	u = &l->units[r->item];
	if (!u->indexed) {
		u->indexed = true;
		index_functions(u, &u->die, 0);
		sort_ranges(&u->by_address);
	}
	f = find_range(&u->by_address, vaddr);
	if (!f)
		return 0;
	n = descend(&u->functions[f->item], vaddr, chain);
	return fill(l, u, vaddr, chain, n, frames, cap);
}
