/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of sampling (poisson.h) against libm's, and the distances it draws. */
#include "agent/base/poisson.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void the_logarithm_is_libms(void **state)
{
	double worst = 0;

	(void)state;
	for (double x = 1.2e-16; x < 4e9; x *= 1.00037) {
		double error = fabs(fp_log(x) - log(x));

		worst = error > worst ? error : worst;
	}
	for (int i = -2000; i <= 2000; i++)
		worst = fmax(worst, fabs(fp_log(1 + i * 1e-7) - log(1 + i * 1e-7)));
	printf("worst error of the logarithm %.2g\n", worst);
	assert_true(worst < 1e-11);
}

static void the_chance_to_be_met_is_libms(void **state)
{
	double worst = 0;

	(void)state;
	for (double x = 1e-12; x < 1e6; x *= 1.00037) {
		double error = fabs(fp_met(x) / -expm1(-x) - 1);

		worst = error > worst ? error : worst;
	}
	printf("worst relative error of the chance %.2g\n", worst);
	assert_true(worst < 1e-12);
	assert_true(fp_met(0) == 0);
}

/* Exponential: mean, spread, and the share beyond some distances. */
static void distances_are_exponential(void **state)
{
	enum { N = 2000000 };
	const double mean = 4194304;
	uint64_t seed = 1;
	double sum = 0, squares = 0, beyond[3] = {0};

	(void)state;
	for (int i = 0; i < N; i++) {
		int64_t distance = fp_poisson_distance(&seed, (uint64_t)mean);
		double x = (double)distance / mean;

		assert_true(distance >= 1);
		sum += x;
		squares += x * x;
		for (int k = 0; k < 3; k++)
			beyond[k] += x > (double)k + 0.5;
	}
	assert_true(fabs(sum / N - 1) < 5 / sqrt(N));
	assert_true(fabs(squares / N - 2) < 5 * sqrt(20.0 / N));
	for (int k = 0; k < 3; k++)
		assert_true(fabs(beyond[k] / N - exp(-k - 0.5)) < 5 * sqrt(0.25 / N));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_logarithm_is_libms),
		cmocka_unit_test(the_chance_to_be_met_is_libms),
		cmocka_unit_test(distances_are_exponential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
