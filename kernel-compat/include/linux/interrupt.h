/* SPDX-License-Identifier: GPL-2.0-only */
/* interrupt.h - contexts are in preempt.h and irqflags.h. */
#ifndef _LINUX_INTERRUPT_H
#define _LINUX_INTERRUPT_H

#include <linux/irqflags.h>
#include <linux/preempt.h>

#endif
