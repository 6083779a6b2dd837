/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - 32-bit programs: their iovec. Nobody here is one, but who passes such an array by hand gets it
 * read rightly.
 */
#ifndef _LINUX_COMPAT_H
#define _LINUX_COMPAT_H

#include <linux/compiler.h>
#include <linux/types.h>

typedef u32 compat_uptr_t;
typedef s32 compat_ssize_t;
typedef u32 compat_size_t;

struct compat_iovec {
	compat_uptr_t iov_base;
	compat_size_t iov_len;
};

static inline void __user *compat_ptr(compat_uptr_t uptr)
{
	return (void __user *)(unsigned long)uptr;
}

static inline bool in_compat_syscall(void)
{
	return false;
}

#endif
