/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython 3.13: which word of _Py_DebugOffsets says what.  Data only; used by
 * layout.c, which refuses a table that is not of a final 3.13 release.
 */
#include "agent/python/layout.h"

const struct fp_debug_map fp_debug_map_313 = {
	.minor = 13,
	.n_words = 73,
	.owner_entry = 3,
	.owner_base = UINT8_MAX,
	.kind_shift = 2,
	.kind_shift_free_threaded = 2,
	.frame_func = 16,
	.code_flags = 48,
	.code_flags_free_threaded = 64,
	.rt_interpreters = 5,
	.in_next = 8,
	.in_threads = 9,
	.ts_size = 19,
	.ts_next = 21,
	.ts_interp = 22,
	.ts_frame = 23,
	.ts_thread_id = 24,
	.ts_native_id = 25,
	.fr_size = 28,
	.fr_previous = 29,
	.fr_code = 30,
	.fr_ip = 31,
	.fr_locals = 32,
	.fr_owner = 33,
	.co_size = 34,
	.co_file = 35,
	.co_name = 36,
	.co_qualname = 37,
	.co_lines = 38,
	.co_first_line = 39,
	.co_code = 43,
	.ob_size = 44,
	.ob_type = 45,
	.by_size = 65,
	.by_data = 66,
	.un_size = 67,
	.un_state = 68,
	.un_length = 69,
	.un_ascii = 70,
};
