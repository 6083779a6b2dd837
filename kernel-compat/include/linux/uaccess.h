/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uaccess.h - copies between kernel and user memory.
 *
 * The range check is inside every call: there is none that trusts its caller, since that is how kernel addresses
 * slipped through in the past. Where Linux does trust it (raw_copy_*_user()), one that has not checked stops here. A
 * copy walks the soft page table of current->mm page by page and stops at the exact byte where the program itself would
 * fault. Copies return the number of bytes NOT copied. All bytes moved count as LAB_COPY_BYTES.
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

/*
 * What the above are made of in Linux: nothing is zeroed, and as a fault is handled where it may be (page
 * faults on, context not atomic), a page that is not there is populated there and ends the copy elsewhere.
 */
unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n);
/* Without the stop: its callers leave the check to whoever made the iterator, and here it fails instead. */
unsigned long __copy_from_user_inatomic_nocache(void *to, const void __user *from, unsigned long n);

/* Several small accesses after one check. */
#define user_access_begin(ptr, len_bytes)	access_ok(ptr, len_bytes)
#define user_access_end()			((void)0)
#define unsafe_get_user(x, ptr, label)							\
	do {										\
		u8 __ugu_val[sizeof(*(ptr))] __aligned(8);				\
											\
		if (raw_copy_from_user(__ugu_val, ptr, sizeof(__ugu_val)))		\
			goto label;							\
		(x) = *(__force const typeof(*(ptr)) *)__ugu_val;			\
	} while (0)

/* Make the pages present (and writable); return the bytes, from the first failure on, that could not be. */
size_t fault_in_readable(const char __user *uaddr, size_t size);
size_t fault_in_writeable(char __user *uaddr, size_t size);
/* By the page table, without an access by the processor; that is how all of it works here. */
size_t fault_in_safe_writeable(const char __user *uaddr, size_t size);

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
