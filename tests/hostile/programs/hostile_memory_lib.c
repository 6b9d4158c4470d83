/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad days of an allocator, called from a Python program (memory_calls.py),
 * as memory is recorded in processes with CPython only.
 */
#include "hostile.h"

#include <dlfcn.h>
#include <fenv.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)
#define KEPT_MIB 64 /* what a case leaves alive, for the look at the capture */

int hostile_memory(int argc, char **argv);

/* The compiler must not know what these sizes are: it warns or folds the calls. */
static volatile size_t huge = (size_t)-4096, half = ((size_t)1 << 63) + 8, zero;

static void say_call(const char *what, const void *block, int error)
{
	say("%s: %s, errno %d\n", what, block ? "block" : "none", block ? 0 : error);
}

static int failures(int argc, char **argv)
{
	char *volatile kept = malloc(KEPT_MIB * MIB);
	void *block, *volatile untouched = &block;
	int error;

	(void)argc, (void)argv;
	memset(kept, 7, KEPT_MIB * MIB);
	for (int i = 0; i < 1000; i++) {
		errno = 0;
		block = realloc(kept, huge);
		if (i == 0)
			say_call("realloc", block, errno);
	}
	block = reallocarray(kept, half, 2);
	say_call("reallocarray", block, errno);
	block = calloc(half, 2);
	say_call("calloc", block, errno);
	block = malloc(huge);
	say_call("malloc", block, errno);
	for (size_t alignment = 0; alignment < 64; alignment += 12) {
		errno = 5;
		error = posix_memalign((void **)&untouched, alignment, 100);
		say("posix_memalign %zu: %d, errno %d, left %d\n", alignment, error, errno, untouched == &block);
	}
	error = posix_memalign((void **)&untouched, 64, huge);
	say("posix_memalign huge: %d, left %d\n", error, untouched == &block);
	free(NULL);
	errno = 77;
	free(malloc(100));
	say("kept %d %d, errno %d, usable %zu\n", kept[0], kept[KEPT_MIB * MIB - 1], errno, malloc_usable_size(kept));
	return 0;
}

/* Too little, or more than the allocator's rounding: a rest that is too small
 * to be a block of its own (16 bytes in libc) stays with the one before it, so the
 * exact figure depends on what the heap looked like. */
static size_t is_odd(void *block, size_t n)
{
	size_t usable = malloc_usable_size(block);

	return usable < n || usable > n + n / 4 + 40;
}

static int sizes(int argc, char **argv)
{
	uintptr_t crooked = 0;
	size_t odd = 0;
	void *block;

	(void)argc, (void)argv;
	for (size_t n = 0; n < 5000; n += 7) {
		block = malloc(n);
		crooked |= (uintptr_t)block & 15;
		odd += is_odd(block, n);
		block = realloc(block, n + 900);
		crooked |= (uintptr_t)block & 15;
		odd += is_odd(block, n + 900);
		free(block);
	}
	for (size_t alignment = 16; alignment <= MIB; alignment *= 2) {
		block = memalign(alignment, 1000);
		crooked |= (uintptr_t)block & (alignment - 1);
		free(block);
		block = aligned_alloc(alignment, alignment / 2 + 3);
		crooked |= (uintptr_t)block & (alignment - 1);
		free(block);
	}
	block = aligned_alloc(1u << 30, huge);
	say_call("aligned_alloc 1 GiB", block, errno);
	block = valloc(10);
	crooked |= (uintptr_t)block & 4095;
	free(block);
	block = pvalloc(10);
	crooked |= (uintptr_t)block & 4095;
	say("odd sizes %zu, pages %zu, crooked %zu\n", odd, malloc_usable_size(block) / 4096, (size_t)crooked);
	free(block);
	block = realloc(malloc(10), zero);
	say_call("realloc to nothing", block, 0);
	return 0;
}

/* Under a limit of address space: to the last block, and on. */
static int no_memory(int argc, char **argv)
{
	static void *blocks[4096];
	struct rlimit limit;
	int n = 0, again = 0;
	char line[64];
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	(void)argc, (void)argv;
	if (file && fgets(line, sizeof(line), file))
		pages = strtoul(line, NULL, 10);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = pages * 4096 + 300 * MIB;
	setrlimit(RLIMIT_AS, &limit);
	while (n < 4096 && (blocks[n] = malloc(MIB)))
		n++;
	say("some %d, errno %d\n", n > 100, errno);
	say_call("mmap", mmap(NULL, 400 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? NULL : blocks,
		 errno);
	for (int i = 0; i < n; i++) {
		void *moved = realloc(blocks[i], 400 * MIB);

		again += moved != NULL;
		free(blocks[i]);
	}
	say("moved %d\n", again);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
	say_call("then", malloc(KEPT_MIB * MIB), errno);
	return 0;
}

static int mappings(int argc, char **argv)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	char *a = mmap(NULL, 32 * MIB, rw, flags, -1, 0), *b, *end;

	(void)argc, (void)argv;
	a[0] = 1;
	say("middle %d\n", munmap(a + 8 * MIB, 8 * MIB));
	say("crooked %d, errno %d\n", munmap(a + 1, 4096), errno);
	say("nothing %d, errno %d\n", munmap(a, 0), errno);
	b = mmap(a + 4 * MIB, 16 * MIB, rw, flags | MAP_FIXED, -1, 0);
	say("over %d\n", b == a + 4 * MIB);
	b = mremap(a, 2 * MIB, 100 * MIB, MREMAP_MAYMOVE);
	say("moved %d\n", b != MAP_FAILED && b[0] == 1);
	say("in place %d, errno %d\n", mremap(a + 5 * MIB, 4096, huge, 0) != MAP_FAILED, errno);
	say("shrunk %d\n", mremap(b, 100 * MIB, 3 * MIB, 0) == b);
	say("wrong %d, errno %d\n", mremap(b + 1, 4096, 8192, MREMAP_MAYMOVE) != MAP_FAILED, errno);
	munmap(b, 3 * MIB);
	munmap(a, 32 * MIB);
	end = sbrk(0);
	say("sbrk %d", sbrk((intptr_t)MIB) == end);
	say(" and %d", (char *)sbrk(0) - end == (ptrdiff_t)MIB);
	say(" and back %d", sbrk(-(intptr_t)MIB) != (void *)-1);
	say(" brk %d", brk(end + 5000));
	say(" and back %d\n", brk(end));
	say("kept %d\n", mmap(NULL, KEPT_MIB * MIB, rw, flags, -1, 0) != MAP_FAILED);
	return 0;
}

static void *held[100];

static void release(void)
{
	for (int i = 0; i < 100; i++) {
		free(held[i]);
		held[i] = realloc(malloc(10), (size_t)i + 1);
		free(held[i]);
	}
	say("released\n");
}

__attribute__((destructor)) static void last(void)
{
	for (int i = 0; held[0] && i < 1000; i++)
		free(calloc(1, (size_t)i));
	if (held[0])
		say("destructor\n");
}

static int at_exit(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (int i = 0; i < 100; i++)
		held[i] = malloc(100u << i % 10);
	atexit(release);
	return 0;
}

/* For a library that is closed: its block lives on. */
void *hostile_block(size_t n_bytes);
void *hostile_block(size_t n_bytes)
{
	return malloc(n_bytes);
}

/* Objects of the interpreter that come and go while the program looks at what
 * its arithmetic raised, then while anything raised ends it. */
static void churn_objects(void *(*allocate)(size_t n_bytes), void (*end)(void *block))
{
	static void *blocks[1000];

	for (int i = 0; i < 1000000; i++) {
		end(blocks[i % 1000]);
		blocks[i % 1000] = allocate((size_t)(i % 900) + 1);
	}
}

static int arithmetic(int argc, char **argv)
{
	void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "PyObject_Malloc");
	void (*end)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "PyObject_Free");
	int (*enter)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "PyGILState_Ensure");
	void (*leave)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "PyGILState_Release");
	int state = enter();
	char *kept = malloc(KEPT_MIB * MIB);

	(void)argc, (void)argv;
	kept[0] = 1;
	feclearexcept(FE_ALL_EXCEPT);
	churn_objects(allocate, end);
	say("kept %d, raised %d\n", kept != NULL, fetestexcept(FE_ALL_EXCEPT));
	feenableexcept(FE_ALL_EXCEPT);
	churn_objects(allocate, end);
	say("enabled %d\n", fegetexcept() == FE_ALL_EXCEPT);
	fedisableexcept(FE_ALL_EXCEPT);
	leave(state);
	return 0;
}

static const struct hostile_case cases[] = {
	{"failures", failures}, {"sizes", sizes}, {"no_memory", no_memory}, {"mappings", mappings},
	{"at_exit", at_exit}, {"arithmetic", arithmetic}, {NULL, NULL},
};

int hostile_memory(int argc, char **argv)
{
	return hostile_run(cases, argc, argv);
}
