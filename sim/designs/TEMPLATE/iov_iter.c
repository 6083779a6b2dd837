// SPDX-License-Identifier: GPL-2.0-only
/*
 * iov_iter.c - copying to and from memory, segment by segment.
 *
 * copy_to_user() and copy_from_user() check the address and say how many bytes they could not copy: that, and
 * nothing else, is how a fault is noticed.
 */
#include <linux/uio.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/**
 * iov_iter_init - an iterator over the segments a program passed
 * @iter: to be set; undefined on error
 * @iov: lives as long as the iterator is used
 * @nr_segs: at most UIO_MAXIOV
 *
 * Context: any. Return: 0; -EINVAL (too many segments, a negative length), -EFAULT (a kernel address). Source:
 * the rules of import_iovec(), Linux 6.1.
 */
int iov_iter_init(struct iov_iter *iter, const struct lab_iovec *iov, unsigned int nr_segs)
{
	size_t count = 0;
	unsigned int i;
	int err = 0;

	if (nr_segs > UIO_MAXIOV)
		return -EINVAL;
	for (i = 0; i < nr_segs; i++) {
		if ((ssize_t)iov[i].len_bytes < 0)
			return -EINVAL;
		if (!access_ok((const void __user *)iov[i].base, iov[i].len_bytes))
			err = -EFAULT;
		count += min(iov[i].len_bytes, MAX_RW_COUNT - count);
	}
	*iter = (struct iov_iter){ .iov = iov, .count = count };
	return err;
}

/**
 * iov_iter_kernel - an iterator over the kernel's memory
 * @iter: to be set
 * @kaddr: lives as long as the iterator is used
 * @count: bytes
 *
 * Context: any.
 */
void iov_iter_kernel(struct iov_iter *iter, void *kaddr, size_t count)
{
	*iter = (struct iov_iter){ .kaddr = kaddr, .count = count };
}

/* Move over @bytes of the current segment, and to the next one at its end. */
static void seg_advance(struct iov_iter *iter, size_t bytes)
{
	iter->iov_offset += bytes;
	iter->count -= bytes;
	if (iter->count && iter->iov_offset == iter->iov->len_bytes) {
		iter->iov++;
		iter->iov_offset = 0;
	}
}

/**
 * iov_iter_is_aligned - would a device take this memory as it is?
 * @iter: of the user's
 * @addr_mask: bits that no address may have
 * @len_mask: bits that no length may have
 *
 * Context: any.
 */
bool iov_iter_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask)
{
	struct iov_iter at = *iter;

	while (at.count) {
		size_t len = min(at.iov->len_bytes - at.iov_offset, at.count);

		if (len && (((at.iov->base + at.iov_offset) & addr_mask) || (len & len_mask)))
			return false;
		seg_advance(&at, len);
	}
	return true;
}

/* One loop for both directions: @to_user says which. Copies what it can; short: a fault. */
static size_t iter_copy(struct iov_iter *iter, void *kaddr, size_t bytes, bool to_user)
{
	size_t done = 0;

	bytes = min(bytes, iter->count);
	while (done < bytes) {
		size_t len = min(iter->iov->len_bytes - iter->iov_offset, bytes - done), left = 0;
		void __user *uaddr = (void __user *)(iter->iov->base + iter->iov_offset);

		if (len)
			left = to_user ? copy_to_user(uaddr, kaddr + done, len) : copy_from_user(kaddr + done, uaddr, len);
		seg_advance(iter, len - left);
		done += len - left;
		if (left)
			break;
	}
	return done;
}

/* The kernel's memory, which does not fault: returns where it was, and moves over @bytes. */
static void *kernel_advance(struct iov_iter *iter, size_t bytes)
{
	void *kaddr = iter->kaddr;

	iter->kaddr += bytes;
	iter->count -= bytes;
	return kaddr;
}

/**
 * copy_to_iter - copy to where the iterator is
 * @iter: moves over what was copied
 * @from: kernel memory
 * @bytes: as many, or what is left
 *
 * Context: task, may sleep. Return: how many; short: a fault.
 */
size_t copy_to_iter(struct iov_iter *iter, const void *from, size_t bytes)
{
	if (iter->iov)
		return iter_copy(iter, (void *)from, bytes, true);
	bytes = min(bytes, iter->count);
	memcpy(kernel_advance(iter, bytes), from, bytes);
	return bytes;
}

/**
 * copy_from_iter - copy from where the iterator is
 * @iter: moves over what was copied
 * @to: kernel memory
 * @bytes: as many, or what is left
 *
 * Context: task, may sleep. Return: how many; short: a fault.
 */
size_t copy_from_iter(struct iov_iter *iter, void *to, size_t bytes)
{
	if (iter->iov)
		return iter_copy(iter, to, bytes, false);
	bytes = min(bytes, iter->count);
	memcpy(to, kernel_advance(iter, bytes), bytes);
	return bytes;
}
