/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of loaded objects.  Refresh: ordinary context, any thread, several
 * at once; the loader is asked before our lock is taken, so that the lock is
 * never held while waiting for one of the host's.  Reading: any context.
 *
 * Objects and maps are never unmapped: a reader in a signal handler may be
 * held up for any time.  An object that comes back is found in the list of
 * all objects; a map is used again after RETIRED others, and then still
 * holds valid objects at every index: a reader held up that long gets a wrong
 * answer for one sample, so entries and their count are stored atomically.
 */
#include "agent/native/modules.h"

#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/native/unwind_host.h"

#include <errno.h>
#include <link.h>

#define RETIRED 64u
#define CHUNK_BYTES (128u << 10)
#define GENERATION_LAST 0x3fffu
#define FIRST_CAP 64u

struct known_module {
	struct known_module *next;
	struct fp_module module;
};

struct collector {
	struct fp_module_map *map;
	const struct fp_module_map *newest;
	unsigned n; /* in map, which is told at the end */
	bool full, no_memory, unchanged;
};

static struct fp_module_map *newest_map;
static struct fp_module_map *retired[RETIRED], *spare;
static unsigned n_retired;
static struct known_module *known;
static uint32_t refresh_lock;

static struct {
	char *chunk;
	size_t used, size;
	uint32_t lock;
} arena;

static void lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		(void)fp_sys_call(SYS_sched_yield);
}

static void unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

static void *take_room(size_t n_bytes)
{
	void *p = NULL;

	n_bytes = (n_bytes + 15) & ~(size_t)15;
	lock(&arena.lock);
	if (arena.used + n_bytes > arena.size) {
		size_t size = n_bytes > CHUNK_BYTES ? (n_bytes + 4095) & ~(size_t)4095 : CHUNK_BYTES;
		char *chunk = fp_sys_map_private(size);

		if (chunk) {
			arena.chunk = chunk;
			arena.size = size;
			arena.used = 0;
		}
	}
	if (arena.used + n_bytes <= arena.size) {
		p = arena.chunk + arena.used;
		arena.used += n_bytes;
	}
	unlock(&arena.lock);
	return p;
}

static const struct fp_module *module_at(const struct fp_module_map *map, unsigned i)
{
	return __atomic_load_n(&map->modules[i], __ATOMIC_ACQUIRE);
}

static void put_module(struct fp_module_map *map, unsigned i, const struct fp_module *m)
{
	__atomic_store_n(&map->modules[i], m, __ATOMIC_RELEASE);
}

static unsigned count_of(const struct fp_module_map *map)
{
	return map ? __atomic_load_n(&map->n, __ATOMIC_ACQUIRE) : 0;
}

/* The loader's counters only grow. */
static uint64_t changes_of(const struct fp_module_map *map)
{
	return __atomic_load_n(&map->loads, __ATOMIC_RELAXED) + __atomic_load_n(&map->unloads, __ATOMIC_RELAXED);
}

static struct fp_module_map *take_map(unsigned cap)
{
	struct fp_module_map *map = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQ_REL);

	if (map && map->cap >= cap)
		return map;
	map = take_room(sizeof(*map) + cap * sizeof(map->modules[0]));
	if (map)
		map->cap = cap;
	return map;
}

static bool same_module(const struct fp_module *a, const struct fp_module *b)
{
	bool same = a->start == b->start && a->end == b->end && a->bias == b->bias && a->phdr == b->phdr &&
		    a->build_id_bytes == b->build_id_bytes;

	for (unsigned i = 0; same && i < a->build_id_bytes; i++)
		same = a->build_id[i] == b->build_id[i];
	return same && fp_text_equal(a->path, b->path);
}

/* Two threads may both list a new object: twins, which is harmless. */
static const struct fp_module *know(const struct fp_module *m)
{
	struct known_module *k = __atomic_load_n(&known, __ATOMIC_ACQUIRE);

	for (; k; k = k->next)
		if (same_module(&k->module, m))
			return &k->module;
	k = take_room(sizeof(*k));
	if (!k)
		return NULL;
	k->module = *m;
	k->next = __atomic_load_n(&known, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&known, &k->next, k, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return &k->module;
}

static int collect(struct dl_phdr_info *info, size_t n_bytes, void *data)
{
	struct collector *c = data;
	struct fp_module m = {0};
	const struct fp_module *kept;
	unsigned at;

	(void)n_bytes;
	if (!c->n) {
		__atomic_store_n(&c->map->loads, info->dlpi_adds, __ATOMIC_RELAXED);
		__atomic_store_n(&c->map->unloads, info->dlpi_subs, __ATOMIC_RELAXED);
		if (c->newest && changes_of(c->newest) == changes_of(c->map)) {
			c->unchanged = true;
			return 1;
		}
	}
	if (c->n == c->map->cap) {
		c->full = true;
		return 1;
	}
	fp_module_describe(&m, info);
	if (m.end <= m.start)
		return 0;
	kept = know(&m);
	if (!kept) {
		c->no_memory = true;
		return 1;
	}
	for (at = c->n++; at && module_at(c->map, at - 1)->start > kept->start; at--)
		put_module(c->map, at, module_at(c->map, at - 1));
	put_module(c->map, at, kept);
	return 0;
}

static bool holds(const struct fp_module_map *map, const struct fp_module *m)
{
	return map && fp_module_map_find(map, m->start) == m;
}

/* Under the lock. */
static void publish(struct fp_module_map *map, fp_module_seen seen, void *ctx)
{
	struct fp_module_map *old = newest_map;
	bool gone = false;

	uint32_t generation = old ? old->generation : 1;

	for (unsigned i = 0; i < count_of(old); i++)
		gone |= !holds(map, module_at(old, i));
	/* What only came changes the meaning of no address already sampled. */
	if (gone && generation < GENERATION_LAST)
		generation++;
	__atomic_store_n(&map->generation, generation, __ATOMIC_RELAXED);
	__atomic_store_n(&map->epoch, old ? old->epoch + gone : 1, __ATOMIC_RELAXED);
	__atomic_store_n(&newest_map, map, __ATOMIC_RELEASE);
	for (unsigned i = 0; seen && i < count_of(old); i++)
		if (!holds(map, module_at(old, i)))
			seen(ctx, module_at(old, i), false, generation);
	for (unsigned i = 0; seen && i < count_of(map); i++)
		if (!holds(old, module_at(map, i)))
			seen(ctx, module_at(map, i), true, generation);
	if (old) {
		struct fp_module_map **slot = &retired[n_retired++ % RETIRED];

		if (*slot)
			__atomic_store_n(&spare, *slot, __ATOMIC_RELEASE);
		*slot = old;
	}
}

int fp_native_refresh(fp_module_seen seen, void *ctx)
{
	struct collector c = {.newest = fp_module_map_newest()};
	unsigned cap = count_of(c.newest) >= FIRST_CAP ? count_of(c.newest) * 2 : FIRST_CAP;

	do {
		c.map = take_map(cap);
		if (!c.map)
			return -ENOMEM;
		c.n = 0;
		c.full = false;
		dl_iterate_phdr(collect, &c);
		cap *= 2;
	} while (c.full);
	__atomic_store_n(&c.map->n, c.n, __ATOMIC_RELEASE);
	lock(&refresh_lock);
	/* Another thread may have asked the loader later and published first. */
	if (c.no_memory || c.unchanged ||
	    (newest_map && changes_of(newest_map) >= changes_of(c.map)))
		__atomic_store_n(&spare, c.map, __ATOMIC_RELEASE);
	else
		publish(c.map, seen, ctx);
	unlock(&refresh_lock);
	return c.no_memory ? -ENOMEM : 0;
}

void fp_native_each(fp_module_seen seen, void *ctx)
{
	const struct fp_module_map *map = fp_module_map_newest();

	for (unsigned i = 0; i < count_of(map); i++)
		seen(ctx, module_at(map, i), true, map->generation);
}

const struct fp_module_map *fp_module_map_newest(void)
{
	return __atomic_load_n(&newest_map, __ATOMIC_ACQUIRE);
}

const struct fp_module *fp_module_map_find(const struct fp_module_map *map, uintptr_t pc)
{
	const struct fp_module *found = NULL;
	unsigned low = 0, high = count_of(map);

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct fp_module *m = module_at(map, middle);

		if (m->start <= pc) {
			found = m;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return found && pc < found->end ? found : NULL;
}

uint32_t fp_native_generation(void)
{
	const struct fp_module_map *map = fp_module_map_newest();

	return map ? __atomic_load_n(&map->generation, __ATOMIC_RELAXED) : 0;
}

int fp_native_iterate_phdr(int (*seen)(struct dl_phdr_info *info, size_t n_bytes, void *data), void *data)
{
	const struct fp_module_map *map = fp_module_map_newest();
	int result = 0;

	for (unsigned i = 0; i < count_of(map) && !result; i++) {
		const struct fp_module *m = module_at(map, i);
		struct dl_phdr_info info = {
			.dlpi_addr = m->bias,
			.dlpi_name = m->path,
			.dlpi_phdr = m->phdr,
			.dlpi_phnum = m->n_phdr,
			.dlpi_adds = map->loads,
			.dlpi_subs = map->unloads,
		};

		result = seen(&info, sizeof(info), data);
	}
	return result;
}

void fp_modules_forked(void)
{
	unlock(&refresh_lock);
	unlock(&arena.lock);
}
