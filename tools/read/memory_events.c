/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the stream of allocations (agent/capture/mem_stream.h).  Reader
 * stage, ordinary program.  The bytes may be hostile: what makes no sense ends
 * the stream, as nothing after it can be understood.
 */
#include "tools/read/block_map.h"
#include "tools/read/capture_file.h"
#include "tools/read/memory_in.h"

#include "agent/capture/mem_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (256u * 1024u)
#define ADDRESS_MAX (1ull << 57)
#define NO_ROOM_ID 1u /* blocks of any size */
/* Decoded ahead of their use, so that the places of their blocks are near by
 * then: with a million live blocks each would be a wait for memory. */
#define AHEAD 64u

/* A record as it was written. */
struct record {
	enum fp_memory_event_kind kind;
	uint32_t id;              /* ALLOC */
	uint32_t thread;          /* of the profile */
	uint64_t address, n_bytes;
	uint64_t when_ms, rss_bytes; /* TIME */
};

struct decoding {
	const struct fp_memory_stream *stream;
	int fd;
	/* bytes: [next, end) of the buffer, behind which zeros end any number */
	uint8_t *buffer;
	const uint8_t *next, *end;
	uint64_t n_left_bytes, offset_bytes;
	/* what records refer to */
	uint64_t last_address; /* / 8 */
	uint32_t last_id, thread;
	bool ended;
	/* what lives */
	struct fp_block_map blocks;
	struct fp_range_map ranges;
	uint64_t when_ms;
	int (*take)(void *ctx, const struct fp_memory_event *event);
	void *ctx;
};

/* Moves what is left to the front and reads on. */
static void fill(struct decoding *d)
{
	size_t n_kept = (size_t)(d->end - d->next);
	size_t n_room = BUFFER_BYTES - n_kept;
	size_t n = d->n_left_bytes < n_room ? (size_t)d->n_left_bytes : n_room;

	memmove(d->buffer, d->next, n_kept);
	size_t got = fp_capture_read_at(d->fd, d->buffer + n_kept, n, d->offset_bytes);
	d->offset_bytes += got;
	d->n_left_bytes = got < n ? 0 : d->n_left_bytes - got;
	d->next = d->buffer;
	d->end = d->buffer + n_kept + got;
	memset(d->buffer + n_kept + got, 0, FP_STREAM_RECORD_BYTES);
}

/* LEB128; the caller sees by the place whether the bytes were there. */
static inline uint64_t take_number(const uint8_t **at)
{
	const uint8_t *p = *at;
	uint64_t value = *p & 0x7f;

	for (unsigned shift = 7; *p & 0x80 && shift < 64; shift += 7)
		value |= (uint64_t)(*++p & 0x7f) << shift;
	*at = p + 1;
	return value;
}

static inline uint64_t take_address(struct decoding *d, const uint8_t **at)
{
	uint64_t z = take_number(at);

	d->last_address += (z >> 1) ^ (0 - (z & 1));
	return d->last_address * 8;
}

/* No address is 0 or beyond what a process can have. */
static bool is_place(uint64_t address, uint64_t n_bytes)
{
	return address && address < ADDRESS_MAX && n_bytes <= ADDRESS_MAX - address;
}

static bool take_alloc(struct decoding *d, uint8_t tag, const uint8_t **at, struct record *r)
{
	const struct fp_memory_stream_cell *cell;

	r->kind = FP_MEMORY_ALLOC;
	r->address = take_address(d, at);
	if (!(tag & FP_STREAM_SAME_CELL)) {
		uint64_t id = take_number(at);

		d->last_id = id < d->stream->n_cells ? (uint32_t)id : 0;
	}
	r->id = d->last_id;
	if (!r->id)
		return false;
	cell = &d->stream->cells[r->id];
	if (r->id == NO_ROOM_ID || cell->size_class > FP_SIZE_SMALL) {
		r->n_bytes = take_number(at);
	} else {
		uint32_t slack = tag & FP_STREAM_SLACK;

		if (cell->allocator == FP_ALLOCATOR_NONE || slack > 16u * cell->size_class)
			return false;
		r->n_bytes = 16u * cell->size_class - slack;
	}
	r->thread = d->thread = cell->thread;
	return is_place(r->address, r->n_bytes);
}

/* false: the bytes make no sense. */
static bool take_other(struct decoding *d, uint8_t tag, const uint8_t **at, struct record *r)
{
	uint64_t thread;

	switch (tag) {
	case FP_STREAM_TIME:
		r->kind = FP_MEMORY_TIME;
		r->when_ms = take_number(at);
		r->rss_bytes = take_number(at);
		return r->when_ms <= FP_CAPTURE_SUM_MAX && r->rss_bytes <= FP_CAPTURE_SUM_MAX;
	case FP_STREAM_UNMAP:
		r->kind = FP_MEMORY_UNMAP;
		r->address = take_number(at);
		r->n_bytes = take_number(at);
		if (r->address > ADDRESS_MAX / 8)
			return false;
		r->address *= 8;
		r->thread = d->thread;
		return is_place(r->address, r->n_bytes);
	case FP_STREAM_THREAD:
		thread = take_number(at);
		d->thread = thread < d->stream->n_threads ? d->stream->threads[thread] : UINT32_MAX;
		return true;
	default:
		return false;
	}
}

/* The next record that is an event.  false: there is no more. */
static bool take_record(struct decoding *d, struct record *r)
{
	for (;;) {
		const uint8_t *at;
		bool sane = true, is_event = true;

		if (d->end - d->next < FP_STREAM_RECORD_BYTES && d->n_left_bytes)
			fill(d);
		if (d->next >= d->end)
			return false;
		at = d->next + 1;
		uint8_t tag = *d->next;
		if ((tag & 0xc0u) == FP_STREAM_FREE) {
			r->kind = FP_MEMORY_FREE;
			r->address = take_address(d, &at);
			r->thread = d->thread;
			sane = is_place(r->address, 0);
		} else if ((tag & 0xc0u) == FP_STREAM_ALLOC) {
			sane = take_alloc(d, tag, &at, r);
		} else {
			sane = take_other(d, tag, &at, r);
			is_event = tag != FP_STREAM_THREAD;
		}
		if (!sane || at > d->end)
			return false;
		d->next = at;
		if (is_event)
			return true;
	}
}

static bool is_range(const struct decoding *d, uint32_t id)
{
	uint8_t allocator = d->stream->cells[id].allocator;

	return allocator == FP_ALLOCATOR_MMAP || allocator == FP_ALLOCATOR_BRK;
}

/* A block, or a part of a mapping, ends. */
static int give_end(struct decoding *d, enum fp_memory_event_kind kind, const struct fp_block *block,
		    uint32_t thread)
{
	struct fp_memory_event e = { .kind = kind, .cell = UINT32_MAX, .thread = thread,
				     .address = block->address, .size = block->n_bytes,
				     .when_ms = d->when_ms, .born_ms = block->born_ms };

	if (block->id != UINT32_MAX) {
		e.cell = d->stream->cells[block->id].cell;
		if (e.cell == UINT32_MAX)
			return 0;
	}
	return d->take(d->ctx, &e);
}

/* known_only: what the stream does not know is no event. */
static int end_range(struct decoding *d, const struct record *r, bool known_only)
{
	uint64_t address = r->address, n_bytes = r->n_bytes;
	int stop = 0;

	while (n_bytes && !stop) {
		struct fp_block piece;

		stop = fp_range_map_cut(&d->ranges, address, n_bytes, &piece);
		if (stop == -E2BIG) {
			d->ended = true;
			return 0;
		}
		if (stop)
			return stop;
		address += piece.n_bytes;
		n_bytes -= piece.n_bytes;
		if (piece.id != UINT32_MAX || !known_only)
			stop = give_end(d, FP_MEMORY_UNMAP, &piece, r->thread);
	}
	return stop;
}

static int give_alloc(struct decoding *d, const struct record *r)
{
	struct fp_block old = { 0 }, block = {
		.address = r->address, .n_bytes = r->n_bytes, .id = r->id,
		.born_ms = d->when_ms < UINT32_MAX ? (uint32_t)d->when_ms : UINT32_MAX };
	struct fp_memory_event e = { .kind = FP_MEMORY_ALLOC, .cell = d->stream->cells[r->id].cell,
				     .thread = r->thread, .address = r->address,
				     .size = r->n_bytes, .when_ms = d->when_ms };
	int stop;

	if (is_range(d, r->id)) {
		stop = end_range(d, r, true);
		if (!stop && r->n_bytes && !d->ended) {
			stop = fp_range_map_add(&d->ranges, &block);
			if (stop == -E2BIG) {
				d->ended = true;
				return 0;
			}
		}
	} else {
		stop = fp_block_map_add(&d->blocks, &block, &old);
		if (!stop && old.address)
			stop = give_end(d, FP_MEMORY_FREE, &old, r->thread);
	}
	if (stop || d->ended || e.cell == UINT32_MAX)
		return stop;
	return d->take(d->ctx, &e);
}

static int give(struct decoding *d, const struct record *r)
{
	struct fp_block block = { .address = r->address, .id = UINT32_MAX };
	struct fp_memory_event e = { .kind = FP_MEMORY_TIME, .cell = UINT32_MAX,
				     .thread = UINT32_MAX };

	switch (r->kind) {
	case FP_MEMORY_ALLOC:
		return give_alloc(d, r);
	case FP_MEMORY_FREE:
		(void)fp_block_map_take(&d->blocks, r->address, &block);
		return give_end(d, FP_MEMORY_FREE, &block, r->thread);
	case FP_MEMORY_UNMAP:
		return end_range(d, r, false);
	case FP_MEMORY_TIME:
		if (r->when_ms > d->when_ms)
			d->when_ms = r->when_ms;
		e.when_ms = d->when_ms;
		e.rss_bytes = r->rss_bytes;
		return d->take(d->ctx, &e);
	}
	return 0;
}

static int decode(struct decoding *d)
{
	struct record ahead[AHEAD];
	uint32_t n = AHEAD;
	int stop = 0;

	while (n == AHEAD && !stop && !d->ended) {
		for (n = 0; n < AHEAD && take_record(d, &ahead[n]); n++)
			fp_block_map_prefetch(&d->blocks, ahead[n].address);
		for (uint32_t i = 0; i < n && !stop && !d->ended; i++)
			stop = give(d, &ahead[i]);
	}
	return stop;
}

int fp_memory_events(const struct fp_profile *p, const struct fp_memory_process *process,
		     int (*take)(void *ctx, const struct fp_memory_event *event), void *ctx)
{
	const struct fp_memory_stream *s = process->stream;
	struct decoding d = { .stream = s, .take = take, .ctx = ctx, .thread = UINT32_MAX };
	struct stat st;
	int err;

	(void)p;
	if (!s)
		return -ENOENT;
	d.fd = open(process->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (d.fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	err = fstat(d.fd, &st) < 0 ? -errno : 0;
	if (!err && (st.st_dev != s->device || st.st_ino != s->inode))
		err = -ESTALE;
	d.buffer = err ? NULL : calloc(1, BUFFER_BYTES + FP_STREAM_RECORD_BYTES);
	if (!err && !d.buffer)
		err = -ENOMEM;
	if (!err) {
		d.next = d.end = d.buffer;
		d.offset_bytes = s->offset_bytes;
		d.n_left_bytes = s->n_bytes;
		err = decode(&d);
	}
	fp_block_map_free(&d.blocks);
	fp_range_map_free(&d.ranges);
	free(d.buffer);
	close(d.fd);
	return err;
}
