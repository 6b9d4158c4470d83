/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memray_model.h.  Test support, ordinary program.
 */
#include "tests/render/memray_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define BLOCKS_AT 0x7f0000000000ull
#define MAPS_AT 0x7e0000000000ull
#define MAP_ROOM (1ull << 20)

void model_start(struct model *m, struct capture_writer *w)
{
	memset(m, 0, sizeof(*m));
	m->w = w;
	m->thread = UINT32_MAX;
	writer_memory(w, FP_MEM_EXACT, true);
}

void model_thread(struct model *m, uint32_t index, uint64_t tid, const char *name)
{
	m->threads[index].tid = tid;
	m->threads[index].name = name;
	m->n_threads = index + 1;
}

static uint32_t remember(struct model *m, uint32_t node, uint32_t parent, const char *text)
{
	if (node >= MODEL_NODES)
		abort();
	m->nodes[node].parent = parent;
	snprintf(m->nodes[node].text, sizeof(m->nodes[node].text), "%s", text);
	return node;
}

static const char *text_at(const struct model *m, uint32_t offset, uint32_t *ret_n)
{
	const char *at = m->w->regions[FP_REGION_TEXT].bytes + offset;

	memcpy(ret_n, at, sizeof(*ret_n));
	return at + sizeof(*ret_n);
}

uint32_t model_python(struct model *m, uint32_t parent, uint32_t code, uint32_t k)
{
	const struct fp_code_record *r =
		(const struct fp_code_record *)(const void *)m->w->regions[FP_REGION_CODES].bytes + code;
	uint32_t n_name, n_file;
	const char *name = text_at(m, r->name_text, &n_name), *file = text_at(m, r->file_text, &n_file);
	char text[400];

	snprintf(text, sizeof(text), "[\"%.*s\", \"%.*s\", %u]", (int)n_name, name, (int)n_file, file,
		 r->first_line + k);
	return remember(m, writer_python(m->w, parent, code, k), parent, text);
}

uint32_t model_native(struct model *m, uint32_t parent, uint64_t pc, uint32_t generation,
		      const char *name)
{
	char text[400];

	snprintf(text, sizeof(text), "[\"%s\"]", name);
	return remember(m, writer_node(m->w, parent, FP_KEY_MAKE_NATIVE(pc, generation)), parent, text);
}

uint32_t model_mark(struct model *m, enum fp_mark mark)
{
	static const char *const names[] = {
#define X(name, text, why) text,
		FP_MARKS(X)
#undef X
	};
	char text[400];

	snprintf(text, sizeof(text), "[\"%s\", \"<filperf>\", 0]", names[mark]);
	return remember(m, writer_node(m->w, 0, FP_KEY_MAKE_MARK(mark)), 0, text);
}

void model_stack(struct model *m, uint32_t node)
{
	if (m->n_stacks == MODEL_STACKS)
		abort();
	m->stacks[m->n_stacks++] = node;
}

static uint32_t roll(struct model *m, uint32_t n)
{
	m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((m->random >> 33) % n);
}

static void put_thread(struct model *m, uint32_t thread)
{
	if (m->thread == thread)
		return;
	writer_stream_thread(m->w, thread);
	m->thread = thread;
}

static uint32_t cell_of(struct model *m, const struct model_key *key, uint64_t n_bytes)
{
	for (uint32_t i = 0; i < m->n_cells; i++)
		if (memcmp(&m->cells[i].key, key, sizeof(*key)) == 0)
			return i;
	if (m->n_cells == MODEL_CELLS)
		abort();
	m->cells[m->n_cells].key = *key;
	m->cells[m->n_cells].id = writer_mem_cell(m->w, key->thread, key->stack, key->allocator, n_bytes);
	return m->n_cells++;
}

static void see_peak(struct model *m)
{
	if (m->heap_bytes < m->peak_bytes)
		return;
	m->peak_bytes = m->heap_bytes;
	for (uint32_t i = 0; i < m->n_cells; i++) {
		m->cells[i].n_peak = m->cells[i].n_live;
		m->cells[i].peak_bytes = m->cells[i].live_bytes;
	}
}

/* n_blocks: by how many what lives in the cell changes. */
static void change(struct model *m, uint32_t cell, int n_blocks, int64_t n_bytes)
{
	m->cells[cell].n_live += (uint64_t)n_blocks;
	m->cells[cell].live_bytes += (uint64_t)n_bytes;
	m->heap_bytes += (uint64_t)n_bytes;
}

static void drop(struct model *m, uint32_t block)
{
	change(m, m->blocks[block].cell, -1, -(int64_t)m->blocks[block].size);
	m->blocks[block] = m->blocks[--m->n_blocks];
}

static void play_free(struct model *m, uint32_t block, uint32_t thread)
{
	put_thread(m, thread);
	writer_stream_free(m->w, m->blocks[block].address);
	drop(m, block);
	m->n_events++;
	see_peak(m);
}

static void play_alloc(struct model *m, const struct model_key *where, uint64_t address, uint64_t size,
		       bool is_map)
{
	struct model_key key;
	uint32_t cell;

	memset(&key, 0, sizeof(key)); /* keys are compared with their padding */
	key.stack = where->stack;
	key.thread = where->thread;
	key.allocator = where->allocator;
	key.size_class = (uint16_t)fp_size_class(size);
	cell = cell_of(m, &key, size);
	writer_stream_alloc(m->w, m->cells[cell].id, address, size);
	m->thread = key.thread;
	m->cells[cell].n_allocs++;
	m->cells[cell].alloc_bytes += size;
	m->by_allocator[key.allocator]++;
	m->blocks[m->n_blocks++] = (struct model_block){ address, size, cell, is_map };
	change(m, cell, 1, (int64_t)size);
	m->n_events++;
	see_peak(m);
}

/* The whole, the first half or the middle: then two are left. */
static void play_unmap(struct model *m, uint32_t block, uint32_t thread)
{
	struct model_block b = m->blocks[block];
	uint64_t n_pages = b.size / PAGE, from = 0, n = n_pages;

	if (n_pages >= 3 && roll(m, 2)) {
		from = roll(m, 2) ? n_pages / 3 : 0;
		n = n_pages / 3;
	}
	put_thread(m, thread);
	writer_stream_unmap(m->w, b.address + from * PAGE, n * PAGE);
	drop(m, block);
	if (from) {
		m->blocks[m->n_blocks++] = (struct model_block){ b.address, from * PAGE, b.cell, true };
		change(m, b.cell, 1, (int64_t)(from * PAGE));
	}
	if (from + n < n_pages) {
		uint64_t rest = (n_pages - from - n) * PAGE;

		m->blocks[m->n_blocks++] = (struct model_block){ b.address + (from + n) * PAGE, rest, b.cell, true };
		change(m, b.cell, 1, (int64_t)rest);
		m->cells[b.cell].n_splits += from != 0;
	}
	m->n_events++;
	see_peak(m);
}

static void play_end(struct model *m, uint32_t thread)
{
	uint32_t block = roll(m, m->n_blocks);

	if (m->blocks[block].is_map)
		play_unmap(m, block, thread);
	else
		play_free(m, block, thread);
}

static uint64_t free_address(struct model *m)
{
	for (;;) {
		uint64_t address = BLOCKS_AT + 16ull * roll(m, 4000);
		uint32_t i = 0;

		while (i < m->n_blocks && m->blocks[i].address != address)
			i++;
		if (i == m->n_blocks)
			return address;
	}
}

static void play_begin(struct model *m, const struct model_key *where)
{
	static const uint8_t allocators[] = { 2, 2, 2, 3, 4, 6, 6, 7, 8, 9, 10, 11, 12, 13 };
	static const uint32_t sizes[] = { 0, 16, 32, 48, 64, 512, 528, 3000, 100000, 1 << 20 };
	struct model_key key = *where;

	if (roll(m, 40) == 0) {
		key.allocator = roll(m, 2) ? FP_ALLOCATOR_MMAP : FP_ALLOCATOR_BRK;
		play_alloc(m, &key, MAPS_AT + MAP_ROOM * m->next_address++, (1 + 3 * roll(m, 5)) * (uint64_t)PAGE, true);
		return;
	}
	key.allocator = allocators[roll(m, sizeof(allocators))];
	uint32_t size = sizes[roll(m, sizeof(sizes) / sizeof(sizes[0]))];
	play_alloc(m, &key, free_address(m), size ? size - roll(m, 9) : 0, false);
}

static void play_time(struct model *m)
{
	uint32_t i = m->n_points++;

	if (i == MODEL_POINTS)
		abort();
	m->points[i].when_ms = 10ull * i;
	m->points[i].rss_bytes = (1ull + i) << 12;
	m->points[i].heap_bytes = m->heap_bytes;
	writer_stream_time(m->w, m->points[i].when_ms, m->points[i].rss_bytes);
	writer_mem_point(m->w, m->points[i].when_ms, m->points[i].rss_bytes, m->heap_bytes);
}

/* What is rare: the end of a block that was not seen, then its address given
 * out again; a free of a block from before; realloc; the clock. */
static void play_oddity(struct model *m, const struct model_key *where)
{
	uint32_t block = roll(m, m->n_blocks);
	struct model_key key = *where;

	key.allocator = FP_ALLOCATOR_REALLOC;
	switch (roll(m, 4)) {
	case 0:
		if (m->blocks[block].is_map)
			return;
		uint64_t address = m->blocks[block].address;
		drop(m, block);
		m->n_events++;
		see_peak(m);
		play_alloc(m, &key, address, 600 - roll(m, 8), false);
		break;
	case 1:
		put_thread(m, where->thread);
		writer_stream_free(m->w, free_address(m));
		break;
	case 2:
		if (m->blocks[block].is_map)
			return;
		play_free(m, block, where->thread);
		play_alloc(m, &key, free_address(m), 600 - roll(m, 8), false);
		break;
	default:
		play_time(m);
	}
}

void model_run(struct model *m, uint32_t first, uint32_t end, unsigned n, unsigned seed)
{
	m->random = seed;
	for (unsigned i = 0; i < n; i++) {
		struct model_key where = { .thread = roll(m, m->n_threads),
					   .stack = m->stacks[first + roll(m, end - first)] };
		/* it grows, shrinks to half, grows to a bit less */
		unsigned grows = i < n / 2 || i > n * 3 / 4 ? 55 : 40;

		if (m->n_blocks && roll(m, 30) == 0)
			play_oddity(m, &where);
		else if (m->n_blocks < 2 || (m->n_blocks < MODEL_BLOCKS - 4 && roll(m, 100) < grows))
			play_begin(m, &where);
		else
			play_end(m, where.thread);
	}
}

void model_describe(const struct model *m, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		abort();
	fprintf(f, "{\"peak_bytes\": %llu, \"heap_bytes\": %llu, \"n_events\": %llu, \"allocators\": {",
		(unsigned long long)m->peak_bytes, (unsigned long long)m->heap_bytes,
		(unsigned long long)m->n_events);
	for (unsigned i = 0, some = 0; i < FP_ALLOCATOR_MAX; i++)
		if (m->by_allocator[i])
			fprintf(f, "%s\"%u\": %llu", some++ ? ", " : "", i, (unsigned long long)m->by_allocator[i]);
	fprintf(f, "},\n\"points\": [");
	for (uint32_t i = 0; i < m->n_points; i++)
		fprintf(f, "%s[%llu, %llu, %llu]", i ? ", " : "", (unsigned long long)m->points[i].when_ms,
			(unsigned long long)m->points[i].rss_bytes, (unsigned long long)m->points[i].heap_bytes);
	fprintf(f, "],\n\"cells\": [");
	for (uint32_t i = 0; i < m->n_cells; i++) {
		const struct model_cell *c = &m->cells[i];

		fprintf(f, "%s\n{\"tid\": %llu, \"thread\": \"%s\", \"allocator\": %u, \"stack\": [", i ? "," : "",
			(unsigned long long)m->threads[c->key.thread].tid, m->threads[c->key.thread].name,
			c->key.allocator);
		for (uint32_t n = c->key.stack; n; n = m->nodes[n].parent)
			fprintf(f, "%s%s", n == c->key.stack ? "" : ", ", m->nodes[n].text);
		fprintf(f, "], \"n_allocs\": %llu, \"alloc_bytes\": %llu, \"n_live\": %llu, \"live_bytes\": %llu, "
			"\"n_peak\": %llu, \"peak_bytes\": %llu}",
			(unsigned long long)c->n_allocs, (unsigned long long)c->alloc_bytes,
			(unsigned long long)c->n_live, (unsigned long long)c->live_bytes,
			(unsigned long long)c->n_peak, (unsigned long long)c->peak_bytes);
	}
	fprintf(f, "\n]}\n");
	if (fclose(f))
		abort();
}
