/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of Python's marshal format that a pstats file uses: dictionaries,
 * tuples, text, numbers, references.  Input may be hostile.
 */
#ifndef FP_TOOLS_READ_MARSHAL_H
#define FP_TOOLS_READ_MARSHAL_H

#include <stddef.h>
#include <stdint.h>

enum fp_marshal_kind { FP_MARSHAL_NUMBER, FP_MARSHAL_TEXT, FP_MARSHAL_TUPLE, FP_MARSHAL_DICT,
		       FP_MARSHAL_OTHER };

struct fp_marshal_item {
	enum fp_marshal_kind kind;
	double number;
	const char *text;      /* into the input, not NUL-ended */
	uint32_t n;            /* bytes of text, items of a tuple, 2 x pairs of a dict */
	uint32_t *items;       /* indices into fp_marshal.all */
};

struct fp_marshal {
	struct fp_marshal_item *all; /* never moves once read */
	uint32_t n, root;
};

/* 0, -EBADMSG or -ENOMEM; free with fp_marshal_free in every case. */
int fp_marshal_read(struct fp_marshal *m, const char *bytes, size_t n_bytes);
void fp_marshal_free(struct fp_marshal *m);

#endif
