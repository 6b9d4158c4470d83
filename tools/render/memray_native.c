/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks with native frames, from the nodes of the capture itself, where the
 * Python frames stand in the places of the eval loop's.  Memray wants the two
 * apart: each run of Python frames becomes one address in the eval loop on
 * the native side.  Render stage; the capture may be hostile.
 */
#include "tools/read/capture.h"
#include "tools/read/capture_frames.h"
#include "tools/read/key_map.h"
#include "tools/render/memray_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An honest run has hundreds of objects and loads hardly one where another was. */
#define MODULES_MAX 4096u
#define MAPS_MAX 64u

struct fp_memray_source {
	struct fp_capture capture;
	struct fp_builder *builder; /* of frames alone, one by one below its root */
};

/* What a node of the capture became. */
struct place {
	uint32_t trace, native;
	uint32_t generation;   /* newest of its native frames */
	bool is_wanted, is_python;
};

struct making {
	struct fp_memray_stacks *s;
	struct fp_capture *c;
	struct fp_capture_frames *frames;
	struct place *places;
	uint32_t *code_of_frame;
	size_t n_code_of_frame, room_code_of_frame;
	struct fp_key_map traces, natives;
	uint64_t eval_ip;
};

static int mark_wanted(struct making *m, const struct fp_memory_cell *cells, size_t n_cells)
{
	for (size_t i = 0; i < n_cells; i++) {
		uint32_t n = cells[i].node;

		if (n >= m->c->n_nodes)
			return -EBADMSG;
		for (; n && !m->places[n].is_wanted; n = m->c->nodes[n].parent)
			m->places[n].is_wanted = true;
	}
	return 0;
}

/* The code object of a key that is no address; 0: out of memory. */
static uint32_t code_of(struct making *m, uint64_t key)
{
	const struct fp_profile *p = fp_builder_profile(m->s->source->builder);
	uint32_t node = fp_capture_frames_push_alone(m->frames, key), frame;

	if (node == UINT32_MAX)
		return 0;
	frame = p->nodes[node].frame;
	while (m->n_code_of_frame <= frame) {
		if (fp_grow(&m->code_of_frame, &m->room_code_of_frame, m->n_code_of_frame,
			    sizeof(*m->code_of_frame)))
			return 0;
		m->code_of_frame[m->n_code_of_frame++] = 0;
	}
	if (!m->code_of_frame[frame])
		m->code_of_frame[frame] = (uint32_t)++m->s->n_codes;
	return m->code_of_frame[frame];
}

static int push_python(struct making *m, struct place *at, uint32_t code, bool is_entry)
{
	struct fp_memray_stacks *s = m->s;
	uint64_t key = (uint64_t)at->trace << 32 | code << 1 | is_entry;
	uint32_t trace = fp_key_map_find(&m->traces, key, NULL, NULL);

	if (trace == FP_KEY_MISSING) {
		if (fp_grow(&s->traces, &s->room_traces, s->n_traces, sizeof(*s->traces)) ||
		    fp_key_map_add(&m->traces, key, (uint32_t)s->n_traces))
			return -ENOMEM;
		s->traces[s->n_traces] = (struct fp_memray_trace){
			.parent = at->trace, .depth = s->traces[at->trace].depth + 1,
			.code = code & 0x7fffffffu, .is_entry = is_entry };
		trace = (uint32_t)s->n_traces++;
	}
	at->trace = trace;
	return 0;
}

struct native_query {
	const struct fp_memray_stacks *s;
	uint64_t ip;
	uint32_t parent;
};

static bool same_native(const void *ctx, uint32_t index)
{
	const struct native_query *q = ctx;

	return q->s->natives[index].ip == q->ip && q->s->natives[index].parent == q->parent;
}

static int push_native(struct making *m, struct place *at, uint64_t ip)
{
	struct fp_memray_stacks *s = m->s;
	struct native_query q = { s, ip, at->native };
	uint64_t hash = fp_key_hash(at->native, &ip, sizeof(ip));
	uint32_t native = fp_key_map_find(&m->natives, hash, same_native, &q);

	if (native == FP_KEY_MISSING) {
		if (fp_grow(&s->natives, &s->room_natives, s->n_natives, sizeof(*s->natives)) ||
		    fp_key_map_add(&m->natives, hash, (uint32_t)s->n_natives))
			return -ENOMEM;
		s->natives[s->n_natives] = (struct fp_memray_native){ ip, at->native };
		native = (uint32_t)s->n_natives++;
	}
	at->native = native;
	return 0;
}

/* Where node n is, given where its parent is. */
static int place_node(struct making *m, uint32_t n)
{
	uint64_t key = m->c->nodes[n].key;
	struct place at = m->places[m->c->nodes[n].parent];
	bool is_entry = !at.is_python;
	uint32_t code;
	int err;

	at.is_wanted = true;
	at.is_python = FP_KEY_KIND(key) != FP_KEY_NATIVE;
	if (!at.is_python) {
		if (at.generation < FP_KEY_GENERATION(key))
			at.generation = FP_KEY_GENERATION(key);
		err = push_native(m, &at, FP_KEY_PC(key) + 1);
	} else {
		code = code_of(m, key);
		err = code ? push_python(m, &at, code, is_entry) : -ENOMEM;
		if (!err && is_entry)
			err = push_native(m, &at, m->eval_ip);
	}
	m->places[n] = at;
	return err;
}

static int make_trees(struct making *m, const struct fp_memory_cell *cells, size_t n_cells)
{
	struct fp_memray_stacks *s = m->s;
	int err;

	if (fp_grow(&s->traces, &s->room_traces, 0, sizeof(*s->traces)) ||
	    fp_grow(&s->natives, &s->room_natives, 0, sizeof(*s->natives)))
		return -ENOMEM;
	memset(s->traces, 0, sizeof(*s->traces));
	memset(s->natives, 0, sizeof(*s->natives));
	s->n_traces = s->n_natives = 1;
	err = mark_wanted(m, cells, n_cells);
	for (uint32_t n = 1; n < m->c->n_nodes && !err; n++)
		if (m->places[n].is_wanted)
			err = place_node(m, n);
	return err;
}

/* By frame id of the builder, which no longer moves them. */
static int list_codes(struct making *m)
{
	const struct fp_profile *p = fp_builder_profile(m->s->source->builder);

	m->s->codes = calloc(m->s->n_codes + 1, sizeof(*m->s->codes));
	for (size_t f = 0; m->s->codes && f < m->n_code_of_frame; f++)
		if (m->code_of_frame[f])
			m->s->codes[m->code_of_frame[f] - 1] = &p->frames[f];
	return m->s->codes ? 0 : -ENOMEM;
}

static bool overlaps(const struct fp_memray_stacks *s, const struct fp_memray_map *map,
		     const struct fp_module_record *r)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct fp_module_record *other = &s->modules[map->modules[i]];

		if (other->start < r->end && r->start < other->end)
			return true;
	}
	return false;
}

static int add_to_map(struct fp_memray_map *map, uint32_t module)
{
	if (fp_grow(&map->modules, &map->room, map->n, sizeof(*map->modules)))
		return -ENOMEM;
	map->modules[map->n++] = module;
	return 0;
}

/* A new map beginning at a generation, with what is still loaded then. */
static int begin_map(struct fp_memray_stacks *s, uint32_t generation)
{
	const struct fp_memray_map *old = s->n_maps ? &s->maps[s->n_maps - 1] : NULL;
	struct fp_memray_map map = { .first_generation = generation };
	int err = 0;

	for (size_t i = 0; old && i < old->n && !err; i++)
		if (s->modules[old->modules[i]].last_generation >= generation)
			err = add_to_map(&map, old->modules[i]);
	if (!err && fp_grow(&s->maps, &s->room_maps, s->n_maps, sizeof(*s->maps)))
		err = -ENOMEM;
	if (err)
		free(map.modules);
	else
		s->maps[s->n_maps++] = map;
	return err;
}

/* One map is enough until an object comes to lie where another was: so a
 * program that only loads gets one, however many generations it has.  What is
 * no file, as the kernel's vdso, has no names that Memray could look up. */
static int make_maps(struct fp_memray_stacks *s, const struct fp_capture *c)
{
	uint32_t n = c->n_modules < MODULES_MAX ? c->n_modules : MODULES_MAX;
	uint32_t generation = 0;
	int err = begin_map(s, 0);

	s->modules = c->modules;
	s->module_paths = calloc((size_t)n + 1, sizeof(*s->module_paths));
	if (!s->module_paths)
		err = -ENOMEM;
	for (uint32_t i = 0; i < n && !err; i++) { /* they were listed as they came */
		const struct fp_module_record *r = &c->modules[i];
		uint32_t n_bytes;
		const char *text = fp_capture_text(c, r->path_text, &n_bytes);
		const char *path = fp_builder_string(s->source->builder, text ? text : "", n_bytes);

		s->module_paths[i] = path;
		if (!path)
			err = -ENOMEM;
		else if (path[0] == '/' && r->start < r->end && r->first_generation >= generation) {
			generation = r->first_generation;
			if (s->n_maps < MAPS_MAX && overlaps(s, &s->maps[s->n_maps - 1], r))
				err = begin_map(s, generation);
			if (!err && !overlaps(s, &s->maps[s->n_maps - 1], r))
				err = add_to_map(&s->maps[s->n_maps - 1], i);
		}
	}
	return err;
}

static uint32_t map_at(const struct fp_memray_stacks *s, uint32_t generation)
{
	uint32_t map = (uint32_t)s->n_maps - 1;

	while (map && s->maps[map].first_generation > generation)
		map--;
	return map;
}

static int open_source(struct fp_memray_stacks *s, const struct fp_memory_process *process)
{
	char error[256];
	int err;

	s->has_native = true;
	s->source = calloc(1, sizeof(*s->source));
	if (!s->source)
		return -ENOMEM;
	s->source->capture.fd = -1;
	s->source->builder = fp_builder_create();
	if (!s->source->builder)
		return -ENOMEM;
	err = fp_capture_open(process->path, false, &s->source->capture, error, sizeof(error));
	return err;
}

int fp_memray_native_make(struct fp_memray_stacks *s, const struct fp_profile *p,
			  const struct fp_memory_process *process)
{
	static const struct fp_read_options options = { .lines = true };
	const struct fp_memory_cell *cells = p->memory->cells + process->first_cell;
	struct making m = { .s = s };
	int err = open_source(s, process);

	if (err)
		return err;
	m.c = &s->source->capture;
	m.eval_ip = p->headers[process->header].mem.python_eval_pc + 1;
	m.places = calloc((size_t)m.c->n_nodes + 1, sizeof(*m.places));
	m.frames = fp_capture_frames_create(s->source->builder, m.c, &options, true, NULL);
	err = m.places && m.frames ? make_trees(&m, cells, process->n_cells) : -ENOMEM;
	if (!err)
		err = list_codes(&m);
	if (!err)
		err = make_maps(s, m.c);
	for (size_t i = 0; i < process->n_cells && !err; i++) {
		const struct place *at = &m.places[cells[i].node];

		s->of_cell[i] = (struct fp_memray_stack){ at->trace, at->native,
							  map_at(s, at->generation) };
	}
	fp_capture_frames_destroy(m.frames);
	fp_key_map_free(&m.traces);
	fp_key_map_free(&m.natives);
	free(m.places);
	free(m.code_of_frame);
	return err;
}

void fp_memray_native_free(struct fp_memray_stacks *s)
{
	for (size_t i = 0; i < s->n_maps; i++)
		free(s->maps[i].modules);
	free(s->maps);
	free(s->natives);
	free(s->module_paths);
	if (s->source) {
		fp_builder_destroy(s->source->builder);
		fp_capture_close(&s->source->capture);
		free(s->source);
	}
}
