// SPDX-License-Identifier: GPL-2.0-only
/*
 * det-switch.c - leaving one stack for another: det's fibers, and stacks that a task makes for itself (stack.c).
 *
 * On x86-64 the switch is written out: six registers and the stack pointer. swapcontext() would
 * make a system call for the signal mask each time, and under ASan forgets what is poisoned on the
 * stack it enters. Other machines take ucontext all the same: slower, and correct.
 */
#include <string.h>
#include "det-switch.h"

#if defined(__x86_64__)

#define SAVED_REGS	6

/* The stack as switch_stacks() leaves it: saved registers and return address. */
asm(
	".text\n"
	".type switch_stacks, @function\n"
	"switch_stacks:\n"
	"	.cfi_startproc\n"
	"	pushq	%rbp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq	%rbx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq	%r12\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq	%r13\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq	%r14\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq	%r15\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	movq	%rsp, (%rdi)\n"
	"	movq	%rsi, %rsp\n"
	"	popq	%r15\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%r14\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%r13\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%r12\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%rbx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq	%rbp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size switch_stacks, . - switch_stacks\n"
);

void switch_stacks(void **save_sp, void *load_sp);

/** fiber_prepare - @f will run @entry (which never returns) on the stack [@lo, @lo + @bytes) */
void fiber_prepare(struct fiber_regs *f, void *lo, size_t bytes, void (*entry)(void))
{
	uintptr_t *sp = (uintptr_t *)((char *)lo + bytes);

	*--sp = 0;			/* @entry's return address; 8 bytes off alignment, as after a call */
	*--sp = (uintptr_t)entry;
	sp -= SAVED_REGS;
	memset(sp, 0, SAVED_REGS * sizeof(*sp));
	f->sp = sp;
}

/** fiber_switch - go on with @to; returns when @from is switched to */
void fiber_switch(struct fiber_regs *from, struct fiber_regs *to)
{
	switch_stacks(&from->sp, to->sp);
}

#else

/** fiber_prepare - @f will run @entry (which never returns) on the stack [@lo, @lo + @bytes) */
void fiber_prepare(struct fiber_regs *f, void *lo, size_t bytes, void (*entry)(void))
{
	getcontext(&f->ctx);
	f->ctx.uc_stack.ss_sp = lo;
	f->ctx.uc_stack.ss_size = bytes;
	f->ctx.uc_link = NULL;
	makecontext(&f->ctx, entry, 0);
}

/** fiber_switch - go on with @to; returns when @from is switched to */
void fiber_switch(struct fiber_regs *from, struct fiber_regs *to)
{
	swapcontext(&from->ctx, &to->ctx);
}

#endif
