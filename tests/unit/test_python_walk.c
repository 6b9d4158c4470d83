/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame walk over made-up memory: each version's shape of a whole chain,
 * and each torn window as docs/python-layouts.md describes it.
 */
#include "agent/capture/format.h"
#include "agent/python/layout.h"
#include "agent/python/thread_state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BASE 0x10000ul
#define BYTES 0x4000ul
#define CODE_TYPE (BASE + 0x3f00)
#define NONE (BASE + 0x3e00)
#define TSTATE (BASE + 0x100)
#define CFRAME(i) (BASE + 0x1000 + (i) * 0x200ul)
#define SHIM(i) (CFRAME(i) + 0x70)
#define FRAME(i) (BASE + 0x2000 + (i) * 0x80ul)
#define CODE(i) (BASE + 0x3000 + (i) * 0x100ul)

static unsigned char memory[BYTES];
static struct fp_python py;
static struct fp_py_frame frames[16];
static enum fp_walk_status status;

static int read_memory(const struct fp_reader *r, uintptr_t addr, void *dst, size_t n_bytes)
{
	(void)r;
	if (addr < BASE || addr - BASE > BYTES || n_bytes > BYTES - (addr - BASE))
		return -EFAULT;
	memcpy(dst, memory + (addr - BASE), n_bytes);
	return 0;
}

static const struct fp_reader reader = { .read = read_memory };

static void put(uintptr_t addr, uintptr_t value)
{
	memcpy(memory + (addr - BASE), &value, sizeof(value));
}

static void put_byte(uintptr_t addr, unsigned value)
{
	memory[addr - BASE] = (unsigned char)value;
}

static void begin(const struct fp_py_layout *layout)
{
	unsigned i;

	memset(memory, 0, sizeof(memory));
	memset(&py, 0, sizeof(py));
	((struct fp_py_private *)(void *)py.private_)->layout = *layout;
	py.layout = &fp_py_private(&py)->layout;
	py.code_type = CODE_TYPE;
	py.none = NONE;
	for (i = 0; i < 8; i++)
		put(CODE(i) + 8, CODE_TYPE);
}

static unsigned walk(unsigned cap)
{
	return fp_python_walk(&py, &reader, TSTATE, frames, cap, &status);
}

static struct fp_py_layout layout_313(void)
{
	struct fp_py_layout l = fp_layout_312;

	l.minor = 13;
	l.style = FP_FRAMES_LINKED;
	l.ts_frame = 72;
	l.fr_func = 16;
	l.co_code = 200;
	return l;
}

/* A Python frame running unit 3 of code i. */
static void put_frame(unsigned i, uintptr_t previous)
{
	const struct fp_py_layout *l = py.layout;

	put(FRAME(i) + l->fr_code, CODE(i));
	put(FRAME(i) + l->fr_previous, previous);
	put(FRAME(i) + l->fr_ip, CODE(i) + l->co_code + 6);
	if (l->fr_func != FP_OFF_NONE)
		put(FRAME(i) + l->fr_func, BASE);
}

static void put_shim(unsigned i, uintptr_t previous)
{
	put(SHIM(i) + py.layout->fr_code, NONE);
	put(SHIM(i) + py.layout->fr_previous, previous);
	put_byte(SHIM(i) + py.layout->fr_owner, 3);
}

static void put_cframe(unsigned i, uintptr_t frame, uintptr_t previous)
{
	put(CFRAME(i) + py.layout->cf_frame, frame);
	put(CFRAME(i) + py.layout->cf_previous, previous);
}

/* Frames 0 1 | 2 over two eval calls, the leaf is 0. */
static void two_calls_312(void)
{
	uintptr_t root = TSTATE + fp_layout_312.ts_root_cframe;

	begin(&fp_layout_312);
	put(TSTATE + fp_layout_312.ts_frame, CFRAME(0));
	put_cframe(0, FRAME(0), CFRAME(1));
	put_frame(0, FRAME(1));
	put_frame(1, SHIM(0));
	put_shim(0, FRAME(2));
	put_cframe(1, FRAME(2), root);
	put_frame(2, SHIM(1));
	put_shim(1, 0);
	/* frame 2, made last, ends the data stack; the code's sizes are 0 */
	put(TSTATE + fp_layout_312.ts_datastack_top, FRAME(2) + fp_layout_312.fr_read_bytes);
}

static void whole_chain_of_312(void **state)
{
	(void)state;
	two_calls_312();
	assert_int_equal(walk(16), 3);
	assert_int_equal(status, FP_WALK_OK);
	assert_int_equal(frames[0].code, CODE(0));
	assert_int_equal(frames[0].offset, 6);
	assert_int_equal(frames[0].is_entry, 0);
	assert_int_equal(frames[1].is_entry, 1);
	assert_int_equal(frames[2].is_entry, 1);
	assert_int_equal(walk(2), 2);
	assert_int_equal(status, FP_WALK_TRUNCATED);
}

static void entry_window_of_312_starts_at_the_caller(void **state)
{
	(void)state;
	two_calls_312();
	put_cframe(0, 0xdeadbeef, CFRAME(1)); /* what lay on the C stack */
	assert_int_equal(walk(16), 1);
	assert_int_equal(status, FP_WALK_OK);
	assert_int_equal(frames[0].code, CODE(2));

	two_calls_312();
	put_shim(0, FRAME(1)); /* a stale chain that looks right but for its end */
	assert_int_equal(walk(16), 1);
	assert_int_equal(frames[0].code, CODE(2));

	two_calls_312();
	put_frame(1, 0); /* a generator that has just been unlinked */
	assert_int_equal(walk(16), 1);
	assert_int_equal(status, FP_WALK_OK);

	/* The frame that is about to begin lies on the data stack already. */
	put_cframe(0, 0xdeadbeef, CFRAME(1));
	put(FRAME(2) + 72 + fp_layout_312.fr_code, CODE(3));
	memory[CODE(3) + fp_layout_312.co_stacksize - BASE] = 5;
	put(TSTATE + fp_layout_312.ts_datastack_top, FRAME(2) + 72 + 72 + 5 * 8);
	assert_int_equal(walk(16), 1);
	assert_int_equal(status, FP_WALK_OK);
}

static void stale_cframe_of_312_is_torn(void **state)
{
	(void)state;
	two_calls_312();
	put_cframe(0, 0xdeadbeef, 0xdead0000); /* nor is its previous written */
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);

	two_calls_312();
	put_cframe(0, 0xdeadbeef, 0); /* looks like the root but is not in the thread state */
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);

	two_calls_312();
	put_cframe(0, 0xdeadbeef, CFRAME(1)); /* a stale link that leaves out a call */
	put(TSTATE + fp_layout_312.ts_datastack_top, FRAME(2) + 1024);
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);

	two_calls_312();
	put(CODE(2) + 8, 0); /* an outer call must be whole */
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);
}

static void two_calls_311(void)
{
	const struct fp_py_layout *l = &fp_layout_311;

	begin(l);
	put(TSTATE + l->ts_frame, CFRAME(0));
	put_cframe(0, FRAME(0), CFRAME(1));
	put_frame(0, FRAME(1));
	put_frame(1, FRAME(2));
	put_byte(FRAME(1) + l->fr_is_entry, 1);
	put_cframe(1, FRAME(2), TSTATE + l->ts_root_cframe);
	put_frame(2, 0);
	put_byte(FRAME(2) + l->fr_is_entry, 1);
	put(TSTATE + l->ts_datastack_top, FRAME(2) + l->fr_read_bytes);
}

static void chains_of_311(void **state)
{
	(void)state;
	two_calls_311();
	assert_int_equal(walk(16), 3);
	assert_int_equal(status, FP_WALK_OK);

	two_calls_311();
	put_byte(FRAME(1) + fp_layout_311.fr_is_entry, 0); /* entry mark not set yet */
	put(FRAME(1) + fp_layout_311.fr_previous, 0);
	assert_int_equal(walk(16), 1);
	assert_int_equal(status, FP_WALK_OK);
	assert_int_equal(frames[0].code, CODE(2));

	two_calls_311();
	put_byte(FRAME(2) + fp_layout_311.fr_is_entry, 0); /* NULL before an entry frame */
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);
}

static void chains_of_313(void **state)
{
	struct fp_py_layout l = layout_313();

	(void)state;
	begin(&l);
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_EMPTY);

	put(TSTATE + l.ts_frame, FRAME(0));
	put_frame(0, FRAME(1));
	put_frame(1, SHIM(0));
	put_shim(0, FRAME(2));
	put_frame(2, SHIM(1));
	put_shim(1, 0);
	put(FRAME(0) + l.fr_code, CODE(0) | 1); /* tagged reference */
	assert_int_equal(walk(16), 3);
	assert_int_equal(status, FP_WALK_OK);
	assert_int_equal(frames[0].code, CODE(0));
	assert_int_equal(frames[1].is_entry, 1);

	put(FRAME(1) + l.fr_func, NONE); /* the trampoline around __init__ */
	assert_int_equal(walk(16), 2);

	put(SHIM(1) + l.fr_code, 0); /* an entry frame that is none */
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);

	put_frame(2, 0); /* an end without an entry frame */
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);
}

static void chain_of_315_ends_at_the_base_frame(void **state)
{
	struct fp_py_layout l = layout_313();

	(void)state;
	l.ts_base_frame = 80;
	begin(&l);
	put(TSTATE + l.ts_frame, FRAME(0));
	put(TSTATE + l.ts_base_frame, BASE + 0x3d00);
	put_frame(0, SHIM(0));
	put_shim(0, BASE + 0x3d00);
	assert_int_equal(walk(16), 1);
	assert_int_equal(status, FP_WALK_OK);
	put_shim(0, 0);
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);
}

static void chains_of_objects(void **state)
{
	const struct fp_py_layout *l = &fp_layout_310;

	(void)state;
	begin(l);
	put(TSTATE + l->ts_frame, FRAME(0));
	put_frame(0, FRAME(1));
	put_frame(1, 0);
	put(FRAME(0) + l->fr_ip, 5);
	put(FRAME(1) + l->fr_ip, UINT32_MAX); /* f_lasti -1 */
	assert_int_equal(walk(16), 2);
	assert_int_equal(status, FP_WALK_OK);
	assert_int_equal(frames[0].offset, 10);
	assert_int_equal(frames[1].offset, -1);

	put_frame(1, FRAME(0)); /* a circle */
	assert_int_equal(fp_python_walk(&py, &reader, TSTATE, frames, 16, &status), 16);
	assert_int_equal(status, FP_WALK_TRUNCATED);
	put(CODE(1) + 8, CODE_TYPE + 8);
	assert_int_equal(walk(16), 0);
	assert_int_equal(status, FP_WALK_TORN);
}

static void a_circle_is_torn_when_there_is_room(void **state)
{
	static struct fp_py_frame many[4096];

	(void)state;
	begin(&fp_layout_310);
	put(TSTATE + fp_layout_310.ts_frame, FRAME(0));
	put_frame(0, FRAME(1));
	put_frame(1, FRAME(2));
	put_frame(2, FRAME(0));
	assert_int_equal(fp_python_walk(&py, &reader, TSTATE, many, 4096, &status), 0);
	assert_int_equal(status, FP_WALK_TORN);
}

static void refused(uint32_t version, const char *reason)
{
	struct fp_py_layout l;

	begin(&fp_layout_312);
	py.runtime = BASE;
	py.version_hex = version;
	assert_int_equal(fp_layout_choose(&py, &reader, &l), -ENOTSUP);
	assert_string_equal(py.reason, reason);
}

static void unknown_versions_are_refused_by_name(void **state)
{
	(void)state;
	refused(0x030710f0, "CPython 3.7.16: versions before 3.8 are not supported");
	refused(0x031000f0, "CPython 3.16.0: this minor version is not known");
	refused(0x030f00b3, "CPython 3.15.0b3: not a final release, its layout is not known");
	refused(0x030f00c1, "CPython 3.15.0rc1: not a final release, its layout is not known");
	refused(0x030d02f0, "CPython 3.13.2: _Py_DebugOffsets has an unknown cookie or version");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_chain_of_312),
		cmocka_unit_test(entry_window_of_312_starts_at_the_caller),
		cmocka_unit_test(stale_cframe_of_312_is_torn),
		cmocka_unit_test(chains_of_311),
		cmocka_unit_test(chains_of_313),
		cmocka_unit_test(chain_of_315_ends_at_the_base_frame),
		cmocka_unit_test(chains_of_objects),
		cmocka_unit_test(a_circle_is_torn_when_there_is_room),
		cmocka_unit_test(unknown_versions_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
