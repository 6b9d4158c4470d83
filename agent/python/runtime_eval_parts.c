/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the eval loop that the compiler split off, in stripped builds:
 * Debian's 3.13-3.15 have 2 KiB in the exported function and 80 KiB in the
 * other part.  The two jump into each other's middle, which functions do not.
 * Own process, ordinary context; reads loaded code and .eh_frame_hdr.
 */
#include "agent/python/runtime.h"

#include <string.h>

#define ENC_UDATA4 0x03
#define ENC_PCREL_SDATA4 0x1b
#define ENC_DATAREL_SDATA4 0x3b
#define PARTS_MAX 8
#define JUMPS_MIN 2

static uint32_t load_u32(uintptr_t addr)
{
	uint32_t value;

	memcpy(&value, (const void *)addr, sizeof(value));
	return value;
}

static uintptr_t relative(uintptr_t base, uintptr_t addr)
{
	return base + (uintptr_t)(intptr_t)(int32_t)load_u32(addr);
}

/* The code range of the unwind entry that holds pc. */
static bool range_of(uintptr_t hdr, uintptr_t pc, struct fp_text_range *ret)
{
	const unsigned char *h = (const unsigned char *)hdr;
	uintptr_t table = hdr + 12, fde;
	uint32_t low = 0, high, middle;

	if (h[0] != 1 || h[1] != ENC_PCREL_SDATA4 || h[2] != ENC_UDATA4 || h[3] != ENC_DATAREL_SDATA4)
		return false;
	high = load_u32(hdr + 8);
	if (!high || pc < relative(hdr, table))
		return false;
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (relative(hdr, table + middle * 8ul) <= pc)
			low = middle;
		else
			high = middle;
	}
	fde = relative(hdr, table + low * 8ul + 4);
	ret->start = relative(hdr, table + low * 8ul);
	/* length, CIE, pc_begin, pc_range; checked, as CIEs may say otherwise */
	if (load_u32(fde) == UINT32_MAX || relative(fde + 8, fde + 8) != ret->start)
		return false;
	ret->end = ret->start + load_u32(fde + 12);
	return pc < ret->end;
}

static bool inside(const struct fp_text_range *range, uintptr_t pc)
{
	return pc >= range->start && pc < range->end;
}

/* Target of a near jump whose bytes start at p, 0: no jump. */
static uintptr_t jump_target(uintptr_t p)
{
#if defined(__x86_64__)
	const unsigned char *b = (const unsigned char *)p;

	if (b[0] == 0xe9)
		return relative(p + 5, p + 1);
	if (b[0] == 0x0f && (b[1] & 0xf0) == 0x80)
		return relative(p + 6, p + 2);
#else
	uint32_t word = load_u32(p);

	if (p % 4 == 0 && word >> 26 == 0x05)
		return p + (uintptr_t)((intptr_t)(int32_t)(word << 6) >> 4);
#endif
	return 0;
}

static unsigned count_jumps(const struct fp_text_range *from, const struct fp_text_range *to)
{
	unsigned n = 0;
	uintptr_t p;

	for (p = from->start; p + 6 <= from->end; p++)
		n += inside(to, jump_target(p));
	return n;
}

void fp_python_eval_from_unwind(struct fp_python *py, uintptr_t eh_frame_hdr)
{
	struct fp_text_range eval, part, seen[PARTS_MAX];
	unsigned i, n = 0;
	uintptr_t p, target;

	if (!eh_frame_hdr || !py->n_eval || !range_of(eh_frame_hdr, py->eval[0].start, &eval))
		return;
	fp_python_add_eval(py, eval.start, eval.end);
	for (p = eval.start; p + 6 <= eval.end && n < PARTS_MAX; p++) {
		target = jump_target(p);
		if (!inside(&py->library, target) || inside(&eval, target) ||
		    !range_of(eh_frame_hdr, target, &part) || target == part.start)
			continue;
		for (i = 0; i < n && seen[i].start != part.start; i++)
			;
		if (i < n)
			continue;
		seen[n++] = part;
		if (count_jumps(&eval, &part) >= JUMPS_MIN && count_jumps(&part, &eval) >= JUMPS_MIN)
			fp_python_add_eval(py, part.start, part.end);
	}
}
