/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block events, kept as they happen: where sim/block's trace_block_*() and Linux's own tracepoints (the design
 * upstream) end. While nobody listens a tracepoint is one look at one word that nobody writes; in the measure build it
 * is nothing.
 */
#ifndef _KC_BLKTRACE_H
#define _KC_BLKTRACE_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <kc/probe.h>
#include "blkevent.h"

extern struct lab_blktrace *kc_blktrace_into;	/* NULL: nobody listens */

static __always_inline bool kc_blktrace_on(void)
{
	return LAB_WITH_PROBES && unlikely(READ_ONCE(kc_blktrace_into));
}

/* While the other tasks are idle. */
void kc_blktrace_start(struct lab_blktrace *into);
void kc_blktrace_stop(void);
void kc_blktrace_add(struct lab_blkevent *ev);

#endif
