/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What memory recording does from time to time, inside a hook that was there
 * anyway: the timeline, checkpoints of growth, the balance at the peak, and the
 * end.  One thread at a time does it.  Raw reads of /proc; a descriptor is open for
 * the length of one read.
 */
#include "agent/hot/allocations.h"

#include "agent/agent.h"
#include "agent/base/clock.h"
#include "agent/base/safe_load.h"
#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/ledger/mem_ranges.h"
#include "agent/ledger/mem_stream.h"
#include "agent/ledger/node_table.h"

#define TICK_LEAST_NS 10000000
#define TICKS_SHARE 4096       /* a tick is at least this part of the run */
#define CHECKPOINT_LEAST_NS 20000000
#define CHECKPOINTS_SHARE 128
#define GENERATION_FIRST_MS 100
#define BALANCE_STEP_BYTES (256u << 10)
#define BALANCE_LEAST_NS 50000000
#define STATUS_BYTES 4096

static int64_t next_tick_ns, next_checkpoint_ns, next_balance_ns;
static uint64_t balance_at_bytes; /* heap at which the balance is taken again */
static char status[STATUS_BYTES]; /* whoever ticks owns it */

static int64_t since_start_ns(void)
{
	return fp_clock_monotonic_ns() - fp_context.segment.header->start_monotonic_ns;
}

static uint64_t number_after(const char *text, const char *name)
{
	size_t n = fp_text_length(name);
	uint64_t value = 0;

	for (; *text; text++) {
		if (fp_text_starts(text, name)) {
			for (text += n; *text == ' ' || *text == '\t';)
				text++;
			for (; *text >= '0' && *text <= '9'; text++)
				value = value * 10 + (uint64_t)(*text - '0');
			return value;
		}
		while (*text && *text != '\n')
			text++;
		if (!*text)
			break;
	}
	return 0;
}

/* A handler of the program that jumped out of here would leave a descriptor
 * behind, so it waits; faults do not. */
static uint64_t hold_handlers(void)
{
	uint64_t faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1) | 1ull << (SIGILL - 1) | 1ull << (SIGFPE - 1) |
			  1ull << (SIGTRAP - 1);
	uint64_t others = ~faults, before = 0;

	(void)fp_sys_sigmask(SIG_BLOCK, &others, &before);
	return before;
}

static void release_handlers(uint64_t before)
{
	(void)fp_sys_sigmask(SIG_SETMASK, &before, NULL);
}

static long read_quietly(const char *path, char *buffer, size_t n_bytes)
{
	uint64_t before = hold_handlers();
	long n = fp_sys_read_file(path, buffer, n_bytes);

	release_handlers(before);
	return n;
}

static uint64_t resident_bytes(void)
{
	char text[128];
	const char *s = text;
	uint64_t pages = 0;

	if (read_quietly("/proc/self/statm", text, sizeof(text)) <= 0)
		return 0;
	while (*s && *s != ' ')
		s++;
	for (s += *s == ' '; *s >= '0' && *s <= '9'; s++)
		pages = pages * 10 + (uint64_t)(*s - '0');
	return pages * FP_PAGE_BYTES;
}

static uint64_t agent_anon_bytes(void)
{
	uint64_t before = hold_handlers(), blocks = fp_blocks_memory_bytes();

	release_handlers(before);
	return blocks + fp_thread_memory_bytes() + fp_node_table_bytes() + fp_mem_cells_bytes();
}

static uint64_t capture_bytes(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < FP_REGION_MAX; i++)
		sum += fp_context.segment.header->regions[i].populated_bytes;
	return sum;
}

static void add_difference(struct fp_thread *t, void *sum)
{
	*(int64_t *)sum += __atomic_load_n(&t->memory.difference, __ATOMIC_RELAXED);
}

uint64_t fp_memory_heap_bytes(void)
{
	int64_t sum = __atomic_load_n(&fp_mem_ledger.system.owed, __ATOMIC_RELAXED);

	fp_thread_each(add_difference, &sum);
	sum += (int64_t)fp_mem_heap_bytes();
	return sum > 0 ? (uint64_t)sum : 0;
}

void fp_memory_take_balance(struct fp_mem_balance *balance)
{
	const struct fp_mem_ledger *l = &fp_mem_ledger;

	if (read_quietly("/proc/self/status", status, sizeof(status)) <= 0)
		status[0] = 0;
	*balance = (struct fp_mem_balance){
		.when_ns = since_start_ns(),
		.heap_bytes = fp_memory_heap_bytes(),
		.python_bytes = l->python.heap_bytes,
		/* mimalloc carries blocks of all sizes. */
		.python_small_bytes = l->python.heap_bytes - (fp_context.python.free_threaded ? 0 : l->large_bytes),
		.map_bytes = l->map_bytes,
		.carrier_bytes = l->carrier_bytes,
		.file_map_bytes = l->file_map_bytes,
		.rss_anon_bytes = number_after(status, "RssAnon:") << 10,
		.rss_file_bytes = number_after(status, "RssFile:") << 10,
		.rss_shmem_bytes = number_after(status, "RssShmem:") << 10,
		.stack_bytes = number_after(status, "VmStk:") << 10,
		.agent_anon_bytes = agent_anon_bytes(),
		.agent_capture_bytes = capture_bytes(),
	};
	fp_mem_header()->vm_hwm_bytes = number_after(status, "VmHWM:") << 10;
}

/* Completes a balance that is kept; the bytes of anonymous mappings that are not resident. */
static uint64_t look_at_pages(struct fp_mem_balance *balance)
{
	uint64_t reserved = fp_mem_ranges_untouched_bytes(FP_ALLOCATOR_CARRIER);

	balance->carrier_bytes -= reserved < balance->carrier_bytes ? reserved : balance->carrier_bytes;
	return fp_mem_ranges_untouched_bytes(FP_ALLOCATOR_MMAP);
}

bool fp_memory_balance_due(void)
{
	return __atomic_load_n(&fp_mem_ledger.system.heap_bytes, __ATOMIC_RELAXED) >= balance_at_bytes;
}

/* The memory that is resident follows the blocks, as they are touched later:
 * near the peak it is looked at again. */
static void follow_peak(int64_t now_ns)
{
	struct fp_mem_header *h = fp_mem_header();
	uint64_t heap = fp_mem_heap_bytes();
	struct fp_mem_balance now;

	if (heap < h->at_peak.heap_bytes - h->at_peak.heap_bytes / 64)
		return;
	if (heap < balance_at_bytes && now_ns < next_balance_ns)
		return;
	fp_memory_take_balance(&now);
	if (now.rss_anon_bytes >= h->at_peak.rss_anon_bytes || heap > h->at_peak.heap_bytes) {
		h->at_peak = now;
		h->peak_untouched_bytes = look_at_pages(&h->at_peak);
	}
	balance_at_bytes = heap + heap / 50 + BALANCE_STEP_BYTES;
	next_balance_ns = now_ns + BALANCE_LEAST_NS;
}

static void add_point(int64_t now_ns)
{
	struct fp_segment *s = &fp_context.segment;
	uint64_t at = fp_segment_claim(s, FP_REGION_MEM_POINTS, sizeof(struct fp_mem_point));
	struct fp_mem_point *points = fp_segment_at(s, FP_REGION_MEM_POINTS);
	struct fp_mem_point point = {
		.rss_bytes = resident_bytes(),
		.heap_bytes = fp_memory_heap_bytes(),
		.python_bytes = fp_mem_ledger.python.heap_bytes,
		.carrier_bytes = fp_mem_ledger.carrier_bytes,
		.cpu_ns = (uint64_t)fp_clock_read(CLOCK_PROCESS_CPUTIME_ID),
		.when_ns = (uint64_t)now_ns,
	};

	if (at != UINT64_MAX)
		points[at / sizeof(point)] = point;
	/* An end may come from a handler that interrupted who holds the lock: false then. */
	if (!fp_mem_ledger.stream || !fp_lock_take(&fp_mem_ledger.lock))
		return;
	fp_mem_stream_time((uint64_t)now_ns / 1000000, point.rss_bytes);
	fp_lock_give(&fp_mem_ledger.lock);
}

/* Births are told apart by when they happened, finer early on: the bounds grow
 * by the root of two. */
static void advance_generation(uint32_t now_ms)
{
	struct fp_mem_ledger *l = &fp_mem_ledger;
	uint64_t bound_ms = GENERATION_FIRST_MS;
	uint32_t generation = 0;

	while (generation + 1 < FP_MEM_GENERATIONS && now_ms >= bound_ms) {
		bound_ms += bound_ms * 2 / 5 + 1;
		generation++;
	}
	if (generation > l->generation) {
		for (uint32_t g = l->generation + 1; g <= generation; g++)
			l->birth_ms[g] = now_ms;
		__atomic_store_n(&l->generation, generation, __ATOMIC_RELEASE);
	}
}

/* Two interpreters may have a lock each: from then on everything is locked. */
static void look_for_interpreters(void)
{
	if (!fp_mem_ledger.lock_all && fp_python_interpreters(&fp_context.python, &fp_reader_own) > 1)
		fp_memory_lock_all();
}

void fp_memory_tick(void)
{
	int64_t now_ns = since_start_ns();

	/* Where no sample calls for it, threads come here often: they leave the lines alone. */
	if (!fp_mem_ledger.tick_due && (uint32_t)(now_ns / 1000000) == fp_mem_ledger.now_ms && !fp_memory_balance_due())
		return;
	if (!fp_lock_try(&fp_mem_ledger.ticking))
		return;
	fp_mem_ledger.tick_due = false;
	__atomic_store_n(&fp_mem_ledger.now_ms, (uint32_t)(now_ns / 1000000), __ATOMIC_RELAXED);
	fp_context.segment.header->heartbeat_monotonic_ns = now_ns + fp_context.segment.header->start_monotonic_ns;
	if (now_ns >= next_tick_ns) {
		next_tick_ns = now_ns + TICK_LEAST_NS + now_ns / TICKS_SHARE;
		advance_generation(fp_mem_ledger.now_ms);
		add_point(now_ns);
		look_for_interpreters();
		fp_mem_header()->heap_bytes = fp_memory_heap_bytes();
		fp_mem_publish_peak();
	}
	if (now_ns >= next_checkpoint_ns) {
		next_checkpoint_ns = now_ns + CHECKPOINT_LEAST_NS + now_ns / CHECKPOINTS_SHARE;
		fp_mem_checkpoint();
	}
	follow_peak(now_ns);
	fp_lock_give(&fp_mem_ledger.ticking);
}

void fp_memory_freeze(void)
{
	struct fp_mem_header *h = &fp_context.segment.header->mem;
	int64_t now_ns, none = 0;

	if (!h->mode || !__atomic_compare_exchange_n(&h->frozen_ns, &none, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	*(volatile uint32_t *)fp_agent_memory = 0;
	now_ns = since_start_ns();
	fp_mem_settle_waiting(NULL);
	add_point(now_ns);
	h->heap_bytes = fp_memory_heap_bytes();
	fp_mem_publish_peak();
	fp_memory_take_balance(&h->at_end);
	h->end_untouched_bytes = look_at_pages(&h->at_end);
	if (h->heap_bytes >= h->at_peak.heap_bytes - h->at_peak.heap_bytes / 64 &&
	    h->at_end.rss_anon_bytes >= h->at_peak.rss_anon_bytes) {
		h->at_peak = h->at_end;
		h->peak_untouched_bytes = h->end_untouched_bytes;
	}
	__atomic_store_n(&h->frozen_ns, now_ns, __ATOMIC_RELEASE);
}

bool fp_memory_ended(void)
{
	typedef int (*is_finalizing)(void);
	is_finalizing ask = (is_finalizing)fp_context.python.is_finalizing;

	if (fp_likely(!ask || !ask()))
		return !*fp_agent_memory;
	fp_memory_freeze();
	return true;
}

void fp_memory_clock_forked(void)
{
	next_tick_ns = next_checkpoint_ns = next_balance_ns = 0;
	balance_at_bytes = 0;
}
