/* SPDX-License-Identifier: Apache-2.0 */
/* See mem_stream.h.  The ledger's lock is held. */
#include "agent/ledger/mem_stream.h"

#include "agent/base/clock.h"
#include "agent/capture/mem_stream.h"
#include "agent/ledger/mem_ledger.h"

static struct {
	uint8_t *bytes;          /* of the region; NULL: not written */
	uint64_t used, room;     /* room: populated */
	uint64_t last_address;   /* / 8 */
	uint32_t last_cell, thread;
	/* What holds if the record that begins at begun is never finished: its
	 * writer was left half-way (lock.h). */
	uint64_t begun, kept_address;
} stream;

void fp_mem_stream_init(void)
{
	struct fp_segment *s = fp_mem_ledger.segment;

	stream.bytes = fp_mem_ledger.stream ? fp_segment_at(s, FP_REGION_MEM_STREAM) : NULL;
	stream.used = stream.room = stream.last_address = 0;
	stream.last_cell = 0;
	stream.thread = UINT32_MAX;
	stream.begun = UINT64_MAX;
}

static FP_COLD bool stop(void)
{
	struct fp_segment *s = fp_mem_ledger.segment;

	fp_mem_ledger.stream = false; /* lock_all stays: others may be waiting */
	stream.bytes = NULL;
	fp_loss_count(s, FP_LOSS_mem_stream_stopped);
	s->header->mem.stream_stopped_ns = (uint64_t)(fp_clock_monotonic_ns() - s->header->start_monotonic_ns);
	return false;
}

static FP_COLD bool make_room(void)
{
	struct fp_segment *s = fp_mem_ledger.segment;
	const struct fp_region *r = &s->header->regions[FP_REGION_MEM_STREAM];
	uint64_t want = stream.used + (1u << 18);

	if (want > r->reserved_bytes)
		want = r->reserved_bytes;
	if (want < stream.used + FP_STREAM_RECORD_BYTES || fp_segment_populate(s, FP_REGION_MEM_STREAM, want) < 0)
		return stop();
	stream.room = want;
	return true;
}

static FP_COLD void take_back(void)
{
	stream.last_address = stream.kept_address;
	stream.last_cell = 0;
	stream.thread = UINT32_MAX;
}

/* Where the next record goes; NULL: the stream has ended. */
static inline uint8_t *begin(void)
{
	if (fp_unlikely(!stream.bytes))
		return NULL;
	if (fp_unlikely(stream.used + FP_STREAM_RECORD_BYTES > stream.room) && !make_room())
		return NULL;
	if (fp_unlikely(stream.begun == stream.used))
		take_back();
	stream.kept_address = stream.last_address;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	stream.begun = stream.used;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return stream.bytes + stream.used;
}

static inline void finish(const uint8_t *end)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	stream.used = (uint64_t)(end - stream.bytes);
	__atomic_store_n(&fp_mem_ledger.segment->header->regions[FP_REGION_MEM_STREAM].used_bytes, stream.used,
			 __ATOMIC_RELEASE);
}

static inline uint8_t *put(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static inline uint8_t *put_address(uint8_t *to, uintptr_t address)
{
	int64_t delta = (int64_t)(address / 8 - stream.last_address);

	stream.last_address = address / 8;
	return put(to, ((uint64_t)delta << 1) ^ (uint64_t)(delta >> 63));
}

void fp_mem_stream_thread(uint32_t thread)
{
	uint8_t *to;

	if (fp_likely(thread == stream.thread))
		return;
	to = begin();
	if (!to)
		return;
	stream.thread = thread;
	*to++ = FP_STREAM_THREAD;
	finish(put(to, thread));
}

void fp_mem_stream_alloc(uint32_t cell, const struct fp_mem_cell *c, uintptr_t address, uint64_t n_bytes)
{
	uint8_t *to = begin();
	uint32_t small = c->size_class <= FP_SIZE_SMALL && cell != FP_MEM_CELL_NO_ROOM;

	if (!to)
		return;
	*to = FP_STREAM_ALLOC | (uint8_t)(small ? c->size_class * 16u - n_bytes : 0);
	if (cell == stream.last_cell)
		*to |= FP_STREAM_SAME_CELL;
	to = put_address(to + 1, address);
	if (cell != stream.last_cell)
		to = put(to, cell);
	if (!small)
		to = put(to, n_bytes);
	stream.last_cell = cell;
	stream.thread = c->thread;
	finish(to);
}

void fp_mem_stream_free(uintptr_t address)
{
	uint8_t *to = begin();

	if (!to)
		return;
	*to = FP_STREAM_FREE;
	finish(put_address(to + 1, address));
}

void fp_mem_stream_unmap(uintptr_t address, uint64_t n_bytes)
{
	uint8_t *to = begin();

	if (!to)
		return;
	*to = FP_STREAM_UNMAP;
	finish(put(put(to + 1, address / 8), n_bytes));
}

void fp_mem_stream_time(uint64_t when_ms, uint64_t rss_bytes)
{
	uint8_t *to = begin();

	if (!to)
		return;
	*to = FP_STREAM_TIME;
	finish(put(put(to + 1, when_ms), rss_bytes));
}
