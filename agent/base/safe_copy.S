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
	/* Most reads are of one word, most others of a frame. */
	cmpq	$8, %rdx
	jne	1f
	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	xorl	%eax, %eax
	ret
1:	movq	%rdx, %rcx
	shrq	$3, %rcx
	subq	$4, %rcx
	jb	3f
2:	movq	(%rsi), %rax
	movq	8(%rsi), %r8
	movq	16(%rsi), %r9
	movq	24(%rsi), %r10
	movq	%rax, (%rdi)
	movq	%r8, 8(%rdi)
	movq	%r9, 16(%rdi)
	movq	%r10, 24(%rdi)
	addq	$32, %rsi
	addq	$32, %rdi
	subq	$4, %rcx
	jae	2b
3:	addq	$4, %rcx
	jz	5f
4:	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	decq	%rcx
	jnz	4b
5:	andl	$7, %edx
	jz	7f
6:	movzbl	(%rsi), %eax
	movb	%al, (%rdi)
	incq	%rsi
	incq	%rdi
	decl	%edx
	jnz	6b
7:	xorl	%eax, %eax
	ret
fp_safe_copy_end:
fp_safe_copy_fault:
	movl	$-14, %eax
	ret
	.cfi_endproc
	.size	fp_safe_copy, .-fp_safe_copy
#endif
	.section .note.GNU-stack,"",@progbits
