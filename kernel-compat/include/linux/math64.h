/* SPDX-License-Identifier: GPL-2.0-only */
/* math64.h - 64-bit division, which this machine simply has. */
#ifndef _LINUX_MATH64_H
#define _LINUX_MATH64_H

#include <linux/types.h>

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline u64 mul_u64_u32_shr(u64 a, u32 mul, unsigned int shift)
{
	return (u64)(((unsigned __int128)a * mul) >> shift);
}

/* Divides n in place and is the remainder, as in the kernel. */
#define do_div(n, base) ({								\
	u32 __base = (base);								\
	u32 __rem = (u64)(n) % __base;							\
	(n) = (u64)(n) / __base;							\
	__rem; })

/* The quotient of sectors; x is divided in place. Is the remainder. */
#define sector_div(x, y)	do_div(x, y)

#endif
