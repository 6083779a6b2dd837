// SPDX-License-Identifier: GPL-2.0-only
/*
 * iov_iter.c - the two tables of the series, with what made Linus refuse them left in: the copies of user memory
 * check addresses or do not as an argument says, their loops ask in each round whether they are atomic,
 * and which way a copy goes is decided three times (table, one segment or more, atomic or not).
 *
 * One routine makes all four copies of bio_vecs: pages that are held cannot fault.
 *
 * Source: mm/iov-iter.c of the series (Kleikamp, Brown; the version of autumn 2013), by its behaviour. Two things
 * are not as they were. An element may be several pages long, which no bio_vec was then. And a check looks at
 * the bytes that are to be copied, not at the whole array.
 */
#include <linux/uio.h>
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/string.h>

/* ---- user memory ---------------------------------------------------------------------------- */

/* The copies that leave the check of the range to somebody else. */
#define __copy_to_user(to, from, n)	raw_copy_to_user(to, from, n)
#define __copy_from_user(to, from, n)	raw_copy_from_user(to, from, n)

static inline void __user *seg_addr(const struct lab_iovec *iov, size_t offset)
{
	return (void __user *)(iov->base + offset);
}

/*
 * How far may a copy of @bytes from @offset of the first segment go? 0: @nr_segs and @bytes say. -EFAULT: nowhere.
 */
static int segment_checks(const struct lab_iovec *iov, size_t offset, unsigned long *nr_segs, size_t *bytes)
{
	unsigned long seg;
	size_t left = *bytes;

	for (seg = 0; seg < *nr_segs && left; seg++) {
		if (iov[seg].len_bytes && !access_ok(seg_addr(&iov[seg], 0), iov[seg].len_bytes))
			break;
		left -= min(left, iov[seg].len_bytes - offset);
		offset = 0;
	}
	if (!left)
		return 0;
	if (!seg)
		return -EFAULT;
	*nr_segs = seg;
	*bytes -= left;
	return 0;
}

static size_t __iovec_copy_to_user(const char *from, const struct lab_iovec *iov, size_t base, size_t bytes,
				   int atomic)
{
	size_t copied = 0, left = 0;

	while (bytes && !left) {
		int copy = min(bytes, iov->len_bytes - base);

		if (!copy)
			left = 0;
		else if (atomic)
			left = copy_to_user_inatomic(seg_addr(iov, base), from + copied, copy);
		else
			left = __copy_to_user(seg_addr(iov, base), from + copied, copy);
		copied += copy - left;
		bytes -= copy;
		iov++;
		base = 0;
	}
	return copied;
}

static size_t __iovec_copy_from_user(char *to, const struct lab_iovec *iov, size_t base, size_t bytes,
				     int atomic)
{
	size_t copied = 0, left = 0;

	while (bytes && !left) {
		int copy = min(bytes, iov->len_bytes - base);

		if (!copy)
			left = 0;
		else if (atomic)
			left = copy_from_user_inatomic(to + copied, seg_addr(iov, base), copy);
		else
			left = __copy_from_user(to + copied, seg_addr(iov, base), copy);
		copied += copy - left;
		bytes -= copy;
		iov++;
		base = 0;
	}
	return copied;
}

static size_t ii_iovec_copy_to_user_atomic(struct page *page, struct iov_iter *i, unsigned long offset,
					   size_t bytes)
{
	struct lab_iovec *iov = iov_iter_iovec(i);
	char *kaddr;
	size_t copied;

	BUG_ON(!pagefault_disabled());
	kaddr = kmap_atomic(page);
	if (likely(i->nr_segs == 1))
		copied = bytes - copy_to_user_inatomic(seg_addr(iov, i->iov_offset), kaddr + offset, bytes);
	else
		copied = __iovec_copy_to_user(kaddr + offset, iov, i->iov_offset, bytes, 1);
	kunmap_atomic(kaddr);
	return copied;
}

/* One segment: made present first, so that the copy needs no fault; if that does not do, with faults. */
static size_t iovec_copy_to_one(struct page *page, void __user *to, unsigned long offset, size_t bytes)
{
	char *kaddr;
	size_t left;

	if (!fault_in_writeable(to, bytes)) {
		kaddr = kmap_atomic(page);
		left = copy_to_user_inatomic(to, kaddr + offset, bytes);
		kunmap_atomic(kaddr);
		if (!left)
			return bytes;
	}
	kaddr = kmap_local_page(page);
	left = copy_to_user(to, kaddr + offset, bytes);
	kunmap_local(kaddr);
	return bytes - left;
}

static size_t ii_iovec_copy_to_user(struct page *page, struct iov_iter *i, unsigned long offset, size_t bytes,
				    int check_access)
{
	struct lab_iovec *iov = iov_iter_iovec(i);
	unsigned long nr_segs = i->nr_segs;
	size_t copied;
	char *kaddr;

	if (check_access) {
		might_sleep();
		if (segment_checks(iov, i->iov_offset, &nr_segs, &bytes))
			return 0;
	}
	if (likely(nr_segs == 1))
		return iovec_copy_to_one(page, seg_addr(iov, i->iov_offset), offset, bytes);
	kaddr = kmap_local_page(page);
	copied = __iovec_copy_to_user(kaddr + offset, iov, i->iov_offset, bytes, 0);
	kunmap_local(kaddr);
	return copied;
}

static size_t ii_iovec_copy_from_user_atomic(struct page *page, struct iov_iter *i, unsigned long offset,
					     size_t bytes)
{
	struct lab_iovec *iov = iov_iter_iovec(i);
	char *kaddr;
	size_t copied;

	BUG_ON(!pagefault_disabled());
	kaddr = kmap_atomic(page);
	if (likely(i->nr_segs == 1))
		copied = bytes - copy_from_user_inatomic(kaddr + offset, seg_addr(iov, i->iov_offset), bytes);
	else
		copied = __iovec_copy_from_user(kaddr + offset, iov, i->iov_offset, bytes, 1);
	kunmap_atomic(kaddr);
	return copied;
}

static size_t ii_iovec_copy_from_user(struct page *page, struct iov_iter *i, unsigned long offset, size_t bytes)
{
	struct lab_iovec *iov = iov_iter_iovec(i);
	char *kaddr = kmap_local_page(page);
	size_t copied;

	if (likely(i->nr_segs == 1))
		copied = bytes - __copy_from_user(kaddr + offset, seg_addr(iov, i->iov_offset), bytes);
	else
		copied = __iovec_copy_from_user(kaddr + offset, iov, i->iov_offset, bytes, 0);
	kunmap_local(kaddr);
	return copied;
}

static void ii_iovec_advance(struct iov_iter *i, size_t bytes)
{
	struct lab_iovec *iov = iov_iter_iovec(i);

	BUG_ON(i->count < bytes);
	if (likely(i->nr_segs == 1)) {
		i->iov_offset += bytes;
		i->count -= bytes;
		return;
	}
	/* Segments of no bytes are passed by too, while anything is left. */
	while (bytes || (i->count && i->iov_offset == iov->len_bytes)) {
		size_t part = min(bytes, iov->len_bytes - i->iov_offset);

		i->count -= part;
		i->iov_offset += part;
		bytes -= part;
		if (i->count && i->iov_offset == iov->len_bytes) {
			iov++;
			i->nr_segs--;
			i->iov_offset = 0;
		}
	}
	i->data = (unsigned long)iov;
}

/* The first segment alone: what comes after it is found out by the copy. */
static int ii_iovec_fault_in_readable(struct iov_iter *i, size_t bytes)
{
	struct lab_iovec *iov = iov_iter_iovec(i);

	bytes = min(bytes, iov->len_bytes - i->iov_offset);
	return fault_in_readable(seg_addr(iov, i->iov_offset), bytes) ? -EFAULT : 0;
}

static size_t ii_iovec_single_seg_count(const struct iov_iter *i)
{
	struct lab_iovec *iov = iov_iter_iovec(i);

	if (i->nr_segs == 1)
		return i->count;
	return min(i->count, iov->len_bytes - i->iov_offset);
}

/* Writes to the array: whoever made it gets it back shorter. */
static int ii_iovec_shorten(struct iov_iter *i, size_t count)
{
	struct lab_iovec *iov = iov_iter_iovec(i);
	size_t left = count + i->iov_offset;
	unsigned long seg;

	for (seg = 0; seg < i->nr_segs && left > iov[seg].len_bytes; seg++)
		left -= iov[seg].len_bytes;
	if (seg < i->nr_segs) {
		iov[seg].len_bytes = left;
		i->nr_segs = seg + 1;
	}
	i->count = min(i->count, count);
	return 0;
}

struct iov_iter_ops ii_iovec_ops = {
	.ii_copy_to_user_atomic		= ii_iovec_copy_to_user_atomic,
	.ii_copy_to_user		= ii_iovec_copy_to_user,
	.ii_copy_from_user_atomic	= ii_iovec_copy_from_user_atomic,
	.ii_copy_from_user		= ii_iovec_copy_from_user,
	.ii_advance			= ii_iovec_advance,
	.ii_fault_in_readable		= ii_iovec_fault_in_readable,
	.ii_single_seg_count		= ii_iovec_single_seg_count,
	.ii_shorten			= ii_iovec_shorten,
};

/**
 * iov_copy_check - a program's segments, looked at once and copied to where they may be changed
 * @to: at least @nr_segs
 * @from: the program's
 * @nr_segs: at most UIO_MAXIOV
 *
 * Every segment must lie below the end of user addresses, one of no bytes too. Bytes beyond MAX_RW_COUNT are
 * left out. Context: any. Return: bytes in all; -EINVAL (a negative length), -EFAULT (a kernel address).
 */
ssize_t iov_copy_check(struct lab_iovec *to, const struct lab_iovec *from, unsigned long nr_segs)
{
	ssize_t total = 0, err = 0;
	unsigned long seg;

	for (seg = 0; seg < nr_segs; seg++) {
		size_t len = from[seg].len_bytes;

		if ((ssize_t)len < 0)
			return -EINVAL;		/* wherever it is: before any -EFAULT */
		if (!access_ok(seg_addr(&from[seg], 0), len))
			err = -EFAULT;
		len = min(len, MAX_RW_COUNT - total);
		to[seg] = (struct lab_iovec){ from[seg].base, len };
		total += len;
	}
	return err ?: total;
}

/* ---- pages somebody else holds -------------------------------------------------------------- */

/*
 * All four copies, between @bytes of @page at @page_offset and where the iterator is. It does not move, and
 * there is nothing that could fail.
 */
static size_t bvec_copy_tofrom_page(struct iov_iter *i, struct page *page, unsigned long page_offset,
				    size_t bytes, int topage)
{
	struct bio_vec *bvec = iov_iter_bvec(i);
	size_t done = 0, base = i->iov_offset;
	char *kaddr;

	BUG_ON(bytes > i->count);
	kaddr = kmap_atomic(page);
	while (done < bytes) {
		size_t at = bvec->bv_offset + base, off = at % PAGE_SIZE;
		size_t copy = min(bytes - done, min((size_t)bvec->bv_len - base, PAGE_SIZE - off));
		struct page *other = bvec->bv_page + at / PAGE_SIZE;

		BUG_ON(!bvec->bv_len);
		if (topage)
			memcpy_from_page(kaddr + page_offset + done, other, off, copy);
		else
			memcpy_to_page(other, off, kaddr + page_offset + done, copy);
		done += copy;
		base += copy;
		if (base == bvec->bv_len) {
			bvec++;
			base = 0;
		}
	}
	kunmap_atomic(kaddr);
	return bytes;
}

static size_t ii_bvec_copy_to_user_atomic(struct page *page, struct iov_iter *i, unsigned long offset,
					  size_t bytes)
{
	return bvec_copy_tofrom_page(i, page, offset, bytes, 0);
}

static size_t ii_bvec_copy_to_user(struct page *page, struct iov_iter *i, unsigned long offset, size_t bytes,
				   int check_access)
{
	return bvec_copy_tofrom_page(i, page, offset, bytes, 0);
}

static size_t ii_bvec_copy_from_user_atomic(struct page *page, struct iov_iter *i, unsigned long offset,
					    size_t bytes)
{
	return bvec_copy_tofrom_page(i, page, offset, bytes, 1);
}

static size_t ii_bvec_copy_from_user(struct page *page, struct iov_iter *i, unsigned long offset, size_t bytes)
{
	return bvec_copy_tofrom_page(i, page, offset, bytes, 1);
}

/* nr_segs stays, though elements go. */
static void ii_bvec_advance(struct iov_iter *i, size_t bytes)
{
	struct bio_vec *bvec = iov_iter_bvec(i);

	BUG_ON(i->count < bytes);
	while (bytes) {
		size_t part = min(bytes, bvec->bv_len - i->iov_offset);

		BUG_ON(!bvec->bv_len || i->iov_offset >= bvec->bv_len);
		i->count -= part;
		i->iov_offset += part;
		bytes -= part;
		if (i->iov_offset == bvec->bv_len) {
			bvec++;
			i->iov_offset = 0;
		}
	}
	i->data = (unsigned long)bvec;
}

static int ii_bvec_fault_in_readable(struct iov_iter *i, size_t bytes)
{
	return 0;
}

static size_t ii_bvec_single_seg_count(const struct iov_iter *i)
{
	struct bio_vec *bvec = iov_iter_bvec(i);

	if (i->nr_segs == 1)
		return i->count;
	return min(i->count, bvec->bv_len - i->iov_offset);
}

/* A bio's array is not the loop driver's to cut: a write that must be cut fails. */
static int ii_bvec_shorten(struct iov_iter *i, size_t count)
{
	return -EINVAL;
}

struct iov_iter_ops ii_bvec_ops = {
	.ii_copy_to_user_atomic		= ii_bvec_copy_to_user_atomic,
	.ii_copy_to_user		= ii_bvec_copy_to_user,
	.ii_copy_from_user_atomic	= ii_bvec_copy_from_user_atomic,
	.ii_copy_from_user		= ii_bvec_copy_from_user,
	.ii_advance			= ii_bvec_advance,
	.ii_fault_in_readable		= ii_bvec_fault_in_readable,
	.ii_single_seg_count		= ii_bvec_single_seg_count,
	.ii_shorten			= ii_bvec_shorten,
};
