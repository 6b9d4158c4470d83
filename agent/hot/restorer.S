/* SPDX-License-Identifier: Apache-2.0 */
/* Return from a signal handler that was installed by the raw system call.
 * Unwinders and debuggers know a signal frame by exactly these bytes. */
#if defined(__x86_64__)
	.text
	.globl	fp_signal_restorer
	.hidden	fp_signal_restorer
	.type	fp_signal_restorer, @function
	nop
	.p2align 4
fp_signal_restorer:
	movq	$15, %rax
	syscall
	.size	fp_signal_restorer, .-fp_signal_restorer
#endif
	.section .note.GNU-stack,"",@progbits
