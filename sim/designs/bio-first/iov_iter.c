// SPDX-License-Identifier: GPL-2.0-only
/*
 * iov_iter.c - walking user memory, and the one way from there to pinned memory.
 *
 * An iov_iter is an array of iovecs and three numbers. bio_iov_iter_get_pages() pins what it points at
 * straight into a bio: the page pointers that the pin call returns are written into the tail of the bio's
 * own bio_vec array and turned into bio_vecs from the front, so no array of pages exists beside it. A
 * bio_vec is two pointers wide: with n elements free, n pointers take the upper half of them, and element k
 * is written after pointer k was read, ending at most where pointer k + 1 begins.
 *
 * Source: the method is bio_get_user_pages() of Kent Overstreet's 2013 series, in mainline since 4.10 as
 * bio_iov_iter_get_pages() (block/bio.c); pins instead of references as since 6.5.
 */
#include <linux/uio.h>
#include <linux/bio.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "design.h"

/**
 * __import_iovec - import_iovec() of what is not one segment of the user's
 * @uvec: the segments, which @i points at already
 * @nr_segs: how many
 * @i: its count is set here; undefined on error
 *
 * Ranges, errors and context: import_iovec().
 */
int __import_iovec(const struct lab_iovec *uvec, unsigned int nr_segs, struct iov_iter *i)
{
	size_t total = 0;
	unsigned int seg;
	int err = 0;

	if (nr_segs > UIO_MAXIOV)
		return -EINVAL;
	for (seg = 0; seg < nr_segs; seg++) {
		if (unlikely((ssize_t)uvec[seg].len_bytes < 0))
			return -EINVAL;		/* wherever it is: before any -EFAULT */
		if (!access_ok((const void __user *)uvec[seg].base, uvec[seg].len_bytes))
			err = -EFAULT;
		total += min_t(size_t, uvec[seg].len_bytes, MAX_RW_COUNT - total);
	}
	i->count = total;
	if (nr_segs && unlikely(!uvec->len_bytes))
		iov_iter_advance(i, 0);		/* over empty segments */
	return err;
}

/** __iov_iter_advance - iov_iter_advance() over the end of a segment; BUGs beyond the end of @i. Context: any. */
void __iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	BUG_ON(bytes > i->count);
	i->count -= bytes;
	bytes += i->iov_offset;
	while (i->nr_segs && bytes >= i->iov->iov_len && (bytes || i->count)) {
		bytes -= i->iov->iov_len;
		i->iov++;
		i->nr_segs--;
	}
	i->iov_offset = bytes;
}

/**
 * iov_iter_revert - go back
 * @i: the iterator
 * @unroll: bytes, at most what was advanced since it was made
 *
 * Context: any.
 */
void iov_iter_revert(struct iov_iter *i, size_t unroll)
{
	i->count += unroll;
	while (unroll > i->iov_offset) {
		unroll -= i->iov_offset;
		i->iov--;
		i->nr_segs++;
		i->iov_offset = i->iov->iov_len;
	}
	i->iov_offset -= unroll;
}

/** __iov_iter_npages - iov_iter_npages() of several segments. Context: any. Return: as there. */
unsigned int __iov_iter_npages(const struct iov_iter *i, unsigned int maxpages)
{
	size_t left = i->count, skip = i->iov_offset, pages = 0;
	const struct iovec *iov = i->iov;

	for (; left && pages < maxpages; iov++, skip = 0) {
		unsigned long base = (unsigned long)iov->iov_base + skip;
		size_t len = min(iov->iov_len - skip, left);

		if (len)
			pages += PFN_UP(base + len) - PFN_DOWN(base);
		left -= len;
	}
	return min_t(size_t, pages, maxpages);
}

/** __iov_iter_is_aligned - iov_iter_is_aligned() of several segments. Context: any. Return: as there. */
bool __iov_iter_is_aligned(const struct iov_iter *i, unsigned long addr_mask, unsigned long len_mask)
{
	size_t left = i->count, skip = i->iov_offset;
	const struct iovec *iov = i->iov;

	for (; left; iov++, skip = 0) {
		size_t len = min(iov->iov_len - skip, left);

		if (len && ((len & len_mask) || (((unsigned long)iov->iov_base + skip) & addr_mask)))
			return false;
		left -= len;
	}
	return true;
}

/**
 * copy_to_iter - copy to user memory and advance over it
 * @addr: from where
 * @bytes: how many, at most iov_iter_count(@i)
 * @i: the iterator
 *
 * Context: task, may sleep. Return: bytes copied; fewer at a fault.
 */
size_t copy_to_iter(const void *addr, size_t bytes, struct iov_iter *i)
{
	size_t done = 0;

	while (done < bytes) {
		size_t len = min(iov_iter_single_seg_count(i), bytes - done);
		size_t left = copy_to_user((void __user *)iov_iter_base(i), addr + done, len);

		iov_iter_advance(i, len - left);
		done += len - left;
		if (left)
			break;
	}
	return done;
}

/**
 * copy_from_iter_atomic - copy from user memory that is present, and advance over it
 * @addr: where to; what is not copied is left alone
 * @bytes: how many, at most iov_iter_count(@i)
 * @i: the iterator
 *
 * Context: any; faults nothing in, so that it can be called with a page locked. Return: bytes copied.
 */
size_t copy_from_iter_atomic(void *addr, size_t bytes, struct iov_iter *i)
{
	size_t done = 0;

	while (done < bytes) {
		size_t len = min(iov_iter_single_seg_count(i), bytes - done);
		size_t left = copy_from_user_inatomic(addr + done, (void __user *)iov_iter_base(i), len);

		iov_iter_advance(i, len - left);
		done += len - left;
		if (left)
			break;
	}
	return done;
}

/**
 * fault_in_iov_iter_readable - have what comes next present
 * @i: the iterator; does not move
 * @bytes: how many, at most iov_iter_count(@i)
 *
 * Context: task, may sleep. Return: how many of them cannot be had, from the first that cannot.
 */
size_t fault_in_iov_iter_readable(const struct iov_iter *i, size_t bytes)
{
	struct iov_iter at = *i;

	while (bytes) {
		size_t len = min(iov_iter_single_seg_count(&at), bytes);
		size_t left = fault_in_readable((void __user *)iov_iter_base(&at), len);

		if (left)
			return bytes - len + left;
		iov_iter_advance(&at, len);
		bytes -= len;
	}
	return 0;
}

/**
 * iov_iter_zero - zero user memory and advance over it
 * @bytes: how many, at most iov_iter_count(@i)
 * @i: the iterator
 *
 * Context: task, may sleep. Return: bytes zeroed; fewer at a fault.
 */
size_t iov_iter_zero(size_t bytes, struct iov_iter *i)
{
	size_t done = 0;

	while (done < bytes) {
		size_t len, left;

		len = min(iov_iter_single_seg_count(i), bytes - done);
		left = clear_user((void __user *)iov_iter_base(i), len);
		iov_iter_advance(i, len - left);
		done += len - left;
		if (left)
			break;
	}
	return done;
}

/*
 * Pin what fits of the current segment. 0: something was added; -ENOSPC: the bio is full; -EFAULT: nothing at
 * this address.
 */
static int bio_pin_segment(struct bio *bio, struct iov_iter *iter)
{
	unsigned int gup_flags = bio_op(bio) == REQ_OP_READ ? FOLL_WRITE : 0;
	unsigned int room = bio->bi_max_vecs - bio->bi_vcnt;
	unsigned long addr = iov_iter_base(iter);
	size_t len = iov_iter_single_seg_count(iter), off = offset_in_page(addr), left;
	struct page **pages;
	int nr, i;

	BUILD_BUG_ON(sizeof(struct bio_vec) < 2 * sizeof(struct page *));
	BUILD_BUG_ON(MAX_RW_COUNT > BIO_MAX_SIZE_BYTES);	/* no bio grows beyond its 32 bits */
	if (!room)
		return -ENOSPC;
	nr = min_t(size_t, DIV_ROUND_UP(off + len, PAGE_SIZE), room);
	pages = (struct page **)(bio->bi_io_vec + bio->bi_max_vecs) - nr;
	nr = pin_user_pages_fast(addr, nr, gup_flags, pages);
	if (unlikely(nr <= 0))
		return nr ? nr : -EFAULT;

	len = min(len, nr * PAGE_SIZE - off);
	for (i = 0, left = len; i < nr; i++, off = 0) {
		unsigned int part = min(left, PAGE_SIZE - off);

		bio_add_pinned(bio, pages[i], part, off);
		left -= part;
	}
	iov_iter_advance(iter, len);
	return 0;
}

/* Is all that is left within one page? Most of small IO is. */
static inline bool iov_iter_is_page(const struct iov_iter *iter)
{
	return iter->count && iov_iter_is_single(iter) &&
	       offset_in_page(iov_iter_base(iter)) + iter->count <= PAGE_SIZE;
}

/* Pin all that is left, iov_iter_is_page(), into @bio, which is empty, with room. 0 or -errno. */
static inline int bio_pin_page(struct bio *bio, struct iov_iter *iter)
{
	unsigned long addr = iov_iter_base(iter);
	size_t len = iter->count;
	struct page *page;
	int nr;

	nr = pin_user_pages_fast(addr, 1, bio_op(bio) == REQ_OP_READ ? FOLL_WRITE : 0, &page);
	if (unlikely(nr != 1))
		return nr ? nr : -EFAULT;
	bvec_set_page(bio->bi_io_vec, page, len, offset_in_page(addr));
	bio->bi_vcnt = 1;
	bio->bi_iter.bi_size = len;
	iter->iov_offset += len;
	iter->count = 0;
	return 0;
}

/**
 * bio_iov_iter_get_pages - pin user memory into a bio
 * @bio: with room in its array; its operation says whether the memory will be written. Becomes
 *	BIO_PAGE_PINNED
 * @iter: where from; advanced over what the bio holds now
 * @block_mask: what the bio ends with is a multiple of this + 1; a part of a block goes back to @iter
 *
 * Goes on until the bio is full, @iter is empty or memory is missing. Physically contiguous pages become one
 * bio_vec. Each page is pinned once for each bio_vec it is in: bio_release_pages() undoes exactly that.
 * Context: task, may sleep. Return: 0 when the bio holds something; -EFAULT when not a block could be pinned.
 */
int bio_iov_iter_get_pages(struct bio *bio, struct iov_iter *iter, unsigned int block_mask)
{
	unsigned int extra;
	int ret = 0;

	bio_set_flag(bio, BIO_PAGE_PINNED);
	if (!bio->bi_vcnt && bio->bi_max_vecs && !(iter->count & block_mask) && iov_iter_is_page(iter))
		return bio_pin_page(bio, iter);
	while (iov_iter_count(iter) && !ret)
		ret = bio_pin_segment(bio, iter);
	extra = bio->bi_iter.bi_size & block_mask;
	if (unlikely(extra)) {
		iov_iter_revert(iter, extra);
		bio_trim_pinned(bio, extra);
	}
	if (bio->bi_iter.bi_size)
		return 0;
	/* A block in more segments than the bio has room for cannot be had at all. */
	return ret == -ENOSPC ? -EINVAL : ret;
}
