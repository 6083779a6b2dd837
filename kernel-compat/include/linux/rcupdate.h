/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rcupdate.h - readers only. Nothing here is freed after a grace period, so a reader is in no danger; what is
 * kept is its rule, that it must not sleep. What would wait for readers is not declared.
 */
#ifndef _LINUX_RCUPDATE_H
#define _LINUX_RCUPDATE_H

#include <linux/preempt.h>

static inline void rcu_read_lock(void)
{
	preempt_disable();
}

static inline void rcu_read_unlock(void)
{
	preempt_enable();
}

#endif
