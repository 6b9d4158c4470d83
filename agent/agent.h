/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only header of agent/ that shim/ includes: what hooks tell the agent.
 * Unless a line says otherwise a function may be called in any thread, also
 * before constructors and after destructors, keeps errno, and does nothing
 * when the agent is off.
 */
#ifndef FP_AGENT_H
#define FP_AGENT_H

#include "agent/base/attrs.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Constructor and destructor of the object; ordinary context.  allocator: the
 * malloc that the program uses. */
void fp_agent_allocator(const void *allocator);
void fp_agent_boot(void);
void fp_agent_exit(void);

/* threads */
struct fp_thread_start; /* carries a start routine through pthread_create */
struct fp_thread_start *fp_agent_thread_wrap(void *(*routine)(void *), void *arg, size_t stack_bytes);
void fp_agent_thread_unwrap(struct fp_thread_start *start); /* creation failed */
void *fp_agent_thread_run(void *start);                    /* the start routine given to the kernel */

/* processes.  before_fork … after_fork run in the forking thread. */
void fp_agent_fork_prepare(void);
void fp_agent_fork_parent(void);
void fp_agent_fork_child(void);
/* The image is about to be replaced (true: for good unless it fails). */
void fp_agent_exec_begin(void);
void fp_agent_exec_failed(void);
/* The process ends without destructors; returns after rendering. */
void fp_agent_end(int reason, int status); /* enum fp_end_reason of capture/format.h */
/* The program is about to filter its system calls (seccomp): recording stops,
 * since a call of ours might end it. */
void fp_agent_filtered(void);
/* A program is started with this environment: counted when it lacks us.
 * n: 1, or -1 to take the last count back because the start failed. */
void fp_agent_spawn(char *const envp[], int n);

/* memory.  *fp_agent_memory is 0 while nothing is recorded: the hooks look
 * first.  allocator: enum fp_allocator.  Any context, a vfork child (whose
 * memory is the parent's) and a thread that is ending included; inside a signal
 * handler that interrupted one of these, nothing is recorded. */
extern FP_OWN const volatile uint32_t *fp_agent_memory;
/* After the block was given. */
void fp_agent_allocated(void *block, size_t n_bytes, int allocator);
/* Before it is given back. */
void fp_agent_freeing(void *block);
/* Before a realloc; when it failed and the block stays, resize_failed. */
struct fp_agent_block {
	uint64_t n_bytes;
	uint32_t cell, birth;
};
void fp_agent_resizing(void *block, struct fp_agent_block *ret_block);
void fp_agent_resize_failed(void *block, const struct fp_agent_block *before);
/* After mmap; caller: the hook's return address. */
void fp_agent_mapped(void *start, size_t n_bytes, int protection, int flags, int fd, const void *caller);
/* Before munmap, and around mremap. */
void fp_agent_unmapping(void *start, size_t n_bytes);
void fp_agent_remapped(void *old_start, size_t old_bytes, void *start, size_t n_bytes);
/* After brk or sbrk moved the break. */
void fp_agent_break_moved(void *old_break, void *new_break);

/* loader: after dlopen, dlclose; ordinary context. */
void fp_agent_modules_changed(void);
/* A dlopen is about to run that the agent cannot wait for: look at the next
 * event in ordinary context. */
void fp_agent_modules_later(void);

/* Copies.  A thread counts its own, in any context, known to the agent or not.
 * Each word changes by one instruction, so that a signal handler that copies
 * between two of them loses nothing. */
struct fp_copy_meter {
	uint64_t calls;
	int64_t left;    /* bytes until the next sample; not above 0: fp_agent_copied is due */
	int64_t armed;   /* sum of the distances so far: armed - left bytes were copied */
	uint64_t random;
};
extern __thread struct fp_copy_meter fp_copy_meter
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
/* After fp_agent_boot: are copies to be counted? */
bool fp_agent_counts_copies(void);
/* A copy of n bytes, called from caller, made left fall to 0 or below. */
void fp_agent_copied(size_t n_bytes, const void *caller);
/* memmove before libc's can be reached, before our own relocation too
 * (agent/base/move.c). */
void *fp_base_move(void *to, const void *from, size_t n_bytes);

/* signals.  Each returns true when it answered the call itself (*ret_result
 * is the result, errno set), false when the real function is to be called. */
bool fp_agent_sigaction(int number, const struct sigaction *act, struct sigaction *old, int *ret_result);
/* pthread_sigmask and sigprocmask: our signal stays deliverable, the host sees
 * the mask that it set.  *ret_error: 0 or an errno value. */
bool fp_agent_sigmask(int how, const sigset_t *set, sigset_t *old, int *ret_error);
/* sigwait and its like, signalfd: true when *ret_changed, the set without our
 * signal, is to be used instead. */
bool fp_agent_wait_set(const sigset_t *set, sigset_t *ret_changed);
void fp_agent_hide_pending(sigset_t *set);
/* Handlers on an alternate stack block our signal besides (true: *ret_changed
 * is to be installed); the host does not see it in the old action. */
bool fp_agent_shield(int number, const struct sigaction *act, struct sigaction *ret_changed);
bool fp_agent_shielded(int number);
void fp_agent_unshield(struct sigaction *old);
/* Around what hands the calling thread's mask to a new program or thread: the mask that
 * the host believes in becomes real, and back. */
void fp_agent_mask_show(void);
void fp_agent_mask_hide(void);
void fp_agent_timer_prof(void); /* setitimer/getitimer(ITIMER_PROF): moves our signal away */
/* Would this signal, sent to the process by itself now, end it? */
bool fp_agent_signal_deadly(int number);

#endif
