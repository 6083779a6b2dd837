/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irqflags.h - interrupts off. The only interrupts are IO completions, which run where their task
 * waits, so nothing can come between; the state is kept (in det and check builds) so that sleeping
 * with interrupts off is caught.
 */
#ifndef _LINUX_IRQFLAGS_H
#define _LINUX_IRQFLAGS_H

#include <linux/preempt.h>

#ifdef KC_PREEMPT_COUNT
#define local_irq_save(flags)								\
	do {										\
		(flags) = current->kc_irqs_off;						\
		current->kc_irqs_off = 1;						\
	} while (0)
#define local_irq_restore(flags)	((void)(current->kc_irqs_off = (flags)))
#define local_irq_disable()		((void)(current->kc_irqs_off = 1))
#define local_irq_enable()		((void)(current->kc_irqs_off = 0))
#define irqs_disabled()			(current->kc_irqs_off || current->kc_irq_depth)
#else
#define local_irq_save(flags)		((void)((flags) = 0))
#define local_irq_restore(flags)	((void)(flags))
#define local_irq_disable()		barrier()
#define local_irq_enable()		barrier()
#define irqs_disabled()			(current->kc_irq_depth != 0)
#endif

#endif
