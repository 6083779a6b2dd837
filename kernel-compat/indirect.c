// SPDX-License-Identifier: GPL-2.0-only
/*
 * indirect.c - the thunks of the indirect build: every call through a pointer, counted exactly.
 *
 * -mindirect-branch=thunk-extern makes gcc emit "call __x86_indirect_thunk_REG" for each indirect call, so the thunk
 * is the counter: it adds one to the first probe of the current row and jumps on. At a call no argument lives in r10
 * or r11 (no nested functions here), so one of them is free. -mindirect-branch-register keeps targets out of memory,
 * -fno-jump-tables keeps switch statements out of the count. Source of the idea: the retpoline thunks of
 * arch/x86/lib/retpoline.S.
 */
#include <kc/probe.h>

#ifdef KC_COUNT_INDIRECT

/* The thunks add at offset 0 of the row. */
_Static_assert(LAB_INDIRECT == 0, "the thunks count into the first probe");

#define THUNK(reg, scratch)						\
	asm(".pushsection .text\n"					\
	    ".globl __x86_indirect_thunk_" #reg "\n"			\
	    ".type __x86_indirect_thunk_" #reg ", @function\n"		\
	    "__x86_indirect_thunk_" #reg ":\n"				\
	    "	mov kc_probe_row@gottpoff(%rip), %" #scratch "\n"	\
	    "	mov %fs:(%" #scratch "), %" #scratch "\n"		\
	    "	incq (%" #scratch ")\n"					\
	    "	jmp *%" #reg "\n"					\
	    ".popsection\n")

THUNK(rax, r11);
THUNK(rbx, r11);
THUNK(rcx, r11);
THUNK(rdx, r11);
THUNK(rsi, r11);
THUNK(rdi, r11);
THUNK(rbp, r11);
THUNK(r8, r11);
THUNK(r9, r11);
THUNK(r10, r11);
THUNK(r11, r10);
THUNK(r12, r11);
THUNK(r13, r11);
THUNK(r14, r11);
THUNK(r15, r11);

#else
typedef int kc_no_indirect_counter;	/* ISO C wants something in a unit */
#endif
