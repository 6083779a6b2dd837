/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preempt.h - contexts. The depth of preempt_disable() and of interrupts off is kept where somebody
 * reads it: in det and in check builds. A release build is a CONFIG_PREEMPT_NONE kernel:
 * in_atomic() knows of irq context only.
 */
#ifndef _LINUX_PREEMPT_H
#define _LINUX_PREEMPT_H

#include <linux/sched.h>

#if defined(KC_DET) || defined(KC_DEBUG)
#define KC_PREEMPT_COUNT
#endif

#ifdef KC_PREEMPT_COUNT
#define preempt_count_inc()	((void)(current->kc_preempt_depth++, ({ barrier(); })))
#define preempt_count_dec()	((void)(({ barrier(); }), current->kc_preempt_depth--))
#define preempt_count()		(current->kc_preempt_depth)
#else
#define preempt_count_inc()	barrier()
#define preempt_count_dec()	barrier()
#define preempt_count()		0
#endif
#define preempt_disable()	preempt_count_inc()
#define preempt_enable()	preempt_count_dec()

#define in_interrupt()		in_hardirq()
#define in_irq()		in_hardirq()
#define in_task()		(!in_hardirq())
#define in_nmi()		0

#endif
