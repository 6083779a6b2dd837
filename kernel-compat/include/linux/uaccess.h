/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uaccess.h - copies between kernel and user memory.
 *
 * One entry point a direction. The range check is inside every call: there is no __copy_*_user() that
 * trusts its caller, since that is how kernel addresses slipped through in the past. A copy walks the
 * soft page table of current->mm page by page and stops at the exact byte where the program itself
 * would fault. Copies return the number of bytes NOT copied. All bytes moved count as LAB_COPY_BYTES.
 */
#ifndef _LINUX_UACCESS_H
#define _LINUX_UACCESS_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/sched.h>
#include "host.h"

#define TASK_SIZE_MAX	(HOST_USER_BASE + HOST_USER_BYTES)
#define TASK_SIZE	TASK_SIZE_MAX

/* Is [addr, addr + size) below the end of user addresses? Says nothing about what is mapped. */
static inline bool access_ok(const void __user *addr, unsigned long size)
{
	return size <= TASK_SIZE_MAX && (unsigned long)addr <= TASK_SIZE_MAX - size;
}

/* This one zeroes what it could not copy. */
unsigned long copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long copy_to_user(void __user *to, const void *from, unsigned long n);
unsigned long clear_user(void __user *to, unsigned long n);
/* Never populate a page, never sleep; the destination is left alone beyond what was copied. Any context. */
unsigned long copy_from_user_inatomic(void *to, const void __user *from, unsigned long n);
unsigned long copy_to_user_inatomic(void __user *to, const void *from, unsigned long n);

/* Make the pages present (and writable); return the bytes, from the first failure on, that could not be. */
size_t fault_in_readable(const char __user *uaddr, size_t size);
size_t fault_in_writeable(char __user *uaddr, size_t size);

static inline void pagefault_disable(void)
{
	current->pagefault_disabled++;
}

void pagefault_enable(void);

static inline bool pagefault_disabled(void)
{
	return current->pagefault_disabled != 0;
}

#endif
