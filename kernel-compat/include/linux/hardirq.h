/* SPDX-License-Identifier: GPL-2.0-only */
/* hardirq.h - contexts are in preempt.h and irqflags.h. */
#ifndef _LINUX_HARDIRQ_H
#define _LINUX_HARDIRQ_H

#include <linux/irqflags.h>
#include <linux/preempt.h>

#endif
