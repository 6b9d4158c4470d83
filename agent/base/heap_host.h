/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the private jemalloc finds in place of libc (tools/cmake/jemalloc.redirects)
 * and what the heap asks of it.  Ordinary context, under jemalloc's locks.
 */
#ifndef FP_BASE_HEAP_HOST_H
#define FP_BASE_HEAP_HOST_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* jemalloc's own entries. */
void *fpje_malloc(size_t n_bytes);
void *fpje_calloc(size_t n, size_t n_bytes);
void *fpje_realloc(void *block, size_t n_bytes);
void fpje_free(void *block);
extern const char *fpje_malloc_conf;
extern void (*fpje_malloc_message)(void *ctx, const char *text);

/* The handlers that jemalloc wanted around fork; NULL before its first use. */
struct fp_heap_fork {
	void (*prepare)(void);
	void (*parent)(void);
	void (*child)(void);
};
extern struct fp_heap_fork fp_heap_fork_handlers;
extern size_t fp_heap_host_mapped_bytes;

char *fpje_host_getenv(const char *name);
ssize_t fpje_host_readlink(const char *path, char *buffer, size_t n_bytes);
void *fpje_host_map(void *at, size_t n_bytes, int protection, int flags, int fd, off_t offset);
int fpje_host_unmap(void *at, size_t n_bytes);
int fpje_host_protect(void *at, size_t n_bytes, int protection);
int fpje_host_advise(void *at, size_t n_bytes, int advice);
void *fpje_host_sbrk(intptr_t increment);
int fpje_host_thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *arg);
int fpje_host_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int fpje_host_atexit(void (*function)(void));
void *fpje_host_symbol(void *library, const char *name);
void fpje_host_abort(void) __attribute__((noreturn));
void fpje_host_exit(int status) __attribute__((noreturn));
int fpje_host_creat(const char *path, mode_t mode);
int fpje_host_open(const char *path, int flags, ...);
int fpje_host_backtrace(void *seen, void *ctx);
uintptr_t fpje_host_ip(void *context);
double fpje_host_log(double x);
double fpje_host_exp(double x);
double fpje_host_round(double x);

#endif
