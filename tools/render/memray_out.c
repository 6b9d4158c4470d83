/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memray_out.h.  Numbers are LEB128, signed ones zigzag before, fields
 * that move little as the difference to their last value; what is raw is
 * little endian without padding.  Render stage, ordinary program.
 */
#include "tools/render/memray_out.h"

#include "tools/render/lz4_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRAILER = 1, RSS = 2, NATIVE = 5, MAP_START = 6, MODULE = 7, SEGMENT = 8, THREAD_NAME = 10,
	THREAD = 12, CODE = 14, POP = 16, PUSH = 64, ALLOCATION = 128,
	/* in an aggregated capture */
	POINT = 1, SUM = 2, TRACE = 3, FRAME = 4, AGGREGATED_TRAILER = 15,
};

#define FORMAT_VERSION 13
#define N_RECENT 15u
#define RECORD_BYTES 96u /* no record without text is longer */

struct fp_memray_out {
	struct fp_lz4_out *lz4;
	enum fp_memray_format format;
	bool native;
	uint32_t python_version_hex;
	int err;
	uint64_t last_ip, last_address, last_native, last_line;
	uint64_t recent[N_RECENT]; /* addresses, newest first; hits do not move */
	size_t n;
	unsigned char bytes[FP_LZ4_BLOCK_BYTES];
};

static void flush(struct fp_memray_out *m)
{
	if (!m->err)
		m->err = fp_lz4_write(m->lz4, m->bytes, m->n);
	m->n = 0;
}

static void begin_record(struct fp_memray_out *m, unsigned tag)
{
	if (sizeof(m->bytes) - m->n < RECORD_BYTES)
		flush(m);
	m->bytes[m->n++] = (unsigned char)tag;
}

static void put_bytes(struct fp_memray_out *m, const void *bytes, size_t n_bytes)
{
	if (sizeof(m->bytes) - m->n < n_bytes + RECORD_BYTES) {
		flush(m);
		if (n_bytes > sizeof(m->bytes) / 2) {
			if (!m->err)
				m->err = fp_lz4_write(m->lz4, bytes, n_bytes);
			return;
		}
	}
	memcpy(m->bytes + m->n, bytes, n_bytes);
	m->n += n_bytes;
}

static void put_text(struct fp_memray_out *m, const char *text)
{
	put_bytes(m, text, strlen(text) + 1);
}

static void put_u64(struct fp_memray_out *m, uint64_t value)
{
	memcpy(m->bytes + m->n, &value, sizeof(value));
	m->n += sizeof(value);
}

static void put_number(struct fp_memray_out *m, uint64_t value)
{
	for (; value > 127; value >>= 7)
		m->bytes[m->n++] = (unsigned char)(value | 128);
	m->bytes[m->n++] = (unsigned char)value;
}

static void put_change(struct fp_memray_out *m, uint64_t *last, uint64_t value)
{
	uint64_t change = value - *last;

	put_number(m, change << 1 ^ (0 - (change >> 63)));
	*last = value;
}

struct fp_memray_out *fp_memray_out_begin(FILE *file)
{
	struct fp_memray_out *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->lz4 = fp_lz4_begin(file);
	if (!m->lz4) {
		free(m);
		return NULL;
	}
	return m;
}

int fp_memray_out_end(struct fp_memray_out *m)
{
	int err, ended;

	begin_record(m, m->format == FP_MEMRAY_ALL ? TRAILER : AGGREGATED_TRAILER);
	flush(m);
	err = m->err;
	ended = fp_lz4_end(m->lz4);
	free(m);
	return err ? err : ended;
}

static void put_texts(struct fp_memray_out *m, const char *const *texts)
{
	for (; *texts; texts++)
		put_text(m, *texts);
	put_text(m, "");
}

void fp_memray_put_header(struct fp_memray_out *m, const struct fp_memray_header *h)
{
	const int32_t version = FORMAT_VERSION;
	const uint8_t kinds[2] = { h->native, (uint8_t)h->format };
	/* pymalloc and the like; Python's allocations are in; objects' lives are not */
	const uint8_t traced[3] = { h->python_allocator, 1, 0 };

	m->format = h->format;
	m->native = h->native;
	m->python_version_hex = h->python_version_hex;
	put_text(m, "memray");
	put_bytes(m, &version, sizeof(version));
	put_bytes(m, &h->python_version_hex, sizeof(h->python_version_hex));
	put_bytes(m, kinds, sizeof(kinds));
	put_u64(m, h->n_records);
	put_u64(m, h->n_frames);
	put_u64(m, (uint64_t)h->start_ms);
	put_u64(m, (uint64_t)h->end_ms);
	put_text(m, h->command_line);
	put_bytes(m, &h->pid, sizeof(h->pid));
	put_u64(m, h->main_tid);
	put_u64(m, 0); /* frames to leave out in the main thread */
	put_bytes(m, traced, sizeof(traced));
	put_text(m, h->paths.libdest);
	put_texts(m, h->paths.site_packages);
	put_texts(m, h->paths.sys_path);
}

void fp_memray_put_thread(struct fp_memray_out *m, uint64_t tid)
{
	begin_record(m, THREAD);
	put_u64(m, tid);
}

void fp_memray_put_thread_name(struct fp_memray_out *m, const char *name)
{
	begin_record(m, THREAD_NAME);
	put_text(m, name);
}

void fp_memray_put_code(struct fp_memray_out *m, uint64_t id, const struct fp_frame *f)
{
	/* A line table that says: the first instruction is of the first line.
	 * From 3.11 on one entry without columns, before a step of no lines. */
	const unsigned char table[2] = { m->python_version_hex >= 0x030b0000 ? 0xe8 : 2, 0 };

	begin_record(m, CODE);
	put_number(m, id);
	put_text(m, f->name);
	put_text(m, f->kind == FP_FRAME_MARK ? "<filperf>" : f->file);
	put_change(m, &m->last_line, f->line <= INT32_MAX ? f->line : 0);
	put_number(m, f->line ? sizeof(table) : 0);
	if (f->line)
		put_bytes(m, table, sizeof(table));
}

void fp_memray_put_native(struct fp_memray_out *m, uint64_t ip, uint64_t parent)
{
	begin_record(m, NATIVE);
	put_change(m, &m->last_ip, ip);
	put_change(m, &m->last_native, parent);
}

void fp_memray_put_map_start(struct fp_memray_out *m)
{
	begin_record(m, MAP_START);
}

/* One segment for the whole object: Memray wants them only to find the object
 * of an address, and the loader gives nobody else the room between them. */
void fp_memray_put_module(struct fp_memray_out *m, const char *path,
			  const struct fp_module_record *r)
{
	begin_record(m, MODULE);
	put_text(m, path);
	put_number(m, 1);
	put_u64(m, r->bias);
	begin_record(m, SEGMENT);
	put_u64(m, r->start - r->bias);
	put_number(m, r->end - r->start);
}

void fp_memray_put_pop(struct fp_memray_out *m, uint32_t n)
{
	for (; n > 16; n -= 16)
		begin_record(m, POP | 15);
	if (n)
		begin_record(m, POP | (n - 1));
}

void fp_memray_put_push(struct fp_memray_out *m, uint64_t code_id, bool is_entry)
{
	begin_record(m, PUSH | is_entry);
	put_number(m, code_id);
	put_number(m, 0); /* instruction */
}

static void begin_event(struct fp_memray_out *m, uint8_t allocator, uint64_t address)
{
	unsigned kind = allocator < 8 ? allocator : 0, at = 0;

	while (at < N_RECENT && m->recent[at] != address)
		at++;
	begin_record(m, ALLOCATION | at << 3 | kind);
	if (at == N_RECENT) {
		memmove(m->recent + 1, m->recent, sizeof(m->recent) - sizeof(m->recent[0]));
		m->recent[0] = address;
		put_change(m, &m->last_address, address >> 3);
	}
	if (!kind)
		m->bytes[m->n++] = allocator;
}

void fp_memray_put_alloc(struct fp_memray_out *m, uint8_t allocator, uint64_t address,
			 uint64_t size, uint64_t native)
{
	begin_event(m, allocator, address & ~7ull);
	if (m->native)
		put_change(m, &m->last_native, native);
	put_number(m, size);
}

void fp_memray_put_free(struct fp_memray_out *m, bool of_python, uint64_t address)
{
	begin_event(m, of_python ? FP_MEMRAY_PYTHON_FREE : FP_MEMRAY_FREE, address & ~7ull);
}

void fp_memray_put_unmap(struct fp_memray_out *m, uint64_t address, uint64_t size)
{
	fp_memray_put_alloc(m, FP_MEMRAY_MUNMAP, address, size, 0);
}

void fp_memray_put_rss(struct fp_memray_out *m, uint64_t ms_since_start, uint64_t rss_bytes)
{
	begin_record(m, RSS);
	put_number(m, rss_bytes);
	put_number(m, ms_since_start);
}

void fp_memray_put_point(struct fp_memray_out *m, uint64_t epoch_ms, uint64_t rss_bytes,
			 uint64_t heap_bytes)
{
	begin_record(m, POINT);
	put_u64(m, epoch_ms);
	put_u64(m, rss_bytes);
	put_u64(m, heap_bytes);
}

void fp_memray_put_frame(struct fp_memray_out *m, uint64_t id, uint64_t code_id, bool is_entry)
{
	begin_record(m, FRAME);
	put_number(m, id);
	put_number(m, code_id);
	put_number(m, 0); /* instruction */
	m->bytes[m->n++] = is_entry;
}

void fp_memray_put_trace(struct fp_memray_out *m, uint64_t frame_id, uint64_t parent)
{
	begin_record(m, TRACE);
	put_number(m, frame_id);
	put_number(m, parent);
}

void fp_memray_put_sum(struct fp_memray_out *m, const struct fp_memray_sum *s)
{
	begin_record(m, SUM); /* then Memray's struct as it lies in memory */
	put_u64(m, s->tid);
	put_u64(m, s->allocator);
	put_u64(m, s->native);
	put_u64(m, s->trace);
	put_u64(m, s->map);
	put_u64(m, s->n_peak);
	put_u64(m, s->n_leaked);
	put_u64(m, s->peak_bytes);
	put_u64(m, s->leaked_bytes);
}
