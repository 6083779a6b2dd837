/* SPDX-License-Identifier: GPL-2.0-only */
/* uio.h - a segment of user memory, as programs pass it. */
#ifndef _UAPI_LINUX_UIO_H
#define _UAPI_LINUX_UIO_H

#include <linux/compiler.h>
#include <linux/types.h>

struct iovec {
	void __user *iov_base;
	size_t iov_len;
};

#define UIO_FASTIOV	8	/* segments that callers keep on the stack */
#define UIO_MAXIOV	1024	/* segments of one call */

#endif
