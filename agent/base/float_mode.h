/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic in a hook must leave no trace in the program's floating-point
 * state (fetestexcept) and must not trap when the program unmasked exceptions
 * (feenableexcept).  Any context.
 */
#ifndef FP_BASE_FLOAT_MODE_H
#define FP_BASE_FLOAT_MODE_H

#include <stdint.h>

struct fp_float_mode {
	uint64_t control, status;
};

/* The program's mode; the default one is in force then. */
static inline struct fp_float_mode fp_float_begin(void)
{
	struct fp_float_mode kept = {0, 0};
#if defined(__x86_64__)
	uint32_t mxcsr, standard = 0x1f80;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("ldmxcsr %0" : : "m"(standard) : "memory");
	kept.control = mxcsr;
#elif defined(__aarch64__)
	__asm__ volatile("mrs %0, fpcr" : "=r"(kept.control));
	__asm__ volatile("mrs %0, fpsr" : "=r"(kept.status));
	__asm__ volatile("msr fpcr, xzr" : : : "memory");
#endif
	return kept;
}

static inline void fp_float_end(struct fp_float_mode kept)
{
#if defined(__x86_64__)
	uint32_t mxcsr = (uint32_t)kept.control;

	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr) : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("msr fpcr, %0" : : "r"(kept.control) : "memory");
	__asm__ volatile("msr fpsr, %0" : : "r"(kept.status) : "memory");
#endif
}

#endif
