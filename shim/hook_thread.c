/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: a start routine of ours around the program's, so that a thread is
 * known, and its CPU timer set, before its first instruction.  Called in
 * ordinary context; glibc's own threads (timers) do not come through here.
 */
#include "agent/agent.h"
#include "shim/real.h"

#include <pthread.h>
#include <threads.h>

/* 0: unknown. */
static size_t stack_bytes_of(const pthread_attr_t *attr)
{
	pthread_attr_t usual;
	size_t n_bytes = 0;

	if (attr)
		return pthread_attr_getstacksize(attr, &n_bytes) ? 0 : n_bytes;
	if (pthread_attr_init(&usual))
		return 0;
	if (pthread_attr_getstacksize(&usual, &n_bytes))
		n_bytes = 0;
	(void)pthread_attr_destroy(&usual);
	return n_bytes;
}

FP_HOOK int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *), void *arg)
{
	struct fp_thread_start *start = fp_agent_thread_wrap(routine, arg, stack_bytes_of(attr));
	int error;

	if (!start)
		return fp_real(pthread_create)(thread, attr, routine, arg);
	fp_agent_mask_show(); /* the thread inherits what the program believes */
	error = fp_real(pthread_create)(thread, attr, fp_agent_thread_run, start);
	fp_agent_mask_hide();
	if (error)
		fp_agent_thread_unwrap(start);
	return error;
}

/* The C11 routine returns int where fp_agent_thread_run returns a pointer: the
 * same register on every ABI that we know, its low half. */
FP_HOOK int thrd_create(thrd_t *thread, thrd_start_t routine, void *arg)
{
	struct fp_thread_start *start = fp_agent_thread_wrap((void *(*)(void *))(void *)routine, arg, stack_bytes_of(NULL));
	int result;

	if (!start)
		return fp_real(thrd_create)(thread, routine, arg);
	fp_agent_mask_show();
	result = fp_real(thrd_create)(thread, (thrd_start_t)(void *)fp_agent_thread_run, start);
	fp_agent_mask_hide();
	if (result != thrd_success)
		fp_agent_thread_unwrap(start);
	return result;
}
