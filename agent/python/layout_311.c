/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython 3.11 on LP64.  Data only; compared with the running interpreter by
 * layout_check.c before use.
 */
#include "agent/capture/format.h"
#include "agent/python/layout.h"

const struct fp_py_layout fp_layout_311 = {
	.minor = 11,
	.style = FP_FRAMES_ENTRY,
	.lines = FP_LINES_LOCATIONS,
	.lasti_unit = 1,
	.object_head = 16,
	.kind_shift = 2,
	.owner_entry = UINT8_MAX,
	.owner_base = UINT8_MAX,
	.rt_interpreters = 40,
#if defined(__aarch64__)
	.rt_tstate_current = 592,
	.rt_key = 608,
#else
	.rt_tstate_current = 576,
	.rt_key = 592,
#endif
	.in_threads = 16,
	.in_next = 0,
	.ts_next = 8,
	.ts_interp = 16,
	.ts_thread_id = 152,
	.ts_native_id = 160,
	.ts_frame = 56,
	.ts_base_frame = FP_OFF_NONE,
	.ts_root_cframe = 336,
	.ts_datastack_top = 304,
	.cf_frame = 8,
	.cf_previous = 16,
	.fr_read = 0,
	.fr_read_bytes = 72,
	.fr_code = 32,
	.fr_previous = 48,
	.fr_ip = 56,
	.fr_func = FP_OFF_NONE,
	.fr_owner = 69,
	.fr_is_entry = 68,
	.fr_tlbc = FP_OFF_NONE,
	.co_basicsize = 184,
	.co_flags = 48,
	.co_first_line = 72,
	.co_file = 112,
	.co_name = 120,
	.co_qualname = 128,
	.co_lines = 136,
	.co_code = 184,
	.co_stacksize = 68,
	.co_nlocalsplus = 76,
	.co_tlbc = FP_OFF_NONE,
	.frame_basicsize = 120,
	.un_length = 16,
	.un_state = 32,
	.un_ascii = 48,
	.un_compact = 72,
	.un_any = 72,
	.by_size = 16,
	.by_data = 32,
};
