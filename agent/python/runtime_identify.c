/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the symbols of a CPython to its version and layout.  Ordinary context;
 * reads the target through fp_reader, so it serves other processes too.
 */
#include "agent/python/runtime.h"
#include "agent/python/thread_state.h"

#include "agent/capture/format.h"

#include <errno.h>
#include <string.h>

const char *const fp_py_symbol_names[FP_PY_SYMBOL_MAX] = {
#define X(name, text) text,
	FP_PY_SYMBOLS(X)
#undef X
};

static unsigned number(const char **text)
{
	unsigned value = 0;

	while (**text >= '0' && **text <= '9' && value < 1000)
		value = value * 10 + (unsigned)(*(*text)++ - '0');
	return value;
}

uint32_t fp_python_parse_version(const char *text)
{
	unsigned major = number(&text), minor, micro = 0, level = 0xf, serial = 0;

	if (!major || *text++ != '.')
		return 0;
	minor = number(&text);
	if (*text == '.') {
		text++;
		micro = number(&text);
	}
	if (*text == 'a' || *text == 'b' || *text == 'r') {
		level = *text == 'a' ? 0xa : *text == 'b' ? 0xb : 0xc;
		text += *text == 'r' ? 2 : 1;
		serial = number(&text);
	}
	return major << 24 | (minor & 0xff) << 16 | (micro & 0xff) << 8 | level << 4 | (serial & 0xf);
}

void fp_python_add_eval(struct fp_python *py, uintptr_t start, uintptr_t end)
{
	struct fp_text_range *range;
	unsigned i;

	if (start >= end)
		return;
	for (i = 0; i < py->n_eval; i++) {
		range = &py->eval[i];
		if (start > range->end + 64 || end + 64 < range->start)
			continue;
		if (start < range->start)
			range->start = start;
		if (end > range->end)
			range->end = end;
		return;
	}
	if (py->n_eval == FP_PYTHON_EVAL_RANGES)
		return;
	range = &py->eval[py->n_eval++];
	range->start = start;
	range->end = end;
}

int fp_python_identify(struct fp_python *py, const struct fp_reader *r, const struct fp_py_symbols *s)
{
	struct fp_py_private *p = (struct fp_py_private *)(void *)py->private_;
	static const enum fp_py_symbol needed[] = {
		FP_PY_SYMBOL_code_type, FP_PY_SYMBOL_unicode_type, FP_PY_SYMBOL_bytes_type, FP_PY_SYMBOL_none,
		FP_PY_SYMBOL_eval, FP_PY_SYMBOL_runtime,
	};
	uint64_t version = 0;
	unsigned i;

	py->runtime = s->address[FP_PY_SYMBOL_runtime];
	py->code_type = s->address[FP_PY_SYMBOL_code_type];
	py->unicode_type = s->address[FP_PY_SYMBOL_unicode_type];
	py->bytes_type = s->address[FP_PY_SYMBOL_bytes_type];
	py->none = s->address[FP_PY_SYMBOL_none];
	if (s->address[FP_PY_SYMBOL_version] &&
	    !r->read(r, s->address[FP_PY_SYMBOL_version], &version, sizeof(version)))
		py->version_hex = (uint32_t)version;
	if (py->version_hex && fp_layout_refuse_old(py))
		return -ENOTSUP;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (s->address[needed[i]])
			continue;
		fp_python_refuse(py, "it does not export", fp_py_symbol_names[needed[i]]);
		return -ENOTSUP;
	}
	fp_python_add_eval(py, s->address[FP_PY_SYMBOL_eval],
			   s->address[FP_PY_SYMBOL_eval] + s->bytes[FP_PY_SYMBOL_eval]);
	py->tstate_tls_offset = INTPTR_MIN;
	p->attached.offset = p->bound.offset = INTPTR_MIN;
	if (fp_layout_choose(py, r, &p->layout))
		return -ENOTSUP;
	py->layout = &p->layout;
	if (p->layout.rt_key != FP_OFF_NONE)
		py->gil_key = py->runtime + p->layout.rt_key + sizeof(int);
	return fp_layout_check_static(py, r, s->address[FP_PY_SYMBOL_frame_type]);
}
