// SPDX-License-Identifier: GPL-2.0-only
/*
 * ktime.c - clocks: the host's.
 */
#include <linux/ktime.h>
#include "host.h"

/** ktime_get - monotonic time in ns; virtual in det */
ktime_t ktime_get(void)
{
	return (ktime_t)host_clock_ns();
}

/** ktime_get_ns - the same, unsigned */
u64 ktime_get_ns(void)
{
	return host_clock_ns();
}
