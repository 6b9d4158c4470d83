/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Poisson sampling by bytes: the distance to the next sample and the chance
 * that a block of n bytes was met.  No libm: pure arithmetic, any context.
 *
 * A block of n bytes is met with p = 1 - exp(-n / mean), whatever lies before
 * it, so 1/p is the unbiased weight of a block that was met (Horvitz and
 * Thompson 1952), and (1 - p) / p^2 its share of the variance.
 */
#ifndef FP_BASE_POISSON_H
#define FP_BASE_POISSON_H

#include <stdint.h>
#include <string.h>

/* Natural logarithm of x > 0, normal; error below 1e-11. */
static inline double fp_log(double x)
{
	uint64_t bits;
	double s, s2, m;
	int exponent;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffull) | (1023ull << 52);
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.4142135623730951) {
		m /= 2;
		exponent++;
	}
	s = (m - 1) / (m + 1);
	s2 = s * s;
	m = 0;
	for (int k = 17; k >= 1; k -= 2)
		m = m * s2 + 1.0 / k;
	return 2 * s * m + exponent * 0.6931471805599453;
}

/* 1 - exp(-x) for x >= 0, to 1e-12 relative. */
static inline double fp_met(double x)
{
	double sum = 1, power;
	unsigned halvings = 0;

	if (x > 50)
		return 1;
	for (; x > 0.25; halvings++)
		x /= 2;
	for (int k = 11; k >= 2; k--)
		sum = 1 - x / k * sum;
	power = x * sum; /* 1 - exp(-x) of the halved x */
	for (; halvings; halvings--)
		power = power * (2 - power);
	return power;
}

/* xorshift64*: state must not be 0. */
static inline uint64_t fp_random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

/* Bytes until the next sample: exponential with this mean, at least 1. */
static inline int64_t fp_poisson_distance(uint64_t *state, uint64_t mean_bytes)
{
	double u = ((double)(fp_random_next(state) >> 11) + 1) / 9007199254740993.0; /* (0, 1) */
	double bytes = -fp_log(u) * (double)mean_bytes;

	return (int64_t)bytes + 1;
}

#endif
