/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uio.h - iov_iter: a position in user memory that is not pinned.
 *
 * That is all it is in this design. It has one backing, an array of iovecs, no type tag and no operations
 * table: memory that is pinned is described by a struct bio, and bio_iov_iter_get_pages() is the one bridge
 * from the first to the second.
 */
#ifndef _LINUX_UIO_H
#define _LINUX_UIO_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>
#include "design.h"

struct bio;

struct iovec {
	void __user *iov_base;
	size_t iov_len;
};

#define UIO_MAXIOV	1024
#define MAX_RW_COUNT	(0x7fffffffUL & ~4095UL)	/* bytes of one call; the rest is a short count */

/**
 * struct iov_iter - what is left of a transfer
 * @iov: current segment; neither empty nor used up while @count is not 0
 * @nr_segs: segments left, the current one included
 * @iov_offset: bytes of the current segment that are consumed
 * @count: bytes left
 */
struct iov_iter {
	const struct iovec *iov;
	unsigned long nr_segs;
	size_t iov_offset;
	size_t count;
};

static inline size_t iov_iter_count(const struct iov_iter *i)
{
	return i->count;
}

/* Forget everything beyond the next @count bytes. */
static inline void iov_iter_truncate(struct iov_iter *i, size_t count)
{
	if (i->count > count)
		i->count = count;
}

/* Address of the next byte. */
static inline unsigned long iov_iter_base(const struct iov_iter *i)
{
	return (unsigned long)i->iov->iov_base + i->iov_offset;
}

/* Bytes left of the current segment. */
static inline size_t iov_iter_single_seg_count(const struct iov_iter *i)
{
	return min(i->count, i->iov->iov_len - i->iov_offset);
}

int __import_iovec(const struct lab_iovec *uvec, unsigned int nr_segs, struct iov_iter *i);

/**
 * import_iovec - check a caller's segments and point an iterator at them
 * @uvec: the segments; must live as long as the iterator
 * @nr_segs: how many; more than UIO_MAXIOV is an error
 * @i: where to put it; undefined on error
 *
 * Every segment is checked, empty ones too. More than MAX_RW_COUNT bytes are cut off. Context: any.
 * Return: 0; -EINVAL (too many segments, a negative length), -EFAULT (an address that is not the user's).
 */
static inline int import_iovec(const struct lab_iovec *uvec, unsigned int nr_segs, struct iov_iter *i)
{
	BUILD_BUG_ON(sizeof(struct iovec) != sizeof(struct lab_iovec));
	BUILD_BUG_ON(offsetof(struct iovec, iov_len) != offsetof(struct lab_iovec, len_bytes));
	BUILD_BUG_ON(TASK_SIZE_MAX > MAX_RW_COUNT);

	i->iov = (const struct iovec *)uvec;
	i->nr_segs = nr_segs;
	i->iov_offset = 0;
	/* One segment that is as it should be: access_ok() implies that its length is not negative. */
	if (likely(nr_segs == 1 && uvec->len_bytes &&
		   access_ok((const void __user *)uvec->base, uvec->len_bytes))) {
		i->count = uvec->len_bytes;
		return 0;
	}
	return __import_iovec(uvec, nr_segs, i);
}

void __iov_iter_advance(struct iov_iter *i, size_t bytes);
void iov_iter_revert(struct iov_iter *i, size_t unroll);
unsigned int __iov_iter_npages(const struct iov_iter *i, unsigned int maxpages);
bool __iov_iter_is_aligned(const struct iov_iter *i, unsigned long addr_mask, unsigned long len_mask);

/* Is all that is left in the current segment? Nearly always. */
static inline bool iov_iter_is_single(const struct iov_iter *i)
{
	return i->count <= i->iov->iov_len - i->iov_offset;
}

/**
 * iov_iter_advance - go @bytes forward, to a segment that is neither used up nor empty
 * @i: the iterator
 * @bytes: at most iov_iter_count(@i)
 *
 * At the end it stays where it is. Context: any.
 */
static inline void iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	if (bytes == i->count && iov_iter_is_single(i)) {
		i->iov_offset += bytes;
		i->count = 0;
		return;
	}
	__iov_iter_advance(i, bytes);
}

/**
 * iov_iter_npages - how many page-sized pieces is what is left?
 * @i: the iterator, not at its end
 * @maxpages: enough to know that it is at least that many
 *
 * Context: any. Return: 1 … @maxpages.
 */
static inline unsigned int iov_iter_npages(const struct iov_iter *i, unsigned int maxpages)
{
	unsigned long base = iov_iter_base(i);

	if (iov_iter_is_single(i))
		return min_t(size_t, PFN_UP(base + i->count) - PFN_DOWN(base), maxpages);
	return __iov_iter_npages(i, maxpages);
}

/**
 * iov_iter_is_aligned - are all addresses and lengths multiples of what a device wants?
 * @i: the iterator, not at its end
 * @addr_mask: bits that must be 0 in each address
 * @len_mask: bits that must be 0 in each length
 *
 * An empty segment has no address to be aligned, as in Linux 6.18. Context: any.
 */
static inline bool iov_iter_is_aligned(const struct iov_iter *i, unsigned long addr_mask,
				       unsigned long len_mask)
{
	if (iov_iter_is_single(i))
		return !((iov_iter_base(i) & addr_mask) | (i->count & len_mask));
	return __iov_iter_is_aligned(i, addr_mask, len_mask);
}

size_t copy_to_iter(const void *addr, size_t bytes, struct iov_iter *i);
size_t copy_from_iter_atomic(void *addr, size_t bytes, struct iov_iter *i);
size_t fault_in_iov_iter_readable(const struct iov_iter *i, size_t bytes);
size_t iov_iter_zero(size_t bytes, struct iov_iter *i);
int bio_iov_iter_get_pages(struct bio *bio, struct iov_iter *iter, unsigned int block_mask);

#endif
