/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See merge.h.  Pure; any context.  One frame of the eval loop on the C stack
 * stands for the Python frames up to and with the next entry frame.  The
 * interpreter's own frames are left out, but for those above the newest eval
 * call: they are what Python code is waiting for (a builtin, the collector).
 */
#include "agent/native/merge.h"

static bool lies_in(const struct fp_text_range *ranges, unsigned n, uintptr_t pc)
{
	for (unsigned i = 0; i < n; i++)
		if (pc >= ranges[i].start && pc < ranges[i].end)
			return true;
	return false;
}

/* How many of the leaf-most eval frames have no Python frame: an eval call
 * that is just beginning or ending.  Not so when the outer part of the Python
 * stack is missing; then the two are aligned at the leaf. */
static unsigned count_bare(unsigned n_evals, const struct fp_py_frame *py, unsigned n_py)
{
	unsigned n_entries = 0;

	for (unsigned i = 0; i < n_py; i++)
		n_entries += py[i].is_entry != 0;
	if (n_py && !py[n_py - 1].is_entry)
		return 0;
	return n_evals > n_entries ? n_evals - n_entries : 0;
}

unsigned fp_native_merge(const struct fp_python *python, const uintptr_t *pcs, unsigned n_pcs,
			 const struct fp_py_frame *py, unsigned n_py, uint64_t *out, unsigned cap)
{
	unsigned n = 0, next = 0, n_evals = 0, bare;
	bool inside = false;

	for (unsigned i = 0; i < n_pcs; i++)
		n_evals += lies_in(python->eval, python->n_eval, pcs[i]);
	bare = count_bare(n_evals, py, n_py);
	for (unsigned i = 0; i < n_pcs && n < cap; i++) {
		bool entry = false;

		if (!lies_in(python->eval, python->n_eval, pcs[i])) {
			if (!inside || !lies_in(&python->library, 1, pcs[i]))
				out[n++] = pcs[i] & ~FP_MERGE_PYTHON;
			continue;
		}
		inside = true;
		if (bare) {
			bare--;
			continue;
		}
		while (!entry && next < n_py && n < cap) {
			entry = py[next].is_entry != 0;
			out[n++] = FP_MERGE_PYTHON | next++;
		}
	}
	/* The native walk ended early: what is left lies further out. */
	while (next < n_py && n < cap)
		out[n++] = FP_MERGE_PYTHON | next++;
	return n;
}
