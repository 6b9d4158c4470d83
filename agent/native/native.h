/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native stacks and the module map.  libunwind is a private static copy: its
 * dl_iterate_phdr, malloc and mutex calls are redirected to this folder, so
 * that an unwind in a signal handler takes no lock of the host's.
 */
#ifndef FP_NATIVE_NATIVE_H
#define FP_NATIVE_NATIVE_H

#include "agent/python/python.h"

#include <stdint.h>

struct fp_module {
	uintptr_t start, end, bias;
	uintptr_t eh_frame_hdr;      /* 0: none */
	const void *phdr;            /* ElfW(Phdr)*, in the module's own memory */
	uint16_t n_phdr;
	uint8_t build_id_bytes;
	uint8_t build_id[20];
	char path[512];
};

/* Called for every object that appeared since the last refresh (added) or is
 * gone (!added). generation: of the map after this refresh. */
typedef void (*fp_module_seen)(void *ctx, const struct fp_module *m, bool added, uint32_t generation);

/* Takes a fresh snapshot of the loaded objects and publishes it for walks in
 * any thread.  Context: ordinary (constructor, after dlopen and dlclose,
 * fork child not needed); calls the loader.  The old snapshot is never freed
 * while a walk may read it. */
int fp_native_refresh(fp_module_seen seen, void *ctx);

/* The objects of the newest snapshot, as added: a fork child's capture lists
 * them again.  Any context in which no refresh runs. */
void fp_native_each(fp_module_seen seen, void *ctx);

/* Cheap: did the loader add or remove objects since the last refresh?
 * Async-signal-safe. */
uint32_t fp_native_generation(void);

/* Unwinds from the interrupted context, leaf first; return addresses of
 * callers are given minus 1 so that they lie in the call.  AS-safe, bounded,
 * never allocates from the host.  thread_scratch: fp_native_thread_bytes()
 * of zeroed memory that belongs to the calling thread.  Returns the number
 * of pcs (>= 1: the interrupted pc itself). */
unsigned fp_native_walk(void *thread_scratch, const void *ucontext, uintptr_t stack_low, uintptr_t stack_high,
			uintptr_t *pcs, unsigned cap);
size_t fp_native_thread_bytes(void);

/* fork child: locks of the private libunwind are reset. */
void fp_native_forked(void);

#endif
