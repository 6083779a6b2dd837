/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioprio.h - IO priorities: 3 bits of class, 13 bits of data, of which the low 3 are the level.
 *
 * Names and values as in Linux 6.1. A task has no priority of its own here: what a bio carries is what its
 * submitter gave it.
 */
#ifndef _LINUX_IOPRIO_H
#define _LINUX_IOPRIO_H

#include <linux/types.h>
#include <linux/errno.h>

#define IOPRIO_CLASS_SHIFT	13
#define IOPRIO_NR_CLASSES	8
#define IOPRIO_CLASS_MASK	(IOPRIO_NR_CLASSES - 1)
#define IOPRIO_PRIO_MASK	((1UL << IOPRIO_CLASS_SHIFT) - 1)
#define IOPRIO_NR_LEVELS	8
#define IOPRIO_NORM		4

enum { IOPRIO_CLASS_NONE, IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE };

#define IOPRIO_PRIO_CLASS(ioprio)	(((ioprio) >> IOPRIO_CLASS_SHIFT) & IOPRIO_CLASS_MASK)
#define IOPRIO_PRIO_DATA(ioprio)	((ioprio) & IOPRIO_PRIO_MASK)
#define IOPRIO_PRIO_VALUE(class, data)								\
	((((class) & IOPRIO_CLASS_MASK) << IOPRIO_CLASS_SHIFT) | ((data) & IOPRIO_PRIO_MASK))

/*
 * May a user say this? 0 or -EINVAL: an unknown class, a level that its class does not have. In 6.1 also
 * -EPERM, for the real-time class without the right to it: here everybody has it. Context: any.
 */
static inline int ioprio_check_cap(int ioprio)
{
	switch (IOPRIO_PRIO_CLASS(ioprio)) {
	case IOPRIO_CLASS_RT:
	case IOPRIO_CLASS_BE:
		return IOPRIO_PRIO_DATA(ioprio) >= IOPRIO_NR_LEVELS ? -EINVAL : 0;
	case IOPRIO_CLASS_IDLE:
		return 0;
	case IOPRIO_CLASS_NONE:
		return IOPRIO_PRIO_DATA(ioprio) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

#endif
