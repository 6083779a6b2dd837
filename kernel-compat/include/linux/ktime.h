/* SPDX-License-Identifier: GPL-2.0-only */
/* ktime.h - the host's monotonic clock (thr), or the virtual one (det). Nanoseconds. */
#ifndef _LINUX_KTIME_H
#define _LINUX_KTIME_H

#include <linux/types.h>

typedef s64 ktime_t;

#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define USEC_PER_SEC	1000000L
#define MSEC_PER_SEC	1000L

ktime_t ktime_get(void);
u64 ktime_get_ns(void);

#define ktime_to_ns(t)		(t)
#define ktime_sub(a, b)		((a) - (b))
#define ktime_add_ns(t, ns)	((t) + (ns))

#endif
