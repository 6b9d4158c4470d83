/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies as the hooks meter them: counts are exact; estimates are unbiased and
 * their intervals honest, over many seeds; nothing is left in the program's
 * floating-point state.
 */
#include "tests/support/capture_fixture.h"

#include "agent/base/poisson.h"
#include "agent/hot/copies.h"
#include "agent/ledger/code_table.h"
#include "agent/ledger/copy_ledger.h"
#include "agent/ledger/node_table.h"

#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_SEEDS 2000u
#define COPIES_OF_A_RUN 30000u

static uint32_t fork_word = 1;
static char in_python, elsewhere;

static int open_capture(void **state)
{
	struct fp_segment *s = &fp_context.segment;

	(void)state;
	if (fixture_open(s, 16) < 0 || fp_node_table_init(s) < 0 || fp_cpu_ledger_init(s) < 0 ||
	    fp_code_table_init(s) < 0 || fp_copy_ledger_init(s, FP_COPY_SAMPLE_BYTES) < 0)
		return -1;
	fp_context.pid = getpid();
	fp_context.frames_cap = 64;
	fp_context.fork_word = &fork_word;
	fp_context.python.library.start = (uintptr_t)&in_python;
	fp_context.python.library.end = (uintptr_t)&in_python + 1;
	__atomic_store_n(&fp_context.state, FP_STATE_LIVE, __ATOMIC_RELEASE);
	fp_thread_leave(fp_thread_enter());
	return fp_thread_self && fp_agent_counts_copies() ? 0 : -1;
}

static int close_capture(void **state)
{
	(void)state;
	fp_thread_end(fp_thread_self);
	fp_context.state = FP_STATE_OFF;
	fixture_close(&fp_context.segment);
	return 0;
}

/* What the hooks do before they jump. */
static void meter(size_t n_bytes, const void *caller)
{
	fp_copy_meter.calls++;
	fp_copy_meter.left -= (int64_t)n_bytes;
	if (fp_copy_meter.left <= 0)
		fp_agent_copied(n_bytes, caller);
}

static void arm(uint64_t seed)
{
	fp_copy_meter.calls = 0;
	fp_copy_meter.random = seed * 0x9e3779b97f4a7c15ull | 1;
	for (int i = 0; i < 8; i++)
		fp_random_next(&fp_copy_meter.random);
	fp_copy_meter.left = fp_copy_meter.armed = fp_poisson_distance(&fp_copy_meter.random, FP_COPY_SAMPLE_BYTES);
}

/* Small and large ones, and now and then one above the mean. */
static size_t size_of(unsigned i)
{
	return i % 2 ? 4096u + i % 512 : i % 500 == 0 ? 9u << 20 : i % 50 == 0 ? 1u << 20 : 60000u + i % 3000;
}

static const void *caller_of(unsigned i)
{
	return i % 3 ? &elsewhere : &in_python;
}

struct sums {
	double bytes, calls, variance, python;
};

static struct sums take_sums(void)
{
	struct fp_segment *s = &fp_context.segment;
	struct fp_copy_slot *slots = fp_segment_at(s, FP_REGION_COPIES);
	size_t n = s->header->regions[FP_REGION_COPIES].used_bytes / sizeof(*slots);
	struct sums sums = {0, 0, 0, 0};

	for (size_t i = 1; i < n; i++) {
		struct fp_copy_slot *slot = &slots[i];

		sums.bytes += (double)(slot->bytes[FP_COPY_PYTHON] + slot->bytes[FP_COPY_NATIVE]);
		sums.python += (double)slot->bytes[FP_COPY_PYTHON];
		sums.calls += (double)(slot->calls[FP_COPY_PYTHON] + slot->calls[FP_COPY_NATIVE]) / 256;
		sums.variance += slot->variance;
		slot->bytes[0] = slot->bytes[1] = slot->calls[0] = slot->calls[1] = 0;
		slot->variance = 0;
	}
	return sums;
}

static void counts_are_exact(void **state)
{
	const struct fp_thread_record *r = fp_thread_record(fp_thread_self);
	uint64_t bytes = 0;

	(void)state;
	arm(1);
	for (unsigned i = 0; i < COPIES_OF_A_RUN; i++) {
		meter(size_of(i), &elsewhere);
		bytes += size_of(i);
	}
	meter(0, &elsewhere);
	fp_copies_settle(fp_thread_self);
	assert_int_equal(r->copy_calls, COPIES_OF_A_RUN + 1);
	assert_int_equal(r->copy_bytes, bytes);
	(void)take_sums();
}

static void estimates_are_unbiased_and_their_intervals_honest(void **state)
{
	double truth = 0, python = 0;
	struct sums all = {0, 0, 0, 0};
	unsigned covered = 0;

	(void)state;
	for (unsigned i = 0; i < COPIES_OF_A_RUN; i++) {
		truth += (double)size_of(i);
		python += caller_of(i) == &in_python ? (double)size_of(i) : 0;
	}
	for (unsigned seed = 1; seed <= N_SEEDS; seed++) {
		struct sums run;

		arm(seed);
		for (unsigned i = 0; i < COPIES_OF_A_RUN; i++)
			meter(size_of(i), caller_of(i));
		run = take_sums();
		all.bytes += run.bytes;
		all.calls += run.calls;
		all.python += run.python;
		covered += fabs(run.bytes - truth) <= 1.96 * sqrt(run.variance);
	}
	printf("bytes %.5f, Python's %.5f, calls %.5f of the truth; %.2f %% of the intervals hold it\n",
	       all.bytes / N_SEEDS / truth, all.python / N_SEEDS / python, all.calls / N_SEEDS / COPIES_OF_A_RUN,
	       100.0 * covered / N_SEEDS);
	assert_true(fabs(all.bytes / N_SEEDS / truth - 1) < 0.01);
	assert_true(fabs(all.python / N_SEEDS / python - 1) < 0.01);
	assert_true(fabs(all.calls / N_SEEDS / COPIES_OF_A_RUN - 1) < 0.01);
	assert_in_range(covered, N_SEEDS * 935 / 1000, N_SEEDS * 965 / 1000);
}

static void the_first_copy_is_met_by_its_size_like_any_other(void **state)
{
	unsigned met = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		fp_copies_forked(); /* as a thread that never copied */
		meter(FP_COPY_SAMPLE_BYTES, &elsewhere);
		met += take_sums().bytes > 0;
	}
	/* 1 - exp(-1) = 0.632, standard deviation 0.0076 */
	assert_in_range(met, 4000 * 602 / 1000, 4000 * 662 / 1000);
}

static void a_thread_inside_the_agent_keeps_the_sum(void **state)
{
	struct fp_thread *t = fp_thread_enter();

	(void)state;
	assert_non_null(t);
	arm(3);
	meter(1u << 30, &in_python);
	fp_thread_leave(t);
	assert_true(fabs(take_sums().python - (1u << 30)) < 1);
}

static void copy_on_signal(int number)
{
	(void)number;
	meter(1u << 30, &elsewhere);
}

/* A walk would map its working memory. */
static void an_alternate_stack_gets_no_walk(void **state)
{
	struct fp_thread *t = fp_thread_self;
	struct fp_scratch *kept = t->scratch;
	struct sigaction action = {.sa_handler = copy_on_signal, .sa_flags = SA_ONSTACK}, before;
	stack_t alternate = {.ss_sp = malloc(1u << 16), .ss_size = 1u << 16}, off = {.ss_flags = SS_DISABLE};

	(void)state;
	assert_non_null(alternate.ss_sp);
	assert_int_equal(sigaltstack(&alternate, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	arm(6);
	t->scratch = NULL;
	raise(SIGUSR1);
	assert_null(t->scratch);
	assert_true(take_sums().bytes > 0);
	meter(1u << 30, &elsewhere);
	assert_non_null(t->scratch);
	assert_true(take_sums().bytes > 0);
	munmap(t->scratch, t->scratch->n_bytes);
	t->scratch = kept;
	sigaction(SIGUSR1, &before, NULL);
	sigaltstack(&off, NULL);
	free(alternate.ss_sp);
}

static void nothing_is_written_for_another_process(void **state)
{
	(void)state;
	arm(4);
	fork_word = 0; /* a fork that no handler saw */
	meter(1u << 30, &in_python);
	fork_word = 1;
	fp_context.pid++; /* a vfork child */
	meter(1u << 30, &in_python);
	fp_context.pid--;
	assert_true(take_sums().bytes == 0);
	meter(1u << 30, &in_python);
	assert_true(take_sums().bytes > 0);
}

static void the_floating_point_state_is_the_programs(void **state)
{
	(void)state;
	arm(5);
	feclearexcept(FE_ALL_EXCEPT);
	assert_int_equal(fesetround(FE_UPWARD), 0);
	errno = 77;
	feenableexcept(FE_INEXACT | FE_DIVBYZERO | FE_OVERFLOW); /* arithmetic of ours would end the test */
	for (unsigned i = 0; i < 100; i++)
		meter(3u << 20, &elsewhere);
	fedisableexcept(FE_ALL_EXCEPT);
	assert_int_equal(errno, 77);
	assert_int_equal(fegetround(), FE_UPWARD);
	assert_int_equal(fetestexcept(FE_ALL_EXCEPT), 0);
	assert_int_equal(fesetround(FE_TONEAREST), 0);
	(void)take_sums();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact),
		cmocka_unit_test(estimates_are_unbiased_and_their_intervals_honest),
		cmocka_unit_test(the_first_copy_is_met_by_its_size_like_any_other),
		cmocka_unit_test(a_thread_inside_the_agent_keeps_the_sum),
		cmocka_unit_test(an_alternate_stack_gets_no_walk),
		cmocka_unit_test(nothing_is_written_for_another_process),
		cmocka_unit_test(the_floating_point_state_is_the_programs),
	};

	return cmocka_run_group_tests(tests, open_capture, close_capture);
}
