/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours of flame graphs: by where code comes from, shaded by a hash of the
 * function's name, so that one function has one colour in every graph.
 */
#ifndef FP_TOOLS_RENDER_PALETTE_H
#define FP_TOOLS_RENDER_PALETTE_H

#include "tools/read/profile.h"

struct fp_colour {
	uint8_t r, g, b;
};

/* f NULL: a root. Dark text is readable on all of them (contrast >= 4.5). */
struct fp_colour fp_colour_of_frame(const struct fp_frame *f);

/* Differential: red for more, blue for less, pale for little; change and
 * largest in samples. */
struct fp_colour fp_colour_of_change(int64_t change, uint64_t largest);

#endif
