/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memray_stacks.h.  Render stage, ordinary program.  Without native
 * stacks the profile's own tree is what Memray wants; only what the cells of
 * the process stand on is taken from it.
 */
#include "tools/render/memray_stacks.h"

#include "tools/read/key_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t code_of(struct fp_memray_stacks *s, const struct fp_profile *p, uint32_t *ids,
			uint32_t frame)
{
	if (!ids[frame]) {
		if (fp_grow(&s->codes, &s->room_codes, s->n_codes, sizeof(*s->codes)))
			return 0;
		s->codes[s->n_codes++] = &p->frames[frame];
		ids[frame] = (uint32_t)s->n_codes;
	}
	return ids[frame];
}

/* Marks what the cells need, then numbers it, parents first. */
static int number_nodes(struct fp_memray_stacks *s, const struct fp_profile *p,
			const struct fp_memory_process *process, uint32_t *traces, uint32_t *codes)
{
	const struct fp_memory_cell *cells = p->memory->cells + process->first_cell;
	size_t n_wanted = 1;

	for (size_t i = 0; i < process->n_cells; i++)
		for (uint32_t n = cells[i].stack; n && !traces[n]; n = p->nodes[n].parent) {
			traces[n] = 1;
			n_wanted++;
		}
	s->traces = calloc(n_wanted, sizeof(*s->traces));
	if (!s->traces)
		return -ENOMEM;
	s->n_traces = 1;
	for (uint32_t n = 1; n < p->n_nodes; n++) {
		struct fp_memray_trace *t = &s->traces[s->n_traces];

		if (!traces[n])
			continue;
		t->parent = traces[p->nodes[n].parent];
		t->depth = s->traces[t->parent].depth + 1;
		t->code = code_of(s, p, codes, p->nodes[n].frame) & 0x7fffffffu;
		t->is_entry = 1;
		if (!t->code)
			return -ENOMEM;
		traces[n] = (uint32_t)s->n_traces++;
	}
	for (size_t i = 0; i < process->n_cells; i++)
		s->of_cell[i].trace = traces[cells[i].stack];
	return 0;
}

static int make_from_profile(struct fp_memray_stacks *s, const struct fp_profile *p,
			     const struct fp_memory_process *process)
{
	uint32_t *traces = calloc((size_t)p->n_nodes + 1, sizeof(*traces));
	uint32_t *codes = calloc((size_t)p->n_frames + 1, sizeof(*codes));
	int err = -ENOMEM;

	if (traces && codes)
		err = number_nodes(s, p, process, traces, codes);
	free(traces);
	free(codes);
	return err;
}

int fp_memray_stacks_make(struct fp_memray_stacks *ret_s, const struct fp_profile *p,
			  const struct fp_memory_process *process)
{
	struct fp_memray_stacks s = { 0 };
	int err = -ENOMEM;

	s.of_cell = calloc(process->n_cells + 1, sizeof(*s.of_cell));
	if (s.of_cell && p->headers[process->header].mem.native)
		err = fp_memray_native_make(&s, p, process);
	else if (s.of_cell)
		err = make_from_profile(&s, p, process);
	if (err)
		fp_memray_stacks_free(&s);
	else
		*ret_s = s;
	return err;
}

void fp_memray_stacks_free(struct fp_memray_stacks *s)
{
	fp_memray_native_free(s);
	free(s->codes);
	free(s->traces);
	free(s->of_cell);
	memset(s, 0, sizeof(*s));
}
