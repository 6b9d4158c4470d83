/* SPDX-License-Identifier: Apache-2.0 */
/* Text building, clocks, and loads that survive a bad address. */
#include "agent/base/clock.h"
#include "agent/base/safe_load.h"
#include "agent/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

static void a_writer_is_bounded(void **state)
{
	char buffer[8];
	struct fp_writer w = fp_writer_over(buffer, sizeof(buffer));

	(void)state;
	fp_writer_text(&w, "abc");
	fp_writer_number(&w, 1234567890);
	assert_string_equal(buffer, "abc1234");
	assert_true(w.cut);
	assert_int_equal(w.used, 7);
}

static void numbers_round_trip(void **state)
{
	static const uint64_t values[] = {0, 1, 9, 10, 4294967296ull, UINT64_MAX};
	char buffer[32];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct fp_writer w = fp_writer_over(buffer, sizeof(buffer));
		const char *s = buffer;

		fp_writer_number(&w, values[i]);
		assert_true(fp_text_number(&s) == values[i]);
		assert_int_equal(*s, 0);
	}
}

static void texts_compare(void **state)
{
	char small[4];

	(void)state;
	assert_true(fp_text_equal("a", "a") && !fp_text_equal("a", "ab") && !fp_text_equal("ab", "a"));
	assert_true(fp_text_starts("abc", "ab") && fp_text_starts("abc", "") && !fp_text_starts("a", "ab"));
	fp_text_copy(small, sizeof(small), "12345");
	assert_string_equal(small, "123");
}

static void the_thread_clock_runs(void **state)
{
	uint64_t begin_ns = fp_clock_thread_ns(), other_ns;
	volatile unsigned n = 0;

	(void)state;
	while (fp_clock_thread_ns() - begin_ns < 2000000)
		n++;
	other_ns = fp_clock_other_thread_ns(fp_sys_tid());
	assert_true(other_ns >= begin_ns + 2000000);
	assert_true(fp_clock_thread_ns() >= other_ns);
	assert_int_equal(fp_clock_other_thread_ns(0x3ffffff), 0);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t landing = fp_safe_landing((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);

	(void)info;
	if (!landing)
		_exit(100 + number);
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)landing;
}

static void bad_addresses_are_answered(void **state)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	char *pages = fp_sys_map_private(2 * 4096), copy[64];

	(void)state;
	assert_non_null(pages);
	fp_sys_unmap(pages + 4096, 4096);
	memset(pages, 7, 4096);
	assert_int_equal(sigaction(SIGSEGV, &act, NULL), 0);
	for (size_t n = 0; n <= sizeof(copy); n++) {
		memset(copy, 0, sizeof(copy));
		assert_int_equal(fp_safe_copy(copy, pages + 4096 - n, n), 0);
		for (size_t i = 0; i < sizeof(copy); i++)
			assert_int_equal(copy[i], i < n ? 7 : 0);
		assert_int_equal(fp_safe_copy(copy, pages + 4097 - n, n), n ? -EFAULT : 0);
	}
	assert_int_equal(fp_safe_copy(copy, NULL, 8), -EFAULT);
	assert_int_equal(fp_safe_copy(copy, (void *)0xdead000000000000ull, 8), -EFAULT); /* not canonical */
	assert_int_equal(fp_safe_copy_slow(copy, pages, 64), 0);
	assert_int_equal(fp_safe_copy_slow(copy, pages + 4090, 64), -EFAULT);
	assert_int_equal(fp_reader_own.read(&fp_reader_own, (uintptr_t)pages, copy, 64), 0);
	assert_int_equal(fp_reader_own_slow.read(&fp_reader_own_slow, 8, copy, 8), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_writer_is_bounded),     cmocka_unit_test(numbers_round_trip),
		cmocka_unit_test(texts_compare),           cmocka_unit_test(the_thread_clock_runs),
		cmocka_unit_test(bad_addresses_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
