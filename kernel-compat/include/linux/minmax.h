/* SPDX-License-Identifier: GPL-2.0-only */
/* minmax.h - each argument is evaluated once; min() and max() want one type. */
#ifndef _LINUX_MINMAX_H
#define _LINUX_MINMAX_H

#include <linux/compiler.h>

#define __kc_cmp(a, b, op) ({								\
	typeof(a) __cmp_a = (a);							\
	typeof(b) __cmp_b = (b);							\
	_Static_assert(__same_type(__cmp_a, __cmp_b), "min/max of different types: use min_t/max_t"); \
	__cmp_a op __cmp_b ? __cmp_a : __cmp_b; })

#define min(a, b)		__kc_cmp((a) + 0, (b) + 0, <)
#define max(a, b)		__kc_cmp((a) + 0, (b) + 0, >)
#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define min_t(type, a, b)	__kc_cmp((type)(a), (type)(b), <)
#define max_t(type, a, b)	__kc_cmp((type)(a), (type)(b), >)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)

/* The smaller of two that is not zero; 0 when both are. */
#define min_not_zero(a, b) ({								\
	typeof(a) __mnz_a = (a);							\
	typeof(b) __mnz_b = (b);							\
	__mnz_a == 0 ? __mnz_b : (__mnz_b == 0 ? __mnz_a : min(__mnz_a, __mnz_b)); })

#define swap(a, b) do {									\
	typeof(a) __swap = (a);								\
	(a) = (b);									\
	(b) = __swap;									\
} while (0)

#endif
