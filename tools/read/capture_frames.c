/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves frame keys.  Reader stage, ordinary program; keys come from a file
 * that may be hostile, so every id in them is checked.
 */
#include "tools/read/capture_frames.h"

#include "agent/python/python.h"
#include "tools/read/key_map.h"
#include "tools/read/symbol_name.h"
#include "tools/read/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames of a key, outermost first, in frames[]. */
struct resolved {
	uint32_t first, n;
	bool is_startup;
};

struct fp_capture_frames {
	struct fp_builder *b;
	const struct fp_capture *c;
	const struct fp_read_options *options;
	bool native;
	struct fp_symbols *symbols;
	struct fp_key_map by_key;
	struct resolved *resolved;
	size_t n_resolved, room_resolved;
	uint32_t *frames;
	size_t n_frames, room_frames;
};

struct fp_capture_frames *fp_capture_frames_create(struct fp_builder *b,
						   const struct fp_capture *c,
						   const struct fp_read_options *o,
						   bool native, struct fp_symbols *symbols)
{
	struct fp_capture_frames *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->b = b;
	f->c = c;
	f->options = o;
	f->native = native;
	f->symbols = symbols;
	return f;
}

void fp_capture_frames_are_native(struct fp_capture_frames *f, bool native)
{
	f->native = native;
}

void fp_capture_frames_destroy(struct fp_capture_frames *f)
{
	if (!f)
		return;
	fp_key_map_free(&f->by_key);
	free(f->resolved);
	free(f->frames);
	free(f);
}

static int add_frame(struct fp_capture_frames *f, struct fp_frame *frame)
{
	uint32_t id;

	if (!frame->name || !frame->qualname || !frame->file)
		return -1;
	if (!f->options->lines)
		frame->line = 0;
	id = fp_builder_frame(f->b, frame);
	if (id == UINT32_MAX ||
	    fp_grow(&f->frames, &f->room_frames, f->n_frames, sizeof(*f->frames)))
		return -1;
	f->frames[f->n_frames++] = id;
	return 0;
}

static const char *text_of(struct fp_capture_frames *f, uint32_t offset)
{
	uint32_t n_bytes;
	const char *bytes = fp_capture_text(f->c, offset, &n_bytes);

	return fp_builder_string(f->b, bytes ? bytes : "", n_bytes);
}

static int resolve_python(struct fp_capture_frames *f, uint64_t key)
{
	uint32_t code = FP_KEY_CODE(key), n_bytes, column;
	struct fp_frame frame = { .kind = FP_FRAME_PYTHON };

	if (!code || code >= f->c->n_codes) {
		frame.name = frame.qualname = fp_builder_string(f->b, "[unnamed function]", 18);
		frame.file = fp_builder_string(f->b, "", 0);
		return add_frame(f, &frame);
	}
	const struct fp_code_record *r = &f->c->codes[code];
	const char *lines = fp_capture_text(f->c, r->lines_text, &n_bytes);

	frame.name = text_of(f, r->name_text);
	if (frame.name && !frame.name[0])
		frame.name = fp_builder_string(f->b, "[unnamed function]", 18);
	frame.qualname = r->qualname_text ? text_of(f, r->qualname_text) : frame.name;
	if (frame.qualname && !frame.qualname[0])
		frame.qualname = frame.name;
	frame.file = text_of(f, r->file_text);
	frame.first_line = r->first_line;
	/* A frame that is just beginning stands where CPython's f_lineno says. */
	if (FP_KEY_OFFSET(key) < 0)
		frame.line = r->first_line;
	else if (lines)
		frame.line = fp_python_line(r->line_table, lines, n_bytes, r->first_line,
					    FP_KEY_OFFSET(key), &column);
	return add_frame(f, &frame);
}

static int resolve_mark(struct fp_capture_frames *f, uint64_t key)
{
	static const char *const names[] = {
#define X(name, text, why) text,
		FP_MARKS(X)
#undef X
	};
	uint32_t mark = (uint32_t)key;
	const char *name = mark < FP_MARK_MAX ? names[mark] : "[unknown mark]";
	struct fp_frame frame = { .kind = FP_FRAME_MARK };

	frame.name = frame.qualname = fp_builder_string(f->b, name, strlen(name));
	frame.file = fp_builder_string(f->b, "", 0);
	return add_frame(f, &frame);
}

#define INLINED_MAX 32

/* The object that was loaded at pc when the stack was taken. */
static const struct fp_module_record *module_at(const struct fp_capture *c, uint64_t key)
{
	uint64_t pc = FP_KEY_PC(key);
	uint32_t generation = FP_KEY_GENERATION(key);

	for (uint32_t i = 0; i < c->n_modules; i++) {
		const struct fp_module_record *r = &c->modules[i];

		if (pc >= r->start && pc < r->end && generation >= r->first_generation &&
		    generation <= r->last_generation)
			return r;
	}
	return NULL;
}

static int add_symbols(struct fp_capture_frames *f, const struct fp_module_record *m,
		       const char *path, uint64_t address)
{
	struct fp_symbol_frame found[INLINED_MAX];
	unsigned n_id = m->build_id_bytes <= sizeof(m->build_id) ? m->build_id_bytes : 0;

	unsigned n = fp_symbols_resolve(f->symbols, path, m->build_id, n_id, address, found,
					INLINED_MAX);

	while (n-- > 0) { /* they come innermost first */
		const struct fp_symbol_frame *s = &found[n];
		struct fp_frame frame = { .kind = FP_FRAME_NATIVE, .line = s->line,
					  .first_line = s->first_line, .inlined = s->inlined };

		frame.name = frame.qualname = fp_builder_string(f->b, s->name, strlen(s->name));
		frame.file = fp_builder_string(f->b, s->file, strlen(s->file));
		if (add_frame(f, &frame))
			return -1;
	}
	return 0;
}

static int resolve_native(struct fp_capture_frames *f, uint64_t key)
{
	const struct fp_module_record *m = module_at(f->c, key);
	struct fp_frame frame = { .kind = FP_FRAME_NATIVE };
	const char *path = m ? text_of(f, m->path_text) : "", *base;
	uint64_t address = FP_KEY_PC(key) - (m ? m->bias : 0);
	char name[512];

	if (!path)
		return -1;
	if (m && f->symbols)
		return add_symbols(f, m, path, address);
	base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	snprintf(name, sizeof(name), "%.400s%s0x%llx", base, *base ? "+" : "",
		 (unsigned long long)address);
	frame.name = frame.qualname = fp_builder_string(f->b, name, strlen(name));
	frame.file = fp_builder_string(f->b, path, strlen(path));
	return add_frame(f, &frame);
}

static int resolve(struct fp_capture_frames *f, uint64_t key, struct resolved *r)
{
	int err;

	r->first = (uint32_t)f->n_frames;
	if (FP_KEY_KIND(key) == FP_KEY_PYTHON)
		err = resolve_python(f, key);
	else if (FP_KEY_KIND(key) == FP_KEY_NATIVE)
		err = resolve_native(f, key);
	else
		err = resolve_mark(f, FP_KEY_KIND(key) == FP_KEY_MARK ? key : UINT32_MAX);
	r->n = (uint32_t)f->n_frames - r->first;
	return err;
}

/* Only the outermost frames: a function of the program may have such a name. */
static bool is_startup(const struct fp_capture_frames *f, const struct resolved *r)
{
	const struct fp_frame *frames = fp_builder_profile(f->b)->frames;
	bool is = r->n > 0;

	for (uint32_t i = 0; i < r->n && is; i++) {
		const struct fp_frame *frame = &frames[f->frames[r->first + i]];

		is = frame->kind == FP_FRAME_NATIVE && fp_symbol_is_startup(frame->name);
	}
	return is;
}

static const struct resolved *resolved_of(struct fp_capture_frames *f, uint64_t key)
{
	uint32_t at = fp_key_map_find(&f->by_key, key, NULL, NULL);

	if (at == FP_KEY_MISSING) {
		if (fp_grow(&f->resolved, &f->room_resolved, f->n_resolved,
			    sizeof(*f->resolved)) ||
		    resolve(f, key, &f->resolved[f->n_resolved]) ||
		    fp_key_map_add(&f->by_key, key, (uint32_t)f->n_resolved))
			return NULL;
		at = (uint32_t)f->n_resolved++;
		f->resolved[at].is_startup = is_startup(f, &f->resolved[at]);
	}
	return &f->resolved[at];
}

static uint32_t push_frames(struct fp_capture_frames *f, uint32_t parent, const struct resolved *r)
{
	for (uint32_t i = 0; i < r->n && parent != UINT32_MAX; i++)
		parent = fp_builder_node(f->b, parent, f->frames[r->first + i]);
	return parent;
}

static bool is_python_only(const struct fp_capture_frames *f)
{
	const struct fp_capture_header *h = &f->c->header;

	return !f->native &&
	       (h->python_state == FP_PYTHON_FOUND || h->python_state == FP_PYTHON_LIVE);
}

uint32_t fp_capture_frames_push(struct fp_capture_frames *f, uint32_t parent, uint64_t key)
{
	const struct resolved *r;

	if (FP_KEY_KIND(key) == FP_KEY_NATIVE && is_python_only(f)) {
		if (parent)
			return parent;
		key = FP_KEY_MAKE_MARK(FP_MARK_no_python_frame);
	}
	r = resolved_of(f, key);
	if (!r)
		return UINT32_MAX;
	return !parent && r->is_startup ? parent : push_frames(f, parent, r);
}

uint32_t fp_capture_frames_push_alone(struct fp_capture_frames *f, uint64_t key)
{
	const struct resolved *r = resolved_of(f, key);

	return r ? push_frames(f, 0, r) : UINT32_MAX;
}
