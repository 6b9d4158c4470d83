/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See unwind_rule.h.  x86-64 only (agent/native/walk.c asks nothing
 * elsewhere).  The made-up registers are addresses that no process has, one
 * high nibble each; what libunwind loads through one of them is answered with
 * a cookie of its own, so that every result says where it came from.
 */
#include "agent/native/unwind_rule.h"

#include "agent/base/safe_load.h"
#include "agent/base/sys.h"

#include <libunwind.h>

/* Exported by libunwind for accessors like ours; in none of its headers. */
extern int _Ux86_64_dwarf_search_unwind_table(unw_addr_space_t as, unw_word_t pc, unw_dyn_info_t *table,
					      unw_proc_info_t *info, int need_unwind_info, void *arg);

#define MADE_UP(nibble, i) (((uint64_t)(nibble) << 60) | ((uint64_t)(i) << 48) | (1ull << 40))
#define NIBBLE(address) ((unsigned)((uint64_t)(address) >> 60))
#define SP_NIBBLE 1u
#define FP_NIBBLE 2u
#define OTHER_NIBBLE 3u
#define COOKIE_NIBBLE 4u
#define MADE_SP MADE_UP(SP_NIBBLE, 0)
#define MADE_FP MADE_UP(FP_NIBBLE, 0)
#define MADE_R10 MADE_UP(OTHER_NIBBLE, UNW_X86_64_R10)
#define LOADS 12u
#define TRIES 1000u

struct fp_rule_room {
	const struct fp_module_map *map;
	uintptr_t pc;
	bool no_info;              /* pc lies in no function that the table describes */
	unsigned n_loads;
	uint64_t loads[LOADS];     /* address of the made-up load with cookie i */
	unw_cursor_t cursor;
};

static unw_addr_space_t space;
static uint32_t busy;

size_t fp_rule_room_bytes(void)
{
	return sizeof(struct fp_rule_room);
}

/* .eh_frame_hdr: version, encodings of the pointer, the count and the table. */
struct table_head {
	uint8_t version, pointer, count, table;
	int32_t eh_frame;
	uint32_t n_entries;
};
#define ENCODING_POINTER 0x1bu
#define ENCODING_COUNT 0x03u
#define ENCODING_TABLE 0x3bu

static int search_table(unw_addr_space_t as, unw_word_t pc, unw_proc_info_t *info, int need_unwind_info, void *arg)
{
	const struct fp_rule_room *room = arg;
	const struct fp_module *m = fp_module_map_find(room->map, pc);
	unw_dyn_info_t table = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	struct table_head head;

	if (!m || !m->eh_frame_hdr || fp_safe_copy(&head, (const void *)m->eh_frame_hdr, sizeof(head)) < 0)
		return -UNW_ENOINFO;
	if (head.version != 1 || head.pointer != ENCODING_POINTER || head.count != ENCODING_COUNT ||
	    head.table != ENCODING_TABLE || !head.n_entries)
		return -UNW_ENOINFO;
	table.start_ip = m->start;
	table.end_ip = m->end;
	table.u.rti.segbase = m->eh_frame_hdr;
	table.u.rti.table_data = m->eh_frame_hdr + sizeof(head);
	table.u.rti.table_len = head.n_entries;
	return _Ux86_64_dwarf_search_unwind_table(as, pc, &table, info, need_unwind_info, arg);
}

static int find_proc_info(unw_addr_space_t as, unw_word_t pc, unw_proc_info_t *info, int need_unwind_info, void *arg)
{
	struct fp_rule_room *room = arg;
	int found = search_table(as, pc, info, need_unwind_info, arg);

	room->no_info = found < 0;
	return found;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *arg)
{
	(void)as;
	(void)info;
	(void)arg;
}

static int dynamic_list(unw_addr_space_t as, unw_word_t *list, void *arg)
{
	(void)as;
	(void)list;
	(void)arg;
	return -UNW_ENOINFO;
}

static int access_memory(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int write, void *arg)
{
	struct fp_rule_room *room = arg;

	(void)as;
	if (write)
		return -UNW_EREADONLYREG;
	if (!NIBBLE(address))
		return fp_safe_copy(value, (const void *)address, sizeof(*value)) < 0 ? -UNW_EINVAL : 0;
	if (room->n_loads == LOADS || NIBBLE(address) > COOKIE_NIBBLE)
		return -UNW_EINVAL;
	room->loads[room->n_loads] = address;
	*value = MADE_UP(COOKIE_NIBBLE, room->n_loads++);
	return 0;
}

static int access_register(unw_addr_space_t as, unw_regnum_t number, unw_word_t *value, int write, void *arg)
{
	const struct fp_rule_room *room = arg;

	(void)as;
	if (write)
		return -UNW_EREADONLYREG;
	switch (number) {
	case UNW_X86_64_RIP:
		*value = room->pc;
		break;
	case UNW_X86_64_RSP:
		*value = MADE_SP;
		break;
	case UNW_X86_64_RBP:
		*value = MADE_FP;
		break;
	default:
		*value = MADE_UP(OTHER_NIBBLE, (unsigned)number & 0xfffu);
	}
	return 0;
}

static int access_float(unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value, int write, void *arg)
{
	(void)as;
	(void)number;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	(void)as;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int name_of(unw_addr_space_t as, unw_word_t address, char *name, size_t n_bytes, unw_word_t *offset, void *arg)
{
	(void)as;
	(void)address;
	(void)name;
	(void)n_bytes;
	(void)offset;
	(void)arg;
	return -UNW_ENOINFO;
}

static bool open_space(void)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = dynamic_list,
		.access_mem = access_memory,
		.access_reg = access_register,
		.access_fpreg = access_float,
		.resume = resume,
		.get_proc_name = name_of,
	};

	if (!space) {
		space = unw_create_addr_space(&accessors, 0);
		if (space)
			(void)unw_set_caching_policy(space, UNW_CACHE_NONE);
	}
	return space != NULL;
}

static bool fits(int64_t value, int bits)
{
	return value >= -((int64_t)1 << (bits - 1)) && value < (int64_t)1 << (bits - 1);
}

static bool set_base(struct fp_rule *r, uint64_t address)
{
	static const struct {
		uint64_t value;
		enum fp_rule_base base;
	} made_up[] = {{MADE_SP, FP_BASE_SP}, {MADE_FP, FP_BASE_FP}, {MADE_R10, FP_BASE_R10}};

	for (unsigned i = 0; i < 3; i++) {
		int64_t offset = (int64_t)(address - made_up[i].value);

		if (!fits(offset, 32))
			continue;
		r->base = made_up[i].base;
		r->cfa_offset = offset;
		return true;
	}
	return false;
}

static bool set_cfa(const struct fp_rule_room *room, struct fp_rule *r, uint64_t cfa)
{
	unsigned i;

	r->kind = FP_RULE_OFFSET;
	if (NIBBLE(cfa) != COOKIE_NIBBLE)
		return set_base(r, cfa);
	i = (unsigned)(cfa >> 48) & 0xfffu;
	r->kind = FP_RULE_LOAD;
	return i < room->n_loads && cfa == MADE_UP(COOKIE_NIBBLE, i) && set_base(r, room->loads[i]);
}

static bool set_saved(struct fp_rule *r, uint64_t cfa, const unw_save_loc_t *where)
{
	int64_t offset;

	if (where->type != UNW_SLT_MEMORY) {
		r->saved = FP_SAVED_SAME;
		return where->type == UNW_SLT_REG && where->u.regnum == UNW_X86_64_RBP;
	}
	offset = (int64_t)(where->u.addr - cfa);
	r->saved = FP_SAVED_AT_CFA;
	if (!fits(offset, 25)) {
		offset = (int64_t)(where->u.addr - MADE_FP);
		r->saved = FP_SAVED_AT_FP;
	}
	r->fp_offset = offset;
	return fits(offset, 25);
}

static struct fp_rule ask(struct fp_rule_room *room)
{
	struct fp_rule r = {0};
	const struct fp_rule unknown = {.kind = FP_RULE_UNKNOWN}, end = {.kind = FP_RULE_END};
	unw_save_loc_t pc_where, fp_where;
	unw_word_t cfa;
	int stepped;

	room->n_loads = 0;
	room->no_info = false;
	if (!open_space() || unw_init_remote(&room->cursor, space, room) < 0)
		return unknown;
	stepped = unw_step(&room->cursor);
	if (stepped < 0)
		return unknown;
	if (stepped == 0)
		return room->no_info ? unknown : end;
	if (unw_get_reg(&room->cursor, UNW_REG_SP, &cfa) < 0 ||
	    unw_get_save_loc(&room->cursor, UNW_X86_64_RIP, &pc_where) < 0 ||
	    unw_get_save_loc(&room->cursor, UNW_X86_64_RBP, &fp_where) < 0)
		return unknown;
	if (pc_where.type != UNW_SLT_MEMORY || pc_where.u.addr != cfa - 8 || !set_cfa(room, &r, cfa) ||
	    !set_saved(&r, cfa, &fp_where))
		return unknown;
	return r;
}

/* mov $__NR_rt_sigreturn, %rax; syscall */
static bool is_signal_return(uintptr_t pc)
{
	static const uint8_t code[9] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
	uint8_t found[9];

	if (fp_safe_copy(found, (const void *)pc, sizeof(found)) < 0)
		return false;
	for (unsigned i = 0; i < sizeof(code); i++)
		if (found[i] != code[i])
			return false;
	return true;
}

/* Without unwind information libunwind guesses a frame-pointer chain; the walk
 * makes its own, checked, guess. */
static bool has_table(const struct fp_module_map *map, uintptr_t pc)
{
	const struct fp_module *m = fp_module_map_find(map, pc);

	return m && m->eh_frame_hdr;
}

int fp_rule_learn(struct fp_rule_room *room, const struct fp_module_map *map, uintptr_t pc, bool called,
		  struct fp_rule *ret_rule)
{
	unsigned tries = 0;

	if (is_signal_return(pc + called)) {
		*ret_rule = (struct fp_rule){.kind = FP_RULE_SIGNAL};
		return 0;
	}
	if (!has_table(map, pc)) {
		*ret_rule = (struct fp_rule){.kind = FP_RULE_UNKNOWN};
		return 0;
	}
	while (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE)) {
		if (++tries == TRIES)
			return -EBUSY;
		(void)fp_sys_call(SYS_sched_yield);
	}
	room->map = map;
	room->pc = pc;
	*ret_rule = ask(room);
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	return 0;
}

void fp_rule_forked(void)
{
	__atomic_store_n(&busy, 0, __ATOMIC_RELAXED);
}
