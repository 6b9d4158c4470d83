/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures with known content.  Test support, ordinary program.
 */
#include "tests/golden/capture_writer.h"

#include "agent/capture/mem_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *append(struct capture_writer *w, enum fp_region_id id, size_t n)
{
	struct region_bytes *r = &w->regions[id];

	if (r->n + n > r->room) {
		r->room = (r->n + n) * 2 + 65536;
		r->bytes = realloc(r->bytes, r->room);
		if (!r->bytes)
			abort();
	}
	memset(r->bytes + r->n, 0, n);
	r->n += n;
	return r->bytes + r->n - n;
}

static uint32_t count(const struct capture_writer *w, enum fp_region_id id, size_t item)
{
	return (uint32_t)(w->regions[id].n / item);
}

static uint32_t add_text(struct capture_writer *w, const char *bytes, uint32_t n)
{
	uint32_t offset = (uint32_t)w->regions[FP_REGION_TEXT].n;
	char *at = append(w, FP_REGION_TEXT, (sizeof(n) + n + 7) & ~(size_t)7);

	memcpy(at, &n, sizeof(n));
	memcpy(at + sizeof(n), bytes, n);
	return offset;
}

void writer_start(struct capture_writer *w, int pid, const char *exe, const char *cmdline)
{
	struct fp_capture_header *h = &w->header;

	memset(w, 0, sizeof(*w));
	memcpy(h->magic, FP_CAPTURE_MAGIC, sizeof(h->magic));
	h->version = FP_CAPTURE_VERSION;
	h->header_bytes = sizeof(*h);
	h->pid = pid;
	h->ppid = 1;
	h->start_realtime_ns = 1700000000000000000;
	h->start_monotonic_ns = 5000000000;
	h->end_monotonic_ns = 7500000000;
	h->heartbeat_monotonic_ns = 7400000000;
	h->end_reason = FP_END_EXIT;
	h->python_state = FP_PYTHON_LIVE;
	h->python_version_hex = 0x030c01f0;
	h->settings.rate_hz = 100;
	h->settings.cpu_enabled = 1;
	h->cpu_user_ns = 1000000000;
	snprintf(h->exe, sizeof(h->exe), "%s", exe);
	snprintf(h->cwd, sizeof(h->cwd), "/home/u/project");
	h->cmdline_bytes = (uint32_t)strlen(cmdline) + 1;
	memcpy(h->cmdline, cmdline, h->cmdline_bytes);
	for (char *c = h->cmdline; *c || c < h->cmdline + h->cmdline_bytes - 1; c++)
		if (*c == ' ')
			*c = 0;
	append(w, FP_REGION_TEXT, 8);
	append(w, FP_REGION_CODES, sizeof(struct fp_code_record));
	append(w, FP_REGION_NODES, sizeof(struct fp_node));
	append(w, FP_REGION_CPU, sizeof(struct fp_cpu_slot));
}

uint32_t writer_thread(struct capture_writer *w, int tid, const char *name, unsigned flags)
{
	struct fp_thread_record *t = append(w, FP_REGION_THREADS, sizeof(*t));

	t->tid = tid;
	t->flags = flags;
	memcpy(t->name, name, strnlen(name, sizeof(t->name)));
	w->open_chunks = realloc(w->open_chunks, (w->n_threads + 1) * sizeof(*w->open_chunks));
	if (!w->open_chunks)
		abort();
	w->open_chunks[w->n_threads].chunk_plus_one = 0;
	w->open_chunks[w->n_threads].sequence = 0;
	return w->n_threads++;
}

uint32_t writer_code(struct capture_writer *w, const char *name, const char *qualname,
		     const char *file, uint32_t first_line)
{
	uint32_t id = count(w, FP_REGION_CODES, sizeof(struct fp_code_record));
	struct fp_code_record r = { .first_line = first_line, .line_table = FP_LINES_LNOTAB,
				    .address = 0x1000 + id };
	char table[200];

	for (size_t i = 0; i < sizeof(table); i += 2) {
		table[i] = 2;
		table[i + 1] = 1;
	}
	r.name_text = add_text(w, name, (uint32_t)strlen(name));
	r.qualname_text = qualname ? add_text(w, qualname, (uint32_t)strlen(qualname)) : 0;
	r.file_text = add_text(w, file, (uint32_t)strlen(file));
	r.lines_text = add_text(w, table, sizeof(table));
	memcpy(append(w, FP_REGION_CODES, sizeof(r)), &r, sizeof(r));
	return id;
}

uint32_t writer_module(struct capture_writer *w, const char *path, uint64_t start, uint64_t end)
{
	uint32_t id = count(w, FP_REGION_MODULES, sizeof(struct fp_module_record));
	struct fp_module_record m = { .start = start, .end = end, .bias = start,
				      .last_generation = UINT32_MAX };

	m.path_text = add_text(w, path, (uint32_t)strlen(path));
	memcpy(append(w, FP_REGION_MODULES, sizeof(m)), &m, sizeof(m));
	return id;
}

uint32_t writer_node(struct capture_writer *w, uint32_t parent, uint64_t key)
{
	uint32_t id = count(w, FP_REGION_NODES, sizeof(struct fp_node));
	struct fp_node *n = append(w, FP_REGION_NODES, sizeof(*n));

	n->parent = parent;
	n->key = key;
	return id;
}

uint32_t writer_python(struct capture_writer *w, uint32_t parent, uint32_t code, uint32_t k)
{
	return writer_node(w, parent, FP_KEY_MAKE_PYTHON(code, 2 * k));
}

void writer_cell(struct capture_writer *w, uint32_t thread, uint32_t stack, uint64_t samples,
		 uint64_t ns, uint64_t gil_ns, enum fp_cpu_kind kind)
{
	struct fp_cpu_slot *s = append(w, FP_REGION_CPU, sizeof(*s));

	s->stack = stack;
	s->thread = thread;
	s->samples = samples;
	s->ns[kind] = ns;
	s->gil_ns = gil_ns;
	s->gil_samples = ns ? samples * gil_ns / ns : 0;
}

void writer_sample(struct capture_writer *w, uint32_t thread, uint32_t stack, uint64_t when_us,
		   uint32_t weight_us, unsigned flags)
{
	struct fp_log_chunk *chunks = (struct fp_log_chunk *)(void *)w->regions[FP_REGION_LOG].bytes;
	struct fp_log_chunk *c = w->open_chunks[thread].chunk_plus_one ?
				 &chunks[w->open_chunks[thread].chunk_plus_one - 1] : NULL;

	if (!c || c->n_samples == FP_LOG_CHUNK_SAMPLES) {
		uint32_t at = count(w, FP_REGION_LOG, sizeof(*c));

		c = append(w, FP_REGION_LOG, sizeof(*c));
		c->thread = thread;
		c->sequence = w->open_chunks[thread].sequence++;
		w->open_chunks[thread].chunk_plus_one = (uint64_t)at + 1;
	}
	c->samples[c->n_samples++] = (struct fp_sample){
		.when = when_us | (uint64_t)flags << FP_SAMPLE_WHEN_BITS, .stack = stack,
		.weight_us = weight_us };
}

void writer_memory(struct capture_writer *w, enum fp_mem_mode mode, bool stream)
{
	struct fp_mem_cell *no_room;

	w->header.mem.mode = mode;
	w->header.mem.stream = stream;
	w->header.mem.sample_bytes = 65536;
	w->header.mem.temporary_threshold = 1;
	w->header.mem.python_allocator = 1;
	append(w, FP_REGION_MEM_CELLS, sizeof(*no_room));
	no_room = append(w, FP_REGION_MEM_CELLS, sizeof(*no_room));
	no_room->peak_id = w->header.mem.peak_id - 1;
	append(w, FP_REGION_COPIES, sizeof(struct fp_copy_slot));
}

uint32_t writer_mem_cell(struct capture_writer *w, uint32_t thread, uint32_t stack,
			 enum fp_allocator allocator, uint64_t n_bytes)
{
	uint32_t id = count(w, FP_REGION_MEM_CELLS, sizeof(struct fp_mem_cell));
	struct fp_mem_cell *c = append(w, FP_REGION_MEM_CELLS, sizeof(*c));

	c->thread = thread;
	c->stack = stack;
	c->allocator = (uint8_t)allocator;
	c->size_class = (uint16_t)fp_size_class(n_bytes);
	c->peak_id = w->header.mem.peak_id - 1;
	return id;
}

struct fp_mem_cell *writer_mem_cell_at(struct capture_writer *w, uint32_t id)
{
	struct fp_mem_cell *cells = (struct fp_mem_cell *)(void *)w->regions[FP_REGION_MEM_CELLS].bytes;

	return &cells[id];
}

void writer_mem_book(struct capture_writer *w, uint32_t id, int64_t n, uint64_t n_bytes_each)
{
	struct fp_mem_cell *c = writer_mem_cell_at(w, id);
	bool is_heap = c->allocator != FP_ALLOCATOR_CARRIER && c->allocator != FP_ALLOCATOR_FILE_MAP;

	if (c->peak_id != w->header.mem.peak_id) {
		c->peak_id = w->header.mem.peak_id;
		c->n_peak = c->n_allocs - c->n_frees;
		c->peak_bytes = c->alloc_bytes - c->freed_bytes;
	}
	if (n > 0) {
		c->n_allocs += (uint64_t)n;
		c->alloc_bytes += (uint64_t)n * n_bytes_each;
	} else {
		c->n_frees += (uint64_t)-n;
		c->freed_bytes += (uint64_t)-n * n_bytes_each;
	}
	if (is_heap)
		w->header.mem.heap_bytes += (uint64_t)n * n_bytes_each;
}

void writer_mem_edge(struct capture_writer *w)
{
	w->header.mem.peak_bytes = w->header.mem.heap_bytes;
	w->header.mem.peak_id++;
}

void writer_mem_point(struct capture_writer *w, uint64_t when_ms, uint64_t rss_bytes,
		      uint64_t heap_bytes)
{
	struct fp_mem_point *p = append(w, FP_REGION_MEM_POINTS, sizeof(*p));

	p->when_ns = when_ms * 1000000;
	p->rss_bytes = rss_bytes;
	p->heap_bytes = heap_bytes;
	p->cpu_ns = when_ms * 900000;
}

void writer_copy(struct capture_writer *w, uint32_t thread, uint32_t stack, uint64_t python_bytes,
		 uint64_t native_bytes, uint32_t n_samples)
{
	struct fp_copy_slot *s = append(w, FP_REGION_COPIES, sizeof(*s));

	w->header.mem.copies = 1;
	*s = (struct fp_copy_slot){ .thread = thread, .stack = stack, .n_samples = n_samples,
				    .bytes = { python_bytes, native_bytes },
				    .calls = { 256ull * n_samples, 0 } };
}

static void put_byte(struct capture_writer *w, uint8_t byte)
{
	*(char *)append(w, FP_REGION_MEM_STREAM, 1) = (char)byte;
}

static void put_number(struct capture_writer *w, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		put_byte(w, (uint8_t)(n | 0x80));
	put_byte(w, (uint8_t)n);
}

static void put_address(struct capture_writer *w, uint64_t address)
{
	uint64_t delta = address / 8 - w->stream.last_address;

	put_number(w, delta << 1 ^ (0 - (delta >> 63)));
	w->stream.last_address = address / 8;
}

void writer_stream_alloc(struct capture_writer *w, uint32_t id, uint64_t address, uint64_t n_bytes)
{
	uint32_t size_class = writer_mem_cell_at(w, id)->size_class;
	bool small = id != 1 && size_class <= FP_SIZE_SMALL, same = w->stream.last_cell == id;

	put_byte(w, (uint8_t)(FP_STREAM_ALLOC | (same ? FP_STREAM_SAME_CELL : 0) |
			      (small ? 16 * size_class - n_bytes : 0)));
	put_address(w, address);
	if (!same)
		put_number(w, id);
	if (!small)
		put_number(w, n_bytes);
	w->stream.last_cell = id;
}

void writer_stream_free(struct capture_writer *w, uint64_t address)
{
	put_byte(w, FP_STREAM_FREE);
	put_address(w, address);
}

void writer_stream_unmap(struct capture_writer *w, uint64_t address, uint64_t n_bytes)
{
	put_byte(w, FP_STREAM_UNMAP);
	put_number(w, address / 8);
	put_number(w, n_bytes);
}

void writer_stream_time(struct capture_writer *w, uint64_t when_ms, uint64_t rss_bytes)
{
	put_byte(w, FP_STREAM_TIME);
	put_number(w, when_ms);
	put_number(w, rss_bytes);
}

void writer_stream_thread(struct capture_writer *w, uint32_t thread)
{
	put_byte(w, FP_STREAM_THREAD);
	put_number(w, thread);
}

void writer_alloc(struct capture_writer *w, uint32_t id, uint64_t address, uint64_t n_bytes)
{
	writer_mem_book(w, id, 1, n_bytes);
	writer_stream_alloc(w, id, address, n_bytes);
}

void writer_free(struct capture_writer *w, uint32_t id, uint64_t address, uint64_t n_bytes)
{
	writer_mem_book(w, id, -1, n_bytes);
	writer_stream_free(w, address);
}

void writer_finish(struct capture_writer *w, const char *path)
{
	uint64_t at = (sizeof(w->header) + 4095) & ~4095ull;
	FILE *f = fopen(path, "wb");

	if (!f)
		abort();
	for (int i = 0; i < FP_REGION_MAX; i++) {
		struct fp_region *r = &w->header.regions[i];

		r->offset_bytes = i == FP_REGION_HEADER ? 0 : at;
		r->used_bytes = i == FP_REGION_HEADER ? sizeof(w->header) : w->regions[i].n;
		r->reserved_bytes = (r->used_bytes + 4095) & ~4095ull;
		r->populated_bytes = r->reserved_bytes;
		if (i != FP_REGION_HEADER)
			at += r->reserved_bytes;
	}
	w->header.file_bytes = at;
	if (fwrite(&w->header, 1, sizeof(w->header), f) != sizeof(w->header))
		abort();
	for (int i = 1; i < FP_REGION_MAX; i++) {
		struct region_bytes *r = &w->regions[i];

		if (r->n && (fseek(f, (long)w->header.regions[i].offset_bytes, SEEK_SET) ||
			     fwrite(r->bytes, 1, r->n, f) != r->n))
			abort();
		free(r->bytes);
	}
	if (fflush(f) || ftruncate(fileno(f), (off_t)at) || fclose(f)) /* as the agent's: whole regions */
		abort();
	free(w->open_chunks);
}
