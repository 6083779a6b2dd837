/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uio.h - struct iov_iter: a position in memory that an IO moves to or from, whatever kind of memory it is.
 *
 * Two kinds exist: user memory (an array of struct lab_iovec, not pinned) and pages somebody else holds (an
 * array of struct bio_vec). What differs between them is in a table of operations, one a kind, and the
 * vector is reached through a typed union: nothing is cast, and each method checks that it was given its
 * own kind.
 *
 * Rules, all of them answers to the objections of 2013 (NOTES.md, P1-P7):
 *  - every method that touches user memory checks the range itself; there is no second, unchecked one;
 *  - a copy costs one dispatch, the call through the table; the mode (direction, may it fault) is the method,
 *    never an argument that a loop tests;
 *  - copies return what they copied and move the iterator by that; short means that the memory ended (fault);
 *  - an iov_iter is a value: to save a position is to assign it, so there is no method for going back.
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

struct bio;
struct iov_iter;

#define UIO_MAXIOV	1024				/* segments of one call; -EINVAL beyond */
#define MAX_RW_COUNT	((size_t)(0x7fffffff & PAGE_MASK))	/* bytes of one call; the rest is left over */

/**
 * struct iov_iter_ops - what a kind of memory can do
 * @copy_to: copy @bytes from @from to where the iterator is
 * @copy_from: copy @bytes from where the iterator is to @to. May fault pages in
 * @copy_from_nofault: the same without faulting anything in, for callers that hold a page lock. Any context
 * @zero: fill @bytes with zeros
 * @fault_in: make the next @bytes readable; how many of them could not be. Does not move the iterator
 * @advance: move over @bytes, at most what is left
 * @is_aligned: are all addresses free of @addr_mask's bits and all lengths free of @len_mask's
 * @npages: elements a bio needs for the next @bytes, at most @max; 0: none of its own
 * @fill_bio: describe the next bytes in @bio, which is empty, and move over them. At most @bytes,
 *	fewer when the bio is full, always a multiple of @align. 0, -EFAULT (nothing was added, the iterator
 *	has not moved), -EINVAL (the bio cannot hold even @align bytes)
 *
 * All but copy_from_nofault: task context, may sleep for user memory.
 */
struct iov_iter_ops {
	size_t (*copy_to)(struct iov_iter *iter, const void *from, size_t bytes);
	size_t (*copy_from)(struct iov_iter *iter, void *to, size_t bytes);
	size_t (*copy_from_nofault)(struct iov_iter *iter, void *to, size_t bytes);
	size_t (*zero)(struct iov_iter *iter, size_t bytes);
	size_t (*fault_in)(const struct iov_iter *iter, size_t bytes);
	void (*advance)(struct iov_iter *iter, size_t bytes);
	bool (*is_aligned)(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask);
	unsigned int (*npages)(const struct iov_iter *iter, size_t bytes, unsigned int max);
	int (*fill_bio)(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align);
};

/**
 * struct iov_iter - where in memory
 * @ops: of its kind: iovec_iter_ops or bvec_iter_ops
 * @iov: current segment of user memory
 * @bvec: current element of a bio_vec array
 * @iov_offset: bytes of it that are behind
 * @count: bytes left; what the vector has beyond is not looked at
 */
struct iov_iter {
	const struct iov_iter_ops *ops;
	union {
		const struct lab_iovec *iov;
		const struct bio_vec *bvec;
	};
	size_t iov_offset;
	size_t count;
};

extern const struct iov_iter_ops iovec_iter_ops, bvec_iter_ops;

int __iov_iter_init(struct iov_iter *iter, const struct lab_iovec *iov, unsigned int nr_segs);

/**
 * iov_iter_init - an iterator over the segments a program passed
 * @iter: to be set; undefined on error
 * @iov: lives as long as the iterator is used
 * @nr_segs: at most UIO_MAXIOV
 *
 * Every segment must lie below the end of user addresses, one of no bytes too; what is mapped there is
 * found out later. Bytes beyond MAX_RW_COUNT are left out. Context: any. Return: 0, -EINVAL (too many
 * segments, a negative length), -EFAULT (a kernel address). Source: the rules of import_iovec() of Linux
 * 6.1.
 */
static inline int iov_iter_init(struct iov_iter *iter, const struct lab_iovec *iov, unsigned int nr_segs)
{
	BUILD_BUG_ON(TASK_SIZE_MAX > MAX_RW_COUNT);

	iter->ops = &iovec_iter_ops;
	iter->iov = iov;
	iter->iov_offset = 0;
	/* One segment that is as it should be: access_ok() implies that its length is not negative. */
	if (likely(nr_segs == 1 && access_ok((const void __user *)iov->base, iov->len_bytes))) {
		iter->count = iov->len_bytes;
		return 0;
	}
	return __iov_iter_init(iter, iov, nr_segs);
}

/**
 * iov_iter_bvec - an iterator over pages somebody else holds
 * @iter: to be set
 * @bvec: first element
 * @offset: bytes of it to skip: a bio need not begin where its array does
 * @count: bytes; the array has at least that many after @offset
 *
 * The array lives until every bio filled from the iterator has ended. Context: any.
 */
static inline void iov_iter_bvec(struct iov_iter *iter, const struct bio_vec *bvec, size_t offset,
				 size_t count)
{
	iter->ops = &bvec_iter_ops;
	iter->bvec = bvec;
	iter->iov_offset = offset;
	iter->count = count;
}

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

/* Is this memory the user's, so that a read must mark its pages dirty? */
static inline bool user_backed_iter(const struct iov_iter *iter)
{
	return iter->ops == &iovec_iter_ops;
}

/* The one way to a method. Counts the call. */
#define iov_iter_op(iter, op, ...)							\
	({										\
		lab_probe(ITER_OPS);							\
		(iter)->ops->op((iter), ##__VA_ARGS__);					\
	})

static inline size_t copy_to_iter(struct iov_iter *iter, const void *from, size_t bytes)
{
	return iov_iter_op(iter, copy_to, from, bytes);
}

static inline size_t copy_from_iter(struct iov_iter *iter, void *to, size_t bytes)
{
	return iov_iter_op(iter, copy_from, to, bytes);
}

static inline size_t copy_from_iter_nofault(struct iov_iter *iter, void *to, size_t bytes)
{
	return iov_iter_op(iter, copy_from_nofault, to, bytes);
}

static inline size_t iov_iter_zero(struct iov_iter *iter, size_t bytes)
{
	return iov_iter_op(iter, zero, bytes);
}

static inline size_t fault_in_iov_iter_readable(const struct iov_iter *iter, size_t bytes)
{
	return iov_iter_op(iter, fault_in, bytes);
}

static inline void iov_iter_advance(struct iov_iter *iter, size_t bytes)
{
	iov_iter_op(iter, advance, bytes);
}

static inline bool iov_iter_is_aligned(const struct iov_iter *iter, unsigned int addr_mask,
				       unsigned int len_mask)
{
	return iov_iter_op(iter, is_aligned, addr_mask, len_mask);
}

static inline unsigned int iov_iter_npages(const struct iov_iter *iter, size_t bytes, unsigned int max)
{
	return iov_iter_op(iter, npages, bytes, max);
}

static inline int iov_iter_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align)
{
	return iov_iter_op(iter, fill_bio, bio, bytes, align);
}

#endif
