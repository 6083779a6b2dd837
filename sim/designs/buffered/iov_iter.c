// SPDX-License-Identifier: GPL-2.0-only
/*
 * iov_iter.c - walking the memory of a buffered write.
 *
 * One array of iovecs, two copies out of it: one that may not fault, for callers that hold a page lock, and one
 * that may. Both go through one step a segment, which asks the address limit of the task: a program's address is
 * checked and copied by the page table, a kernel thread's is memory.
 *
 * Source: the rules of mm/filemap.c, Linux 3.12, where the iterator lived until 3.16.
 */
#include <linux/uio.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <kc/probe.h>

/* ---- one segment ---------------------------------------------------------------------------- */

/* Bytes of @len that could not be copied from @from. */
static size_t seg_copy(void *to, const void __user *from, size_t len, bool may_fault)
{
	if (uaccess_kernel()) {
		VM_BUG_ON(!virt_addr_valid((__force const void *)from));
		memcpy(to, (__force const void *)from, len);
		lab_probe_add(COPY_BYTES, len);
		return 0;
	}
	if (!may_fault)
		return copy_from_user_inatomic(to, from, len);
	return access_ok(from, len) ? raw_copy_from_user(to, from, len) : len;
}


/* ---- the array ------------------------------------------------------------------------------ */

/**
 * iov_iter_advance - move over bytes
 * @i: the iterator
 * @bytes: at most what is left
 *
 * Empty segments behind them are skipped too, as long as something is left. Context: any.
 */
void iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	BUG_ON(i->count < bytes);
	while (i->count && (bytes || i->iov_offset == i->iov->iov_len)) {
		size_t len = min(bytes, iov_iter_single_seg_count(i));

		i->count -= len;
		bytes -= len;
		i->iov_offset += len;
		if (i->iov_offset == i->iov->iov_len && i->count) {
			i->iov++;
			i->nr_segs--;
			i->iov_offset = 0;
		}
	}
}

/**
 * iov_iter_fault_in_readable - have memory present
 * @i: does not move
 * @bytes: how many are wanted, >= 1, of one page of a file: so they lie in two pages of memory at most
 *
 * Only the current segment is looked at, its first byte and its last. Context: task, may sleep. Return: 0; -EFAULT:
 * one of the two cannot be read.
 */
int iov_iter_fault_in_readable(const struct iov_iter *i, size_t bytes)
{
	const char __user *from = i->iov->iov_base + i->iov_offset;

	bytes = min(bytes, iov_iter_single_seg_count(i));
	if (uaccess_kernel())
		return 0;
	return fault_in_readable(from, 1) || fault_in_readable(from + bytes - 1, 1) ? -EFAULT : 0;
}

static size_t copy_from_iovec(struct page *page, const struct iov_iter *i, unsigned long offset, size_t bytes,
			      bool may_fault)
{
	void *to = page_address(page) + offset;
	struct iov_iter at = *i;
	size_t done = 0;

	BUG_ON(offset + bytes > PAGE_SIZE);
	bytes = min(bytes, at.count);
	while (done < bytes) {
		size_t len = min(bytes - done, iov_iter_single_seg_count(&at)), left = 0;

		if (len)
			left = seg_copy(to + done, at.iov->iov_base + at.iov_offset, len, may_fault);
		done += len - left;
		if (left)
			break;
		iov_iter_advance(&at, len);
	}
	return done;
}

/**
 * iov_iter_copy_from_user_atomic - copy to a page that is locked
 * @page: to
 * @i: from; does not move
 * @offset: in @page
 * @bytes: within @page
 *
 * Context: any; what is not present is not brought in. Return: bytes copied.
 */
size_t iov_iter_copy_from_user_atomic(struct page *page, const struct iov_iter *i, unsigned long offset,
				      size_t bytes)
{
	return copy_from_iovec(page, i, offset, bytes, false);
}

/**
 * iov_iter_copy_from_user - copy to a page
 * @page: to
 * @i: from; does not move
 * @offset: in @page
 * @bytes: within @page
 *
 * Context: task, may sleep. Return: bytes copied.
 */
size_t iov_iter_copy_from_user(struct page *page, const struct iov_iter *i, unsigned long offset, size_t bytes)
{
	return copy_from_iovec(page, i, offset, bytes, true);
}

/* ---- what a program passes ------------------------------------------------------------------ */

/**
 * rw_copy_check_uvector - check the segments of a call
 * @iov: them
 * @nr_segs: how many
 *
 * Every one must lie below the end of user addresses, one of no bytes too. Context: any.
 * Return: bytes of them together, cut at MAX_RW_COUNT; -EINVAL (too many, a negative length), -EFAULT.
 */
ssize_t rw_copy_check_uvector(const struct iovec *iov, unsigned int nr_segs)
{
	size_t total = 0;
	unsigned int seg;
	int err = 0;

	if (nr_segs > UIO_MAXIOV)
		return -EINVAL;
	for (seg = 0; seg < nr_segs; seg++) {
		if ((ssize_t)iov[seg].iov_len < 0)
			return -EINVAL;		/* wherever it is: before any -EFAULT */
		if (!access_ok(iov[seg].iov_base, iov[seg].iov_len))
			err = -EFAULT;
		total += min(iov[seg].iov_len, MAX_RW_COUNT - total);
	}
	return err ?: total;
}
