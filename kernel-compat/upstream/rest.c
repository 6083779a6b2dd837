// SPDX-License-Identifier: GPL-2.0-only
/*
 * rest.c - what direct IO leaves to the page cache. The kernel's own is empty here: a block device has none, a file's
 * is the laboratory's, and written to by legacy.c.
 *
 * What is left begins with memory that could not be pinned. The cache looks at the memory first, and fails there, too.
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include "k.h"

/* Of a read; in the place of mm/filemap.c's (see redirect). */
ssize_t filemap_read(struct kiocb *iocb, struct iov_iter *iter, ssize_t already_read)
{
	size_t left = iov_iter_count(iter);

	if (!left || iocb->ki_pos >= i_size_read(iocb->ki_filp->f_mapping->host))
		return already_read;
	if (fault_in_iov_iter_writeable(iter, left) != left)
		up_bug("a read through the kernel's page cache, which has no pages here");
	return already_read ?: -EFAULT;
}

#if UP_SINCE(6, 12)
/* Of a write to a block device; before, mm/filemap.c's generic_perform_write(). */
ssize_t iomap_file_buffered_write(struct kiocb *iocb, struct iov_iter *from, const struct iomap_ops *ops, void *private)
{
	size_t page = min_t(size_t, iov_iter_count(from), PAGE_SIZE - offset_in_page(iocb->ki_pos));

	if (fault_in_iov_iter_readable(from, page) != page)
		up_bug("a write to a block device through its page cache, which it has not");
	return -EFAULT;
}
#endif

/* The rest of a write has been tried through the cache. What a file's has taken goes to the disk. */
ssize_t direct_write_fallback(struct kiocb *iocb, struct iov_iter *iter, ssize_t direct_written,
			      ssize_t buffered_written);
ssize_t direct_write_fallback(struct kiocb *iocb, struct iov_iter *iter, ssize_t direct_written,
			      ssize_t buffered_written)
{
	struct inode *inode = iocb->ki_filp->f_mapping->host;
	int err;

	if (buffered_written < 0)
		return direct_written ?: buffered_written;
	if (!S_ISREG(inode->i_mode))
		up_bug("a write to a block device through its page cache, which it has not");
	err = upl_cache_before(up_file_of(inode)->lab, iocb->ki_pos - buffered_written, buffered_written, 1, 0);
	if (!err)
		return direct_written + buffered_written;
	iocb->ki_pos -= buffered_written;
	return direct_written ?: err;
}
