/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * det-switch.h - a fiber as the switch sees it.
 */
#ifndef KC_HOST_DET_SWITCH_H
#define KC_HOST_DET_SWITCH_H

#include <stddef.h>
#include <stdint.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

/** struct fiber_regs - what is kept of a stack that is not running */
struct fiber_regs {
#if defined(__x86_64__)
	void *sp;
#else
	ucontext_t ctx;
#endif
};

void fiber_prepare(struct fiber_regs *f, void *lo, size_t bytes, void (*entry)(void));
void fiber_switch(struct fiber_regs *from, struct fiber_regs *to);

#endif
