/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uio.h - a position in memory that an IO moves to or from: the user's segments, or one piece of the kernel's.
 *
 * This is where a design says how it thinks about memory. The dullest answer: bytes are copied, by whoever knows
 * how. It never learns which pages they are in, so it can neither pin nor lend them.
 */
#ifndef _LINUX_UIO_H
#define _LINUX_UIO_H

#include <linux/types.h>
#include <asm/page.h>
#include "design.h"

#define UIO_MAXIOV	1024				/* segments of one call; -EINVAL beyond */
#define MAX_RW_COUNT	((size_t)(0x7fffffff & PAGE_MASK))	/* bytes of one call; the rest is left over */

/**
 * struct iov_iter - where in memory
 * @iov: the current segment of the user's; NULL: @kaddr
 * @kaddr: the kernel's memory from here on
 * @iov_offset: bytes of the segment that are behind
 * @count: bytes left
 */
struct iov_iter {
	const struct lab_iovec *iov;
	void *kaddr;
	size_t iov_offset;
	size_t count;
};

int iov_iter_init(struct iov_iter *iter, const struct lab_iovec *iov, unsigned int nr_segs);
void iov_iter_kernel(struct iov_iter *iter, void *kaddr, size_t count);
bool iov_iter_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask);
size_t copy_to_iter(struct iov_iter *iter, const void *from, size_t bytes);
size_t copy_from_iter(struct iov_iter *iter, void *to, size_t bytes);

static inline size_t iov_iter_count(const struct iov_iter *iter)
{
	return iter->count;
}

/* Cut what is left to @count; longer: no change. */
static inline void iov_iter_truncate(struct iov_iter *iter, size_t count)
{
	if (iter->count > count)
		iter->count = count;
}

#endif
