/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uio.h - struct iov_iter as the series of 2012-2013 had it: a table of operations and a number.
 *
 * @data is an address: of a struct lab_iovec array (user memory, not pinned) or of a struct bio_vec array
 * (pages somebody else holds); which of the two only @ops can tell. Nothing else keeps them apart: that is
 * what Linus objected to, and it is kept. So are the names, the modes, and the pair of copies with and
 * without a check (NOTES.md, P1-P7).
 *
 * Rules of the eight methods:
 *  - the copies return the bytes that they copied; fewer means a fault. They do not move the iterator: the
 *    caller advances by what was copied;
 *  - one memory page of the page cache on the other side, in the kernel's linear map;
 *  - "atomic": nothing faults in, any context.
 */
#ifndef _LINUX_UIO_H
#define _LINUX_UIO_H

#include <linux/types.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/bvec.h>
#include <linux/uaccess.h>
#include <kc/probe.h>
#include "design.h"

struct iov_iter;

#define UIO_MAXIOV	1024				/* segments of one call; -EINVAL beyond */
#define UIO_FASTIOV	8				/* of them that need no memory of their own */
#define MAX_RW_COUNT	((size_t)(0x7fffffff & PAGE_MASK))	/* bytes of one call; the rest is left over */

/**
 * struct iov_iter_ops - what a kind of memory can do
 * @ii_copy_to_user_atomic: from @page at @offset to where the iterator is
 * @ii_copy_to_user: the same, may fault; looks at the addresses only with @check_access
 * @ii_copy_from_user_atomic: the other direction
 * @ii_copy_from_user: the same, may fault; never looks at the addresses
 * @ii_advance: move over @bytes
 * @ii_fault_in_readable: make the next @bytes of the first segment readable. 0, or not 0: a fault
 * @ii_single_seg_count: bytes left in the current segment
 * @ii_shorten: cut to @count bytes, the array too. 0 or -EINVAL
 */
struct iov_iter_ops {
	size_t (*ii_copy_to_user_atomic)(struct page *page, struct iov_iter *i, unsigned long offset,
					 size_t bytes);
	size_t (*ii_copy_to_user)(struct page *page, struct iov_iter *i, unsigned long offset, size_t bytes,
				  int check_access);
	size_t (*ii_copy_from_user_atomic)(struct page *page, struct iov_iter *i, unsigned long offset,
					   size_t bytes);
	size_t (*ii_copy_from_user)(struct page *page, struct iov_iter *i, unsigned long offset, size_t bytes);
	void (*ii_advance)(struct iov_iter *i, size_t bytes);
	int (*ii_fault_in_readable)(struct iov_iter *i, size_t bytes);
	size_t (*ii_single_seg_count)(const struct iov_iter *i);
	int (*ii_shorten)(struct iov_iter *i, size_t count);
};

/**
 * struct iov_iter - where in memory
 * @ops: ii_iovec_ops or ii_bvec_ops
 * @data: address of the current element
 * @nr_segs: elements left, the current one included; of bio_vecs stale once it was advanced
 * @iov_offset: bytes of the current element that are behind
 * @count: bytes left
 */
struct iov_iter {
	struct iov_iter_ops *ops;
	unsigned long data;
	unsigned long nr_segs;
	size_t iov_offset;
	size_t count;
};

extern struct iov_iter_ops ii_iovec_ops, ii_bvec_ops;

/* The one way to a method. Counts the call. */
#define iov_iter_op(i, op, ...)								\
	({										\
		lab_probe(ITER_OPS);							\
		(i)->ops->op(__VA_ARGS__);						\
	})

static inline size_t iov_iter_copy_to_user_atomic(struct page *page, struct iov_iter *i, unsigned long offset,
						  size_t bytes)
{
	return iov_iter_op(i, ii_copy_to_user_atomic, page, i, offset, bytes);
}

static inline size_t iov_iter_copy_to_user(struct page *page, struct iov_iter *i, unsigned long offset,
					   size_t bytes)
{
	return iov_iter_op(i, ii_copy_to_user, page, i, offset, bytes, 1);
}

static inline size_t __iov_iter_copy_to_user(struct page *page, struct iov_iter *i, unsigned long offset,
					     size_t bytes)
{
	return iov_iter_op(i, ii_copy_to_user, page, i, offset, bytes, 0);
}

static inline size_t iov_iter_copy_from_user_atomic(struct page *page, struct iov_iter *i,
						    unsigned long offset, size_t bytes)
{
	return iov_iter_op(i, ii_copy_from_user_atomic, page, i, offset, bytes);
}

static inline size_t iov_iter_copy_from_user(struct page *page, struct iov_iter *i, unsigned long offset,
					     size_t bytes)
{
	return iov_iter_op(i, ii_copy_from_user, page, i, offset, bytes);
}

static inline void iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	iov_iter_op(i, ii_advance, i, bytes);
}

static inline int iov_iter_fault_in_readable(struct iov_iter *i, size_t bytes)
{
	return iov_iter_op(i, ii_fault_in_readable, i, bytes);
}

static inline size_t iov_iter_single_seg_count(const struct iov_iter *i)
{
	return iov_iter_op(i, ii_single_seg_count, i);
}

static inline int iov_iter_shorten(struct iov_iter *i, size_t count)
{
	return iov_iter_op(i, ii_shorten, i, count);
}

static inline int iov_iter_has_iovec(const struct iov_iter *i)
{
	return i->ops == &ii_iovec_ops;
}

static inline int iov_iter_has_bvec(const struct iov_iter *i)
{
	return i->ops == &ii_bvec_ops;
}

static inline struct lab_iovec *iov_iter_iovec(const struct iov_iter *i)
{
	BUG_ON(!iov_iter_has_iovec(i));
	return (struct lab_iovec *)i->data;
}

static inline struct bio_vec *iov_iter_bvec(const struct iov_iter *i)
{
	BUG_ON(!iov_iter_has_bvec(i));
	return (struct bio_vec *)i->data;
}

static inline size_t iov_iter_count(const struct iov_iter *i)
{
	return i->count;
}

/**
 * iov_iter_init - an iterator over user memory
 * @i: to be set
 * @iov: segments that iov_copy_check() has passed; ii_shorten writes to them
 * @nr_segs: >= 1, unless @count is 0
 * @count: bytes left
 * @written: bytes before those that are behind already: a caller can resume
 */
static inline void iov_iter_init(struct iov_iter *i, const struct lab_iovec *iov, unsigned long nr_segs,
				 size_t count, size_t written)
{
	i->ops = &ii_iovec_ops;
	i->data = (unsigned long)iov;
	i->nr_segs = nr_segs;
	i->iov_offset = 0;
	i->count = count + written;
	if (written)
		iov_iter_advance(i, written);
}

/**
 * iov_iter_init_bvec - an iterator over pages somebody else holds
 * @i: to be set
 * @bvec: first element; the array lives until what is submitted from the iterator has ended
 * @nr_segs: elements
 * @offset: bytes of the first element to skip (D6: in 2013 a bio began where its array did)
 * @count: bytes left
 * @written: as iov_iter_init()
 */
static inline void iov_iter_init_bvec(struct iov_iter *i, struct bio_vec *bvec, unsigned long nr_segs,
				      size_t offset, size_t count, size_t written)
{
	i->ops = &ii_bvec_ops;
	i->data = (unsigned long)bvec;
	i->nr_segs = nr_segs;
	i->iov_offset = offset;
	i->count = count + written;
	if (written)
		iov_iter_advance(i, written);
}

ssize_t iov_copy_check(struct lab_iovec *to, const struct lab_iovec *from, unsigned long nr_segs);

#endif
