/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uio.h - iov_iter as Linux 3.12 had it: a position in an array of iovecs, for buffered writes and nothing else.
 *
 * There is one kind of memory, behind addresses. Whether such an address is a program's or the kernel's own is not
 * the iterator's knowledge but the running task's: its address limit. set_fs(KERNEL_DS) lifted it, and that is how
 * the loop driver wrote to a file from kernel memory. Here the limit cannot be set: a task with an address space is
 * a program and limited to it, a kernel thread has none and copies from kernel addresses alone.
 *
 * The copy that a buffered write makes under a page lock does not fault, so it may stop early: it says how far it
 * came and does not move the iterator. The caller does.
 */
#ifndef _LINUX_UIO_H
#define _LINUX_UIO_H

#include <uapi/linux/uio.h>
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "design.h"

#define MAX_RW_COUNT	((size_t)(0x7fffffff & PAGE_MASK))	/* bytes of one call; the rest is left over */

/**
 * struct iov_iter - what is left of a transfer
 * @iov: current segment
 * @nr_segs: segments left, the current one included
 * @iov_offset: bytes of the current segment that are behind
 * @count: bytes left; what the vector has beyond is not looked at
 */
struct iov_iter {
	const struct iovec *iov;
	unsigned long nr_segs;
	size_t iov_offset;
	size_t count;
};

/* Does the running task copy from kernel addresses? The address limit of 3.12: see above. */
static inline bool uaccess_kernel(void)
{
	return !current->mm;
}

static inline size_t iov_iter_count(const struct iov_iter *i)
{
	return i->count;
}

void iov_iter_advance(struct iov_iter *i, size_t bytes);
int iov_iter_fault_in_readable(const struct iov_iter *i, size_t bytes);
size_t iov_iter_copy_from_user_atomic(struct page *page, const struct iov_iter *i, unsigned long offset,
				      size_t bytes);
size_t iov_iter_copy_from_user(struct page *page, const struct iov_iter *i, unsigned long offset, size_t bytes);
ssize_t rw_copy_check_uvector(const struct iovec *iov, unsigned int nr_segs);

/**
 * iov_iter_init - an iterator over the segments of a call
 * @i: to be set
 * @iov: lives as long as the iterator is used
 * @nr_segs: how many
 * @count: bytes of them that are left
 * @written: bytes of them that are behind already
 *
 * Context: any.
 */
static inline void iov_iter_init(struct iov_iter *i, const struct iovec *iov, unsigned long nr_segs, size_t count,
				 size_t written)
{
	i->iov = iov;
	i->nr_segs = nr_segs;
	i->iov_offset = 0;
	i->count = count + written;
	iov_iter_advance(i, written);
}

/* Bytes left of the current segment. */
static inline size_t iov_iter_single_seg_count(const struct iov_iter *i)
{
	return min(i->count, i->iov->iov_len - i->iov_offset);
}

#endif
