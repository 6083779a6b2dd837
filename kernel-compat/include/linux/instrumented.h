/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * instrumented.h - hooks for KASAN and KCSAN around user copies. Empty: the copies here are C on the linear
 * map, so that ASan and TSan see them by themselves.
 */
#ifndef _LINUX_INSTRUMENTED_H
#define _LINUX_INSTRUMENTED_H

#include <linux/types.h>
#include <linux/compiler.h>

static inline void instrument_copy_to_user(void __user *to, const void *from, unsigned long n)
{
}

static inline void instrument_copy_from_user_before(const void *to, const void __user *from, unsigned long n)
{
}

static inline void instrument_copy_from_user_after(const void *to, const void __user *from, unsigned long n,
						   unsigned long left)
{
}

#endif
