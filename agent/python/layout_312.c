/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython 3.12 on LP64.  Data only; compared with the running interpreter by
 * layout_check.c before use.  The thread-specific key lies at an offset that
 * thread_state.c measures, as patch releases may move it.
 */
#include "agent/capture/format.h"
#include "agent/python/layout.h"

const struct fp_py_layout fp_layout_312 = {
	.minor = 12,
	.style = FP_FRAMES_CFRAME,
	.lines = FP_LINES_LOCATIONS,
	.lasti_unit = 1,
	.object_head = 16,
	.kind_shift = 2,
	.owner_entry = 3,
	.owner_base = UINT8_MAX,
	.rt_interpreters = 40,
	.rt_tstate_current = FP_OFF_NONE,
	.rt_key = FP_OFF_NONE,
	.in_threads = 72,
	.in_next = 0,
	.ts_next = 8,
	.ts_interp = 16,
	.ts_thread_id = 136,
	.ts_native_id = 144,
	.ts_frame = 56,
	.ts_base_frame = FP_OFF_NONE,
	.ts_root_cframe = 272,
	.cf_frame = 0,
	.cf_previous = 8,
	.fr_read = 0,
	.fr_read_bytes = 72,
	.fr_code = 0,
	.fr_previous = 8,
	.fr_func = FP_OFF_NONE,
	.fr_ip = 56,
	.fr_owner = 70,
	.fr_is_entry = FP_OFF_NONE,
	.fr_tlbc = FP_OFF_NONE,
	.co_basicsize = 192,
	.co_flags = 48,
	.co_first_line = 68,
	.co_file = 112,
	.co_name = 120,
	.co_qualname = 128,
	.co_lines = 136,
	.co_code = 192,
	.co_tlbc = FP_OFF_NONE,
	.frame_basicsize = 120,
	.un_length = 16,
	.un_state = 32,
	.un_ascii = 40,
	.un_compact = 56,
	.un_any = 56,
	.by_size = 16,
	.by_data = 32,
};
