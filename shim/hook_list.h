/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function that the agent interposes, once: exports.map, the table of
 * originals (real.h) and the tests are compared with this list.
 * OPTIONAL: not in every libc that we run on.
 */
#ifndef FP_SHIM_HOOK_LIST_H
#define FP_SHIM_HOOK_LIST_H

#define FP_HOOKS(X) \
	X(malloc, REQUIRED) \
	X(calloc, REQUIRED) \
	X(realloc, REQUIRED) \
	X(reallocarray, OPTIONAL) \
	X(free, REQUIRED) \
	X(free_sized, OPTIONAL) \
	X(free_aligned_sized, OPTIONAL) \
	X(posix_memalign, REQUIRED) \
	X(aligned_alloc, REQUIRED) \
	X(memalign, REQUIRED) \
	X(valloc, REQUIRED) \
	X(pvalloc, OPTIONAL) \
	X(mmap, REQUIRED) \
	X(mmap64, REQUIRED) \
	X(munmap, REQUIRED) \
	X(mremap, REQUIRED) \
	X(brk, REQUIRED) \
	X(sbrk, REQUIRED) \
	X(pthread_create, REQUIRED) \
	X(thrd_create, OPTIONAL) \
	X(execve, REQUIRED) \
	X(execv, REQUIRED) \
	X(execvp, REQUIRED) \
	X(execvpe, REQUIRED) \
	X(execl, REQUIRED) \
	X(execlp, REQUIRED) \
	X(execle, REQUIRED) \
	X(fexecve, REQUIRED) \
	X(execveat, OPTIONAL) \
	X(posix_spawn, REQUIRED) \
	X(posix_spawnp, REQUIRED) \
	X(system, REQUIRED) \
	X(popen, REQUIRED) \
	X(_exit, REQUIRED) \
	X(_Exit, REQUIRED) \
	X(quick_exit, REQUIRED) \
	X(abort, REQUIRED) \
	X(raise, REQUIRED) \
	X(kill, REQUIRED) \
	X(killpg, REQUIRED) \
	X(pthread_kill, REQUIRED) \
	X(sigaction, REQUIRED) \
	X(signal, REQUIRED) \
	X(bsd_signal, OPTIONAL) \
	X(ssignal, OPTIONAL) \
	X(sysv_signal, OPTIONAL) \
	X(__sysv_signal, OPTIONAL) \
	X(sigset, OPTIONAL) \
	X(sigignore, OPTIONAL) \
	X(siginterrupt, OPTIONAL) \
	X(sigprocmask, REQUIRED) \
	X(pthread_sigmask, REQUIRED) \
	X(setitimer, REQUIRED) \
	X(sigsetmask, OPTIONAL) \
	X(sigblock, OPTIONAL) \
	X(sighold, OPTIONAL) \
	X(sigrelse, OPTIONAL) \
	X(sigpending, REQUIRED) \
	X(sigwait, REQUIRED) \
	X(sigwaitinfo, REQUIRED) \
	X(sigtimedwait, REQUIRED) \
	X(signalfd, REQUIRED) \
	X(prctl, REQUIRED) \
	X(syscall, REQUIRED) \
	X(dlopen, REQUIRED) \
	X(dlclose, REQUIRED) \
	X(memcpy, REQUIRED) \
	X(memmove, REQUIRED) \
	X(mempcpy, OPTIONAL) \
	X(__memcpy_chk, OPTIONAL) \
	X(__memmove_chk, OPTIONAL) \
	X(__mempcpy_chk, OPTIONAL)

#endif
