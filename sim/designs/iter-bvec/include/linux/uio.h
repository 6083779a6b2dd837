/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uio.h - struct iov_iter: a position in memory that an IO moves to or from, whatever kind of memory it is.
 *
 * Three kinds exist: user memory (an array of struct lab_iovec, not pinned), kernel memory (an array of
 * struct kvec) and pages somebody else holds (an array of struct bio_vec). A tag says which, and the vector
 * is reached through a typed union: nothing is cast. A method looks at the tag once and goes on in a loop that
 * was compiled for its kind; what differs between kinds is nowhere else.
 *
 * Rules, all of them answers to the objections of 2013 (NOTES.md, P1-P7):
 *  - every method that touches user memory checks the range itself; there is no second, unchecked one;
 *  - a copy costs one look at the tag, and no call through a pointer; the mode (direction, may it fault) is the
 *    method, never an argument that a loop tests;
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

#define UIO_MAXIOV	1024				/* segments of one call; -EINVAL beyond */
#define MAX_RW_COUNT	((size_t)(0x7fffffff & PAGE_MASK))	/* bytes of one call; the rest is left over */

enum iter_type { ITER_IOVEC, ITER_KVEC, ITER_BVEC };

/* A segment of kernel memory: any of the linear map's, or a stack's for copies. */
struct kvec {
	void *iov_base;
	size_t iov_len;
};

/**
 * struct iov_iter - where in memory
 * @iter_type: which of the union
 * @iov: current segment of user memory
 * @kvec: current segment of kernel memory
 * @bvec: current element of a bio_vec array
 * @iov_offset: bytes of it that are behind
 * @count: bytes left; what the vector has beyond is not looked at
 */
struct iov_iter {
	enum iter_type iter_type;
	union {
		const struct lab_iovec *iov;
		const struct kvec *kvec;
		const struct bio_vec *bvec;
	};
	size_t iov_offset;
	size_t count;
};

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

	iter->iter_type = ITER_IOVEC;
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
 * iov_iter_kvec - an iterator over kernel memory
 * @iter: to be set
 * @kvec: first segment
 * @count: bytes; the array has at least that many
 *
 * Array and memory live until every bio filled from the iterator has ended. Context: any.
 */
static inline void iov_iter_kvec(struct iov_iter *iter, const struct kvec *kvec, size_t count)
{
	iter->iter_type = ITER_KVEC;
	iter->kvec = kvec;
	iter->iov_offset = 0;
	iter->count = count;
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
	iter->iter_type = ITER_BVEC;
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
	return iter->iter_type == ITER_IOVEC;
}

static inline bool iov_iter_is_bvec(const struct iov_iter *iter)
{
	return iter->iter_type == ITER_BVEC;
}

/*
 * What each kind of memory can do.
 *
 * copy_to: copy @bytes from @from to where the iterator is. copy_from: copy @bytes from where the iterator is to
 * @to; may fault pages in. copy_from_nofault: the same without faulting anything in, for callers that hold a page
 * lock; any context. zero: fill @bytes with zeros. fault_in: make the next @bytes readable; how many of them
 * could not be; does not move the iterator. advance: move over @bytes, at most what is left. is_aligned: are all
 * addresses free of @addr_mask's bits and all lengths free of @len_mask's. npages: elements a bio needs for the
 * next @bytes, at most @max; 0: none of its own. fill_bio: describe the next bytes in @bio, which is empty, and
 * move over them; at most @bytes, fewer when the bio is full, always a multiple of @align; 0, -EFAULT (nothing
 * was added, the iterator has not moved), -EINVAL (the bio cannot hold even @align bytes).
 *
 * All but copy_from_nofault: task context, may sleep for user memory.
 */
size_t user_copy_to(struct iov_iter *iter, const void *from, size_t bytes);
size_t user_copy_from(struct iov_iter *iter, void *to, size_t bytes);
size_t user_copy_from_nofault(struct iov_iter *iter, void *to, size_t bytes);
size_t user_zero(struct iov_iter *iter, size_t bytes);
size_t user_fault_in(const struct iov_iter *iter, size_t bytes);
void user_advance(struct iov_iter *iter, size_t bytes);
bool user_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask);
unsigned int user_npages(const struct iov_iter *iter, size_t bytes, unsigned int max);
int user_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align);

size_t kvec_copy_to(struct iov_iter *iter, const void *from, size_t bytes);
size_t kvec_copy_from(struct iov_iter *iter, void *to, size_t bytes);
size_t kvec_zero(struct iov_iter *iter, size_t bytes);
void kvec_advance(struct iov_iter *iter, size_t bytes);
bool kvec_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask);
unsigned int kvec_npages(const struct iov_iter *iter, size_t bytes, unsigned int max);
int kvec_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align);

size_t bvec_copy_to(struct iov_iter *iter, const void *from, size_t bytes);
size_t bvec_copy_from(struct iov_iter *iter, void *to, size_t bytes);
size_t bvec_zero(struct iov_iter *iter, size_t bytes);
void bvec_advance_iter(struct iov_iter *iter, size_t bytes);
int bvec_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align);

/* The one way to a method: what the tag says, of three expressions. */
#define iov_iter_kind(iter, user, kvec, bvec)						\
	((iter)->iter_type == ITER_IOVEC ? (user) :					\
	 likely((iter)->iter_type == ITER_BVEC) ? (bvec) : (kvec))

static inline size_t copy_to_iter(struct iov_iter *iter, const void *from, size_t bytes)
{
	return iov_iter_kind(iter, user_copy_to(iter, from, bytes), kvec_copy_to(iter, from, bytes),
			     bvec_copy_to(iter, from, bytes));
}

static inline size_t copy_from_iter(struct iov_iter *iter, void *to, size_t bytes)
{
	return iov_iter_kind(iter, user_copy_from(iter, to, bytes), kvec_copy_from(iter, to, bytes),
			     bvec_copy_from(iter, to, bytes));
}

/* Memory that is the kernel's cannot fault: one copy_from serves both. */
static inline size_t copy_from_iter_nofault(struct iov_iter *iter, void *to, size_t bytes)
{
	return iov_iter_kind(iter, user_copy_from_nofault(iter, to, bytes), kvec_copy_from(iter, to, bytes),
			     bvec_copy_from(iter, to, bytes));
}

static inline size_t iov_iter_zero(struct iov_iter *iter, size_t bytes)
{
	return iov_iter_kind(iter, user_zero(iter, bytes), kvec_zero(iter, bytes), bvec_zero(iter, bytes));
}

static inline size_t fault_in_iov_iter_readable(const struct iov_iter *iter, size_t bytes)
{
	return iov_iter_kind(iter, user_fault_in(iter, bytes), 0, 0);
}

static inline void iov_iter_advance(struct iov_iter *iter, size_t bytes)
{
	iov_iter_kind(iter, user_advance(iter, bytes), kvec_advance(iter, bytes),
		      bvec_advance_iter(iter, bytes));
}

/*
 * A bio_vec array came in a bio for a device that advertises the alignment of the device below it (loop.c), so
 * its elements need no second look; how many bytes are left may still be odd.
 */
static inline bool iov_iter_is_aligned(const struct iov_iter *iter, unsigned int addr_mask,
				       unsigned int len_mask)
{
	return iov_iter_kind(iter, user_is_aligned(iter, addr_mask, len_mask),
			     kvec_is_aligned(iter, addr_mask, len_mask), (iter->count & len_mask) == 0);
}

static inline unsigned int iov_iter_npages(const struct iov_iter *iter, size_t bytes, unsigned int max)
{
	return iov_iter_kind(iter, user_npages(iter, bytes, max), kvec_npages(iter, bytes, max), 0);
}

static inline int iov_iter_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align)
{
	return iov_iter_kind(iter, user_fill_bio(iter, bio, bytes, align),
			     kvec_fill_bio(iter, bio, bytes, align), bvec_fill_bio(iter, bio, bytes, align));
}

#endif
