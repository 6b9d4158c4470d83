/* SPDX-License-Identifier: Apache-2.0 */
/* The copy loop of safe_load.h.  No stack, no calls: a fault anywhere between
 * the first two labels is answered at the third. */
#if defined(__x86_64__)
	.text
	.globl	fp_safe_copy
	.hidden	fp_safe_copy
	.hidden	fp_safe_copy_end
	.hidden	fp_safe_copy_fault
	.globl	fp_safe_copy_end
	.globl	fp_safe_copy_fault
	.type	fp_safe_copy, @function
fp_safe_copy:
	.cfi_startproc
	movq	%rdx, %rcx
	shrq	$3, %rcx
	jz	2f
1:	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	decq	%rcx
	jnz	1b
2:	andl	$7, %edx
	jz	4f
3:	movzbl	(%rsi), %eax
	movb	%al, (%rdi)
	incq	%rsi
	incq	%rdi
	decl	%edx
	jnz	3b
4:	xorl	%eax, %eax
	ret
fp_safe_copy_end:
fp_safe_copy_fault:
	movl	$-14, %eax
	ret
	.cfi_endproc
	.size	fp_safe_copy, .-fp_safe_copy
#endif
	.section .note.GNU-stack,"",@progbits
