/* SPDX-License-Identifier: Apache-2.0 */
/* Mixing for the ledgers' chains: one multiply per word (splitmix64's finaliser
 * halves); keys are addresses and small counts, not chosen by an attacker. */
#ifndef FP_BASE_HASH_H
#define FP_BASE_HASH_H

#include <stdint.h>

static inline uint64_t fp_hash_mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;

	return h ^ (h >> 29);
}

#endif
