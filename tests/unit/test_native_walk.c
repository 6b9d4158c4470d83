/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native walks from a signal handler against glibc's backtrace() and known
 * call chains: ordinary code, libc, vdso, PLT, a handler of the host's,
 * realigned stacks, deep recursion, eight threads, dlopen storms.
 */
#include "native_samples.h"

#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#ifdef __clang__ /* makes no clones of functions */
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

static volatile unsigned sink;
static volatile bool stop;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static NOINLINE int chain_leaf(int n)
{
	raise(SIGPROF);
	return n + (int)sink;
}

static NOINLINE int chain_middle(int n)
{
	return chain_leaf(n + 1) + 1;
}

static NOINLINE int chain_root(int n)
{
	return chain_middle(n + 1) + 1;
}

/* Nearest function at or below pc, of those given. */
static bool lies_in(uintptr_t pc, int (*function)(int))
{
	return pc >= (uintptr_t)function && pc < (uintptr_t)function + 80;
}

static void known_chain(void **state)
{
	unsigned at = 0;

	(void)state;
	sample_begin(0);
	sink = (unsigned)chain_root(1);
	while (at < sample_n && !lies_in(sample_pcs[at], chain_leaf))
		at++;
	assert_true(at + 3 < sample_n);
	assert_true(lies_in(sample_pcs[at + 1], chain_middle));
	assert_true(lies_in(sample_pcs[at + 2], chain_root));
	sample_end(NULL);
}

static NOINLINE int deep(int n)
{
	int r = n ? deep(n - 1) : chain_leaf(0);

	__asm__ volatile("" : "+r"(r));
	return r + 1;
}

static void deep_recursion_is_cut(void **state)
{
	(void)state;
	sample_begin(0);
	sink = (unsigned)deep(10000);
	assert_int_equal(sample_n, SAMPLE_CAP);
	assert_true(lies_in(sample_pcs[SAMPLE_CAP - 1], deep));
	sample_end(NULL);
}

/* A host's handler that is sampled itself: the walk goes through its frame. */
static void on_host_signal(int number)
{
	(void)number;
	raise(SIGPROF);
}

static NOINLINE int signalled(int n)
{
	raise(SIGUSR1);
	return n + (int)sink;
}

static void through_a_signal_frame(void **state)
{
	struct sigaction action = {.sa_handler = on_host_signal}, old;
	unsigned at = 0;

	(void)state;
	sigaction(SIGUSR1, &action, &old);
	sample_begin(0);
	sink = (unsigned)signalled(1);
	while (at < sample_n && !lies_in(sample_pcs[at], signalled))
		at++;
	assert_true(at < sample_n);
	sample_end(NULL);
	sigaction(SIGUSR1, &old, NULL);
}

/* No unwind information, but a frame pointer: found by the chain. */
__asm__(".text\n"
	".type bare_function, @function\n"
	"bare_function:\n"
	"	pushq %rbp\n"
	"	movq %rsp, %rbp\n"
	"	call *%rsi\n"
	"	popq %rbp\n"
	"	ret\n"
	".size bare_function, .-bare_function\n");
extern int bare_function(int n, int (*called)(int)) __attribute__((visibility("hidden")));

static NOINLINE int calls_bare(int n)
{
	int r = bare_function(n, chain_leaf);

	__asm__ volatile("" : "+r"(r));
	return r + 1;
}

static void without_unwind_information(void **state)
{
	unsigned at = 0;

	(void)state;
	sample_begin(0);
	sink = (unsigned)calls_bare(1);
	while (at < sample_n && !lies_in(sample_pcs[at], chain_leaf))
		at++;
	assert_true(at + 3 < sample_n);
	assert_true(lies_in(sample_pcs[at + 2], calls_bare));
	sample_end(NULL);
}

/* Any registers at all: an answer, no crash and no endless walk. */
static void any_context(void **state)
{
	void *room = calloc(1, fp_native_thread_bytes());
	const uintptr_t code = (uintptr_t)dlsym(RTLD_DEFAULT, "qsort_r");
	uintptr_t pcs[64];
	ucontext_t context;
	unsigned n_long = 0;

	(void)state;
	assert_true(code != 0);
	sample_catch_faults();
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		greg_t *regs = context.uc_mcontext.gregs;

		memset(&context, 0, sizeof(context));
		regs[REG_RIP] = (greg_t)(i % 3 ? code + (uintptr_t)random() % 100000 : (uintptr_t)random());
		regs[REG_RSP] = (greg_t)(i % 2 ? (uintptr_t)pcs + (uintptr_t)random() % 4096 : (uintptr_t)random() << 20);
		regs[REG_RBP] = (greg_t)(i % 5 ? (uintptr_t)random() << (random() % 33) : (uintptr_t)regs[REG_RSP] + 64);
		n_long += fp_native_walk(room, &context, 0, 0, pcs, 64) > 1;
	}
	printf("%u of 20000 made-up contexts had a caller\n", n_long);
	free(room);
}

/* Near the end of a stack libunwind is not run; what is known is walked. */
static void little_stack_left(void **state)
{
	void *room = calloc(1, fp_native_thread_bytes());
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), high = here + 4096, pcs[16];
	ucontext_t context;
	unsigned cold, warm, known;

	(void)state;
	getcontext(&context);
	cold = fp_native_walk(room, &context, here - 6000, high, pcs, 16);
	warm = fp_native_walk(room, &context, here - 100000, high, pcs, 16);
	known = fp_native_walk(room, &context, here - 6000, high, pcs, 16);
	assert_int_equal(cold, 1);
	assert_true(warm > 3);
	assert_int_equal(known, warm);
	free(room);
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

typedef double wide __attribute__((vector_size(64)));

/* A stack realigned to 64 bytes: CFA by an expression. */
static NOINLINE int realigned(int n)
{
	volatile wide v = {(double)n};
	char text[64];

	snprintf(text, sizeof(text), "%d %f", n, ((volatile double *)&v)[0]);
	return (int)strlen(text);
}

static NOINLINE int fibonacci(int n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static NOINLINE void work(void)
{
	int values[512];
	char text[256], copy[256];
	struct timespec t;

	for (int i = 0; i < 512; i++)
		values[i] = (i * 7919) & 1023;
	qsort(values, 512, sizeof(values[0]), by_value);
	snprintf(text, sizeof(text), "%d %s %f", values[3], "text", 1.5);
	memcpy(copy, text, sizeof(copy));
	sink += (unsigned)strlen(copy) + (unsigned)realigned(values[1]);
	for (int i = 0; i < 50; i++)
		clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < 20; i++)
		free(malloc((size_t)i * 100));
	for (int i = 0; i < 30; i++)
		sink += (unsigned)realigned(i);
	sink += (unsigned)fibonacci(12) + (unsigned)getppid();
}

static void work_for(unsigned ms)
{
	uint64_t end = now_ns() + ms * 1000000ull;
	timer_t timer = sample_begin(300000);

	while (now_ns() < end)
		work();
	sample_end(timer);
}

static void check_counts(const char *what, unsigned shorter_percent)
{
	struct sample_counts c = sample_counts;

	printf("%s: %u walks, %lu frames, %u equal, %u shorter, %u different, %u without reference\n", what, c.walks,
	       c.frames, c.equal, c.shorter, c.different, c.no_reference);
	assert_true(c.walks > 50);
	assert_int_equal(c.different, 0);
	/* A rule may be busy: libunwind is asked by one thread at a time, which the
	 * machine may have put aside.  An object that goes takes the rules with it. */
	assert_true(c.shorter * 100 <= c.walks * shorter_percent);
	assert_true(c.equal * 10 > c.walks * 8);
	memset(&sample_counts, 0, sizeof(sample_counts));
}

static void equals_backtrace(void **state)
{
	(void)state;
	memset(&sample_counts, 0, sizeof(sample_counts));
	work_for(1500);
	check_counts("one thread", 1);
}

static void *work_in_thread(void *arg)
{
	work_for(*(unsigned *)arg);
	return NULL;
}

static void eight_threads(void **state)
{
	pthread_t threads[8];
	unsigned ms = 1500;

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work_in_thread, &ms), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	check_counts("eight threads", 1);
}

static int count_objects(struct dl_phdr_info *info, size_t n_bytes, void *data)
{
	(void)info;
	(void)n_bytes;
	sink++;
	++*(unsigned *)data;
	return 0;
}

static void *iterate_in_thread(void *arg)
{
	timer_t timer = sample_begin(300000);
	unsigned n = 0;

	(void)arg;
	while (!stop) {
		dl_iterate_phdr(count_objects, &n);
		free(malloc(5000));
	}
	sample_end(timer);
	return NULL;
}

static const char *const libraries[] = {"libz.so.1", "liblzma.so.5", "libbz2.so.1.0", "libexpat.so.1"};

static void storm_of_dlopen(void **state)
{
	pthread_t threads[3];
	unsigned ms = 1500, opened = 0;
	uint32_t before = fp_native_generation();
	uint64_t end = now_ns() + ms * 1000000ull;

	(void)state;
	stop = false;
	pthread_create(&threads[0], NULL, work_in_thread, &ms);
	pthread_create(&threads[1], NULL, work_in_thread, &ms);
	pthread_create(&threads[2], NULL, iterate_in_thread, &ms);
	while (now_ns() < end) {
		for (unsigned i = 0; i < 4; i++) {
			void *h = dlopen(libraries[i], RTLD_NOW);

			assert_int_equal(fp_native_refresh(NULL, NULL), 0);
			if (!h)
				continue;
			opened++;
			assert_ptr_equal(fp_module_map_find(fp_module_map_newest(), (uintptr_t)dlsym(h, "nothing") + 1), NULL);
			dlclose(h);
			assert_int_equal(fp_native_refresh(NULL, NULL), 0);
		}
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("%u libraries opened and closed, generation %u -> %u\n", opened, before, fp_native_generation());
	assert_true(!opened || fp_native_generation() > before);
	check_counts("dlopen storm", 15);
}

/* A child of fork, whatever other threads did at that moment, can walk. */
static void child_of_fork(void **state)
{
	pthread_t thread;
	unsigned ms = 300;

	(void)state;
	pthread_create(&thread, NULL, work_in_thread, &ms);
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t child = fork();

		if (!child) {
			fp_native_forked();
			alarm(10);
			sample_begin(0);
			sink = (unsigned)chain_root(1);
			_exit(sample_n > 3 && fp_native_refresh(NULL, NULL) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	pthread_join(thread, NULL);
	memset(&sample_counts, 0, sizeof(sample_counts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_chain),      cmocka_unit_test(deep_recursion_is_cut),
		cmocka_unit_test(through_a_signal_frame), cmocka_unit_test(without_unwind_information),
		cmocka_unit_test(any_context),      cmocka_unit_test(little_stack_left),
		cmocka_unit_test(equals_backtrace),
		cmocka_unit_test(eight_threads),    cmocka_unit_test(storm_of_dlopen),
		cmocka_unit_test(child_of_fork),
	};

	if (fp_native_refresh(NULL, NULL) < 0)
		return 1;
	sample_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
