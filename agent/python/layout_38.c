/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython 3.8 on LP64.  Data only; compared with the running interpreter by
 * layout_check.c before use.
 */
#include "agent/capture/format.h"
#include "agent/python/layout.h"

const struct fp_py_layout fp_layout_38 = {
	.minor = 8,
	.style = FP_FRAMES_OBJECT,
	.lines = FP_LINES_LNOTAB,
	.lasti_unit = 1,
	.object_head = 16,
	.kind_shift = 2,
	.owner_entry = UINT8_MAX,
	.owner_base = UINT8_MAX,
	.rt_interpreters = 32,
#if defined(__aarch64__)
	.rt_tstate_current = 1384,
	.rt_key = 1408,
#else
	.rt_tstate_current = 1368,
	.rt_key = 1392,
#endif
	.in_threads = 8,
	.in_next = 0,
	.ts_next = 8,
	.ts_interp = 16,
	.ts_thread_id = 176,
	.ts_native_id = FP_OFF_NONE,
	.ts_frame = 24,
	.ts_base_frame = FP_OFF_NONE,
	.ts_root_cframe = FP_OFF_NONE,
	.ts_datastack_top = FP_OFF_NONE,
	.cf_frame = FP_OFF_NONE,
	.cf_previous = FP_OFF_NONE,
	.fr_read = 24,
	.fr_read_bytes = 84,
	.fr_previous = 24,
	.fr_code = 32,
	.fr_ip = 104,
	.fr_func = FP_OFF_NONE,
	.fr_owner = FP_OFF_NONE,
	.fr_is_entry = FP_OFF_NONE,
	.fr_tlbc = FP_OFF_NONE,
	.co_basicsize = 176,
	.co_flags = 36,
	.co_first_line = 40,
	.co_file = 104,
	.co_name = 112,
	.co_qualname = FP_OFF_NONE,
	.co_lines = 120,
	.co_code = 48,
	.co_stacksize = FP_OFF_NONE,
	.co_nlocalsplus = FP_OFF_NONE,
	.co_tlbc = FP_OFF_NONE,
	.frame_basicsize = 368,
	.un_length = 16,
	.un_state = 32,
	.un_ascii = 48,
	.un_compact = 72,
	.un_any = 72,
	.by_size = 16,
	.by_data = 32,
};
