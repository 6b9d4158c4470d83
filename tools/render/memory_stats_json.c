/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory_stats.h.  Render stage; streams.
 */
#include "tools/render/memory_stats.h"

#include "tools/model/names.h"
#include "tools/render/memory_balance_text.h"
#include "tools/render/memory_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct package {
	char name[128];
	struct fp_memory_sum sum;
};

struct packages {
	struct package *items;
	uint32_t n;
};

static const char *memray_allocator(uint8_t allocator)
{
	static const char *const names[FP_ALLOCATOR_MAX] = {
		[FP_ALLOCATOR_PYTHON_MALLOC] = "PYMALLOC_MALLOC",
		[FP_ALLOCATOR_PYTHON_CALLOC] = "PYMALLOC_CALLOC",
		[FP_ALLOCATOR_PYTHON_REALLOC] = "PYMALLOC_REALLOC",
		[FP_ALLOCATOR_MALLOC] = "MALLOC",
		[FP_ALLOCATOR_REALLOC] = "REALLOC",
		[FP_ALLOCATOR_CALLOC] = "CALLOC",
		[FP_ALLOCATOR_POSIX_MEMALIGN] = "POSIX_MEMALIGN",
		[FP_ALLOCATOR_ALIGNED_ALLOC] = "ALIGNED_ALLOC",
		[FP_ALLOCATOR_MEMALIGN] = "MEMALIGN",
		[FP_ALLOCATOR_VALLOC] = "VALLOC",
		[FP_ALLOCATOR_PVALLOC] = "PVALLOC",
		[FP_ALLOCATOR_MMAP] = "MMAP",
		[FP_ALLOCATOR_BRK] = "BRK",
	};

	return names[allocator] ? names[allocator] : "UNKNOWN";
}

static int by_bytes(const void *a, const void *b)
{
	const struct package *x = a, *y = b;

	if (x->sum.bytes != y->sum.bytes)
		return x->sum.bytes < y->sum.bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int by_count(const void *a, const void *b)
{
	const struct package *x = a, *y = b;

	if (x->sum.n != y->sum.n)
		return x->sum.n < y->sum.n ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* The program's own files are modules of their own. */
static void package_of(const struct fp_frame *f, char *name, size_t n_bytes)
{
	const char *base = strrchr(f->file, '/');
	size_t n;

	fp_name_package(f->file, name, n_bytes);
	if (name[0])
		return;
	base = base ? base + 1 : f->file;
	n = strlen(base);
	if (n > 3 && strcmp(base + n - 3, ".py") == 0)
		n -= 3;
	snprintf(name, n_bytes, "%.*s", (int)(n < 100 ? n : 100), n ? base : "<root>");
	if (!n)
		snprintf(name, n_bytes, "<root>");
}

static int gather_packages(const struct fp_profile *p, const struct fp_memory_sites *sites, struct packages *all)
{
	all->items = calloc((size_t)sites->n_rows + 1, sizeof(*all->items));
	if (!all->items)
		return -ENOMEM;
	for (uint32_t i = 0; i < sites->n_rows; i++) {
		char name[128];
		uint32_t k = 0;

		if (!sites->rows[i].own.n)
			continue;
		package_of(&p->frames[sites->rows[i].frame], name, sizeof(name));
		while (k < all->n && strcmp(all->items[k].name, name) != 0)
			k++;
		memcpy(all->items[k].name, name, sizeof(name));
		fp_memory_sum_add(&all->items[k].sum, &sites->rows[i].own);
		all->n += k == all->n;
	}
	return 0;
}

static void put_packages(struct fp_json_out *j, const char *key, const struct packages *all, uint32_t limit)
{
	fp_json_key(j, key);
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < all->n && i < limit; i++) {
		fp_json_newline(j);
		fp_json_open(j, '{');
		fp_json_key(j, "module");
		fp_json_string(j, all->items[i].name);
		fp_json_key(j, "num_allocations");
		fp_json_uint(j, all->items[i].sum.n);
		fp_json_key(j, "total_bytes");
		fp_json_uint(j, all->items[i].sum.bytes);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
}

static void put_histogram(struct fp_json_out *j, const struct fp_memory_totals *t)
{
	fp_json_key(j, "allocation_size_histogram");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < FP_HISTOGRAM_BINS; i++) {
		fp_json_newline(j);
		fp_json_open(j, '{');
		fp_json_key(j, "min_bytes");
		fp_json_uint(j, i ? fp_histogram_max(i - 1) + 1 : 0);
		fp_json_key(j, "max_bytes");
		if (fp_histogram_max(i) == UINT64_MAX)
			fp_json_null(j);
		else
			fp_json_uint(j, fp_histogram_max(i));
		fp_json_key(j, "count");
		fp_json_uint(j, t->of_size[i].n);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
	fp_json_key(j, "allocator_type_distribution");
	fp_json_open(j, '{');
	for (uint8_t i = 0; i < FP_ALLOCATOR_MAX; i++)
		if (t->of_allocator[i].n) {
			fp_json_key(j, memray_allocator(i));
			fp_json_uint(j, t->of_allocator[i].n);
		}
	fp_json_close(j, '}');
}

static void put_places(struct fp_json_out *j, const struct fp_profile *p, struct fp_memory_sites *sites, bool counts,
		       uint32_t limit)
{
	fp_memory_sites_sort(sites, counts ? FP_MEMORY_BY_COUNT : FP_MEMORY_BY_OWN);
	fp_json_key(j, counts ? "top_allocations_by_count" : "top_allocations_by_size");
	fp_json_open(j, '[');
	for (uint32_t i = 0; i < sites->n_rows && i < limit; i++) {
		const struct fp_frame *f = &p->frames[sites->rows[i].frame];
		char place[4096];

		if (!sites->rows[i].own.n)
			break;
		snprintf(place, sizeof(place), "%s:%s:%u", f->name, f->file, f->line);
		fp_json_newline(j);
		fp_json_open(j, '{');
		fp_json_key(j, "location");
		fp_json_string(j, place);
		fp_json_key(j, counts ? "count" : "size");
		fp_json_uint(j, counts ? sites->rows[i].own.n : sites->rows[i].own.bytes);
		fp_json_close(j, '}');
	}
	fp_json_close(j, ']');
}

static void put_time(struct fp_json_out *j, const char *key, int64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	char text[64] = "", whole[96];
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(whole, sizeof(whole), "%s.%06lld+00:00", text, (long long)(realtime_ns % 1000000000 / 1000));
	fp_json_key(j, key);
	fp_json_string(j, whole);
}

static void put_metadata(struct fp_json_out *j, const struct fp_profile *p, const struct fp_memory_totals *t)
{
	static const char *const allocators[] = {"",	  "pymalloc", "pymalloc debug", "malloc",
						 "other", "mimalloc", "mimalloc debug"};
	const struct fp_memory_process *process = &p->memory->processes[0];
	const struct fp_capture_header *h = &p->headers[process->header];

	fp_json_key(j, "metadata");
	fp_json_open(j, '{');
	put_time(j, "start_time", p->start_realtime_ns);
	put_time(j, "end_time", p->start_realtime_ns + (int64_t)p->wall_ns);
	fp_json_key(j, "total_allocations");
	fp_json_uint(j, t->all.n);
	fp_json_key(j, "total_frames");
	fp_json_uint(j, p->n_frames);
	fp_json_key(j, "peak_memory");
	fp_json_uint(j, t->peak_bytes);
	fp_json_key(j, "command_line");
	fp_json_string(j, p->command ? p->command : "");
	fp_json_key(j, "pid");
	fp_json_int(j, p->processes[process->process].pid);
	fp_json_key(j, "python_allocator");
	fp_json_string(j, h->mem.python_allocator < 7 ? allocators[h->mem.python_allocator] : "other");
	fp_json_key(j, "has_native_traces");
	fp_json_bool(j, h->mem.native);
	fp_json_key(j, "trace_python_allocators");
	fp_json_bool(j, true);
	fp_json_key(j, "file_format");
	fp_json_string(j, "filperf");
	fp_json_close(j, '}');
}

int fp_memory_stats_json(const struct fp_profile *p, const struct fp_memory_totals *t, struct fp_memory_sites *sites,
			 uint32_t limit, FILE *out)
{
	struct packages packages = {0};
	struct fp_json_out j;
	int err = fp_json_begin(&j, out, false), ended;

	if (err)
		return err;
	err = gather_packages(p, sites, &packages);
	fp_memory_json_head(&j, p, "stats");
	fp_json_key(&j, "total_num_allocations");
	fp_json_uint(&j, t->all.n);
	fp_json_key(&j, "total_bytes_allocated");
	fp_json_uint(&j, t->all.bytes);
	fp_memory_json_sum(&j, "allocated_", &t->all);
	fp_memory_json_sum(&j, "temporary_", &t->temporary);
	fp_memory_json_sum(&j, "live_", &t->live);
	put_histogram(&j, t);
	put_places(&j, p, sites, false, limit);
	put_places(&j, p, sites, true, limit);
	if (packages.n)
		qsort(packages.items, packages.n, sizeof(*packages.items), by_bytes);
	put_packages(&j, "top_modules_by_allocation_size", &packages, limit);
	if (packages.n)
		qsort(packages.items, packages.n, sizeof(*packages.items), by_count);
	put_packages(&j, "top_modules_by_allocation_count", &packages, limit);
	fp_memory_balance_json(&j, p);
	put_metadata(&j, p, t);
	free(packages.items);
	ended = fp_memory_json_end(&j);
	return err ? err : ended;
}
