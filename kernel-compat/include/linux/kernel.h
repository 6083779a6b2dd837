/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.h - the usual handful. */
#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <stdarg.h>
#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/stddef.h>
#include <linux/types.h>

#define __must_be_array(a)	BUILD_BUG_ON_ZERO(__same_type((a), &(a)[0]))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]) + __must_be_array(a))

#define upper_32_bits(n)	((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n)	((u32)((n) & 0xffffffff))

/* Directions of data, as the caller of a read or a write sees them. */
#define READ	0
#define WRITE	1

#define u64_to_user_ptr(x)	((void __user *)(uintptr_t)(x))

void kc_might_sleep_at(const char *file, int line);
#ifdef KC_DEBUG
#define might_sleep()		kc_might_sleep_at(__FILE__, __LINE__)
#else
#define might_sleep()		((void)0)
#endif
#define might_sleep_if(cond)								\
	do {										\
		if (cond)								\
			might_sleep();							\
	} while (0)

/* About to touch user memory: that sleeps, unless page faults are off. */
#ifdef KC_DEBUG
void kc_might_fault_at(const char *file, int line);
#define might_fault()		kc_might_fault_at(__FILE__, __LINE__)
#else
#define might_fault()		((void)0)
#endif

#endif
