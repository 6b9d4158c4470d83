/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of frames.  Model stage, ordinary program; strings of a profile are
 * interned, so pointers are compared.
 */
#include "tools/model/function_ids.h"

#include "tools/read/key_map.h"

#include <stdlib.h>

struct query {
	const struct fp_profile *p;
	const uint32_t *first_of; /* class -> its first frame */
	enum fp_ids_by by;
	uint32_t frame;
};

static bool same(const void *ctx, uint32_t class)
{
	const struct query *q = ctx;
	const struct fp_frame *a = &q->p->frames[q->first_of[class]];
	const struct fp_frame *f = &q->p->frames[q->frame];

	return a->kind == f->kind && a->name == f->name && a->file == f->file &&
	       (q->by == FP_IDS_CODE_NAME || a->qualname == f->qualname) &&
	       (q->by == FP_IDS_LINE ? a->line == f->line : a->first_line == f->first_line);
}

static uint64_t hash(const struct fp_frame *f, enum fp_ids_by by)
{
	const void *parts[4] = {
		f->name, f->file, by == FP_IDS_CODE_NAME ? NULL : f->qualname,
		(const void *)(uintptr_t)(by == FP_IDS_LINE ? f->line : f->first_line),
	};
	return fp_key_hash(f->kind, parts, sizeof(parts));
}

uint32_t *fp_function_ids(const struct fp_profile *p, enum fp_ids_by by, bool as_frames,
			  uint32_t *ret_n)
{
	uint32_t *ids = malloc(((size_t)p->n_frames + 1) * sizeof(*ids));
	uint32_t *first_of = malloc(((size_t)p->n_frames + 1) * sizeof(*first_of));
	struct fp_key_map map = { 0 };
	uint32_t n = 0;

	if (fp_key_map_reserve(&map, p->n_frames)) {
		free(ids);
		ids = NULL;
	}
	for (uint32_t i = 0; ids && first_of && i < p->n_frames; i++) {
		struct query q = { p, first_of, by, i };
		uint64_t h = hash(&p->frames[i], by);
		uint32_t class = fp_key_map_find(&map, h, same, &q);

		if (class == FP_KEY_MISSING) {
			class = n++;
			first_of[class] = i;
			if (fp_key_map_add(&map, h, class)) {
				free(ids);
				ids = NULL;
				break;
			}
		}
		ids[i] = as_frames ? first_of[class] : class;
	}
	if (!first_of) {
		free(ids);
		ids = NULL;
	}
	free(first_of);
	fp_key_map_free(&map);
	if (ret_n)
		*ret_n = n;
	return ids;
}
