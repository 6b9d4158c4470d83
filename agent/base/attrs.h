/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes and small constants that every folder of agent/ uses. */
#ifndef FP_BASE_ATTRS_H
#define FP_BASE_ATTRS_H

#include <stddef.h>
#include <stdint.h>

#define FP_NODISCARD __attribute__((warn_unused_result))
#define FP_COLD __attribute__((cold, noinline))
#define FP_EXPORT __attribute__((visibility("default")))
/* On a declaration: of this library, so not looked up by an instruction more at each use. */
#define FP_OWN __attribute__((visibility("hidden")))
#define FP_UNUSED __attribute__((unused))
#define fp_likely(x) __builtin_expect(!!(x), 1)
#define fp_unlikely(x) __builtin_expect(!!(x), 0)

#define FP_PAGE_BYTES 4096u
#define FP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline uint64_t fp_round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

#endif
