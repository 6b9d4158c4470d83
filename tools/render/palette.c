/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours of flame graphs.  Render stage, pure.
 */
#include "tools/render/palette.h"

#include "tools/model/names.h"

/* FNV-1a, to 0..1. */
static double shade_of(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	h ^= h >> 15;
	return (h & 0xffff) / 65535.0;
}

static struct fp_colour mix(int r, int g, int b, int dr, int dg, int db, double v)
{
	return (struct fp_colour){ (uint8_t)(r + dr * v), (uint8_t)(g + dg * v),
				   (uint8_t)(b + db * v) };
}

struct fp_colour fp_colour_of_frame(const struct fp_frame *f)
{
	if (!f)
		return (struct fp_colour){ 205, 205, 210 };
	double v = shade_of(f->qualname);

	switch (fp_name_origin(f)) {
	case FP_ORIGIN_SITE: /* aqua */
		return mix(90, 185, 195, 70, 45, 45, v);
	case FP_ORIGIN_STDLIB: /* yellow */
		return mix(215, 200, 70, 35, 35, 60, v);
	case FP_ORIGIN_NATIVE: /* orange */
		return mix(235, 150, 60, 15, 50, 50, v);
	case FP_ORIGIN_MARK:
		return mix(190, 190, 190, 20, 20, 20, v);
	case FP_ORIGIN_USER: /* red */
	default:
		return mix(232, 110, 95, 20, 60, 55, v);
	}
}

struct fp_colour fp_colour_of_change(int64_t change, uint64_t largest)
{
	uint64_t size = change < 0 ? (uint64_t)0 - (uint64_t)change : (uint64_t)change;
	uint8_t pale;

	if (!change || !largest)
		return (struct fp_colour){ 250, 250, 250 };
	pale = (uint8_t)(230 - 120.0 * (size > largest ? 1.0 : (double)size / (double)largest));
	return change > 0 ? (struct fp_colour){ 255, pale, pale } :
			    (struct fp_colour){ pale, pale, 255 };
}
