/* SPDX-License-Identifier: GPL-2.0-only */
/* math.h - rounding. round_up() and round_down() want a power of two, roundup() takes any divisor. */
#ifndef _LINUX_MATH_H
#define _LINUX_MATH_H

#include <linux/types.h>

#define __round_mask(x, y)	((typeof(x))((y) - 1))
#define round_up(x, y)		((((x) - 1) | __round_mask(x, y)) + 1)
#define round_down(x, y)	((x) & ~__round_mask(x, y))

#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d)	DIV_ROUND_UP((unsigned long long)(n), (d))
#define roundup(x, y) ({								\
	typeof(y) __ru_y = (y);								\
	(((x) + (__ru_y - 1)) / __ru_y) * __ru_y; })
#define rounddown(x, y) ({								\
	typeof(x) __rd_x = (x);								\
	__rd_x - (__rd_x % (y)); })
#define abs(x) ({									\
	typeof(x) __abs_x = (x);							\
	__abs_x < 0 ? -__abs_x : __abs_x; })

#endif
