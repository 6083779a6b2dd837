/* SPDX-License-Identifier: GPL-2.0-only */
/* log2.h - powers of two. All usable in constant expressions with constant arguments. */
#ifndef _LINUX_LOG2_H
#define _LINUX_LOG2_H

#include <linux/types.h>

/* Position of the highest bit set; n > 0. */
#define ilog2(n)		(63 - __builtin_clzll((unsigned long long)(n)))
#define is_power_of_2(n) ({								\
	unsigned long long __p2 = (n);							\
	__p2 != 0 && (__p2 & (__p2 - 1)) == 0; })
/* n in 1 … 2^63 */
#define roundup_pow_of_two(n)	((n) <= 1 ? 1UL : 1UL << (ilog2((n) - 1) + 1))
#define rounddown_pow_of_two(n)	(1UL << ilog2(n))
/* log2 rounded up; 0 for n <= 1 */
#define order_base_2(n)		((n) > 1 ? ilog2((n) - 1) + 1 : 0)

#endif
