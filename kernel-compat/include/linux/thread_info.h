/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * thread_info.h - what a copy between kernel and user memory asks about its kernel side.
 */
#ifndef _LINUX_THREAD_INFO_H
#define _LINUX_THREAD_INFO_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/types.h>

/*
 * Is @addr known to have room for @bytes, as far as the compiler can tell? Linux makes a constant size that
 * is too large an error of compilation and walks the heap besides (hardened usercopy); here both are a WARN
 * and ASan's business. Context: any.
 */
static __always_inline bool __must_check check_copy_size(const void *addr, size_t bytes, bool is_source)
{
	size_t room_bytes = __builtin_object_size(addr, 0);	/* all ones: unknown */

	if (WARN_ON_ONCE(bytes > room_bytes) || WARN_ON_ONCE(bytes > INT_MAX))
		return false;
	return true;
}

#endif
