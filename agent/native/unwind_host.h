/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the private libunwind calls in place of libc
 * (tools/cmake/libunwind.redirects).  Any context: it runs in a signal
 * handler, under the one lock of unwind_rule.c, so its own locks do nothing.
 */
#ifndef FP_NATIVE_UNWIND_HOST_H
#define FP_NATIVE_UNWIND_HOST_H

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Serves the newest snapshot; takes no lock of the loader. */
int fp_native_iterate_phdr(int (*seen)(struct dl_phdr_info *info, size_t n_bytes, void *data), void *data);

/* Memory that is never given back: libunwind asks for an
 * address space, once. */
void *fp_native_malloc(size_t n_bytes);
void *fp_native_calloc(size_t n, size_t n_bytes);
void fp_native_free(void *p);
void *fp_native_map(void *at, size_t n_bytes, int protection, int flags, int fd, off_t offset);
int fp_native_unmap(void *at, size_t n_bytes);

int fp_native_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int fp_native_mutex_lock(pthread_mutex_t *mutex);
int fp_native_mutex_unlock(pthread_mutex_t *mutex);
int fp_native_sigprocmask(int how, const sigset_t *set, sigset_t *old);

/* libunwind would validate memory by a pipe of its own: refused, as no
 * descriptor may stay open; our accessors validate. */
int fp_native_pipe(int ends[2], int flags);

/* Of the half of libunwind that is not taken; nobody resumes a cursor. */
int fp_native_setcontext(const void *context);

/* In place of libunwind's preparations for walking its own process. */
void fp_native_no_setup(void);
void fp_native_no_validation(void);
void fp_native_no_local_space(void);

/* The list of code made at run time: ours is empty, and the host's libunwind,
 * if it has one, is not asked. */
uintptr_t fp_native_dynamic_list(void);

#endif
