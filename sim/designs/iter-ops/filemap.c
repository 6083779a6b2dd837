// SPDX-License-Identifier: GPL-2.0-only
/*
 * filemap.c - reads and writes of a file as the VFS of 2013 made them: direct as far as that goes, the rest
 * through the page cache. Here the iterator's table is used: for pages of the cache, one by one.
 *
 * A write that finds a hole inside the file, or a page that it cannot forget, comes back short from direct IO;
 * what is left is written to the page cache, then to the disk, then forgotten: so it is as if it had been
 * direct, but it waits, in a program as in the loop driver's one thread.
 *
 * Source: mm/filemap.c of Linux 3.12 with the series, by their rules. The pages are the filesystem model's
 * (lab/fs.h), which asks for more than 3.12 did: a buffered reader holds i_rwsem shared, a buffered writer waits
 * until no direct IO is in flight.
 */
#include <linux/fs.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

/* ---- direct IO and the page cache ----------------------------------------------------------- */

/* There are pages, or there is an error that nobody took. */
static noinline int write_and_wait(struct inode *inode, loff_t pos, size_t len_bytes)
{
	int err = 0, err2;

	if (READ_ONCE(inode->i_mapping->nrpages))
		err = lab_cache_write(inode, pos, len_bytes);
	err2 = lab_wb_check(inode, &inode->i_mapping->wb_told);
	return err ?: err2;
}

/**
 * filemap_write_and_wait_range - what is dirty in the range must reach the disk
 * @inode: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range
 *
 * Whoever comes here takes what errors of write-back there are, of any page, and nobody else is told of them. Context:
 * task, sleeps if there is any page. Return: 0 or an error of write-back.
 */
int filemap_write_and_wait_range(struct inode *inode, loff_t pos, size_t len_bytes)
{
	const struct address_space *mapping = inode->i_mapping;

	if (likely(!READ_ONCE(mapping->nrpages) && READ_ONCE(mapping->wb_told) == READ_ONCE(mapping->wb_err)))
		return 0;
	return write_and_wait(inode, pos, len_bytes);
}

/**
 * generic_write_sync - after a write: durable, if the descriptor is one for that
 * @file: written to
 * @pos: first byte
 * @count: bytes
 *
 * A flush, whatever was written: there was no other way. Context: task, sleeps with O_DSYNC. Return: 0 or -errno.
 */
int generic_write_sync(struct file *file, loff_t pos, size_t count)
{
	if (likely(!(file->f_flags & O_DSYNC)))
		return 0;
	return vfs_fsync_range(file, pos, pos + count - 1, 1);
}

/**
 * filemap_dio_write_end - after a direct write: pages that came to be meanwhile are stale
 * @inode: the file's; the write still holds its i_dio_count
 * @pos: file position, bytes
 * @len_bytes: of the range
 *
 * Context: any. None of the pages can be dirty: who dirties waits for the count.
 */
void filemap_dio_write_end(struct inode *inode, loff_t pos, size_t len_bytes)
{
	if (likely(!READ_ONCE(inode->i_mapping->nrpages)))
		return;
	lab_cache_invalidate(inode, pos, len_bytes);
}

/* ---- read ----------------------------------------------------------------------------------- */

/* The page at @index with the file's contents, referenced. @nr: pages that will be wanted. */
static int filemap_get_page(struct inode *inode, pgoff_t index, unsigned int nr, struct page **out)
{
	int err;

	for (;;) {
		*out = lab_page_find(inode, index);
		if (*out)
			return 0;
		err = lab_cache_read(inode, index, nr);
		if (err)
			return err;
	}
}

/*
 * Read through the page cache from iocb->ki_pos, which moves. Bytes, short at the end of the file or where
 * something failed; -EFAULT, -ENOMEM or the error of the disk if that was at once.
 */
static ssize_t do_generic_file_read(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	loff_t size = i_size_read(inode);
	ssize_t done = 0;
	int err = 0;

	while (!err && iov_iter_count(iter) && iocb->ki_pos < size) {
		size_t want = min_t(u64, iov_iter_count(iter), size - iocb->ki_pos), copied;
		unsigned int off = offset_in_page(iocb->ki_pos);
		size_t bytes = min_t(size_t, want, PAGE_SIZE - off);
		struct page *page;

		err = filemap_get_page(inode, iocb->ki_pos >> PAGE_SHIFT, PFN_UP(off + want), &page);
		if (err)
			break;
		copied = iov_iter_copy_to_user(page, iter, off, bytes);
		put_page(page);
		iov_iter_advance(iter, copied);
		iocb->ki_pos += copied;
		done += copied;
		if (copied < bytes)
			err = -EFAULT;
	}
	return done ?: err;
}

/**
 * generic_file_read_iter - read_iter of a file
 * @iocb: which file
 * @iter: where to; stays
 * @pos: iocb->ki_pos, which moves unless the read is queued
 *
 * Context: task, sleeps. Return: bytes, -errno, -EIOCBQUEUED.
 */
ssize_t generic_file_read_iter(struct kiocb *iocb, struct iov_iter *iter, loff_t pos)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	size_t count = iov_iter_count(iter);
	struct iov_iter rest = *iter;
	ssize_t done = 0, ret;

	if (!count)
		return 0;
	if (file->f_flags & O_DIRECT) {
		loff_t size = i_size_read(inode);

		if (pos >= size)
			return 0;
		done = filemap_write_and_wait_range(inode, pos, count);
		if (!done)
			done = file->f_aops->direct_IO(RW_READ, iocb, iter, pos);
		if (done > 0)
			iocb->ki_pos = pos + done;
		if (done < 0 || done == count || iocb->ki_pos >= size)
			return done;
		iov_iter_advance(&rest, done);
	}
	down_read(&inode->i_rwsem);
	ret = do_generic_file_read(iocb, &rest);
	up_read(&inode->i_rwsem);
	return ret > 0 ? done + ret : done ?: ret;
}

/* ---- buffered write ------------------------------------------------------------------------- */

/*
 * Copy at most @bytes to the page at ki_pos, or as many as the first segment has if more at once does not go.
 * Returns how many, or -errno. A segment that cannot be made readable to the last byte gives nothing: -EFAULT.
 */
static ssize_t perform_write_page(struct kiocb *iocb, struct iov_iter *iter, size_t bytes)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	size_t room = PAGE_SIZE - offset_in_page(iocb->ki_pos), copied;

	for (;;) {
		struct page *page;
		int err;

		if (iov_iter_fault_in_readable(iter, bytes))
			return -EFAULT;
		err = lab_write_begin(inode, iocb->ki_pos, bytes, &page);
		if (err)
			return err;
		pagefault_disable();
		copied = iov_iter_copy_from_user_atomic(page, iter, offset_in_page(iocb->ki_pos), bytes);
		pagefault_enable();
		copied = lab_write_end(inode, page, iocb->ki_pos, bytes, copied);
		iov_iter_advance(iter, copied);		/* of none too: it passes segments that are empty */
		if (copied)
			return copied;
		bytes = min(room, iov_iter_single_seg_count(iter));
	}
}

static ssize_t generic_perform_write(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	ssize_t done = 0, ret = 0;

	while (iov_iter_count(iter)) {
		size_t room = PAGE_SIZE - offset_in_page(iocb->ki_pos);

		ret = perform_write_page(iocb, iter, min(room, iov_iter_count(iter)));
		if (ret < 0)
			break;
		iocb->ki_pos += ret;
		done += ret;
		lab_cache_balance(inode);
	}
	if (ret < 0 && iocb->ki_pos + iov_iter_count(iter) > i_size_read(inode))
		lab_trim_eof(inode);
	return done ?: ret;
}

/* From iocb->ki_pos, which moves; i_size follows. i_rwsem is held exclusively. Bytes or -errno. */
static ssize_t generic_file_buffered_write(struct kiocb *iocb, struct iov_iter *iter)
{
	lab_inode_dio_wait(iocb->ki_filp->f_inode);
	return generic_perform_write(iocb, iter);
}

/* ---- write ---------------------------------------------------------------------------------- */

/* Where a write may go; one that reaches beyond the largest file is cut, if its memory can be. */
static int generic_write_checks(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;

	if (file->f_flags & O_APPEND)
		iocb->ki_pos = i_size_read(file->f_inode);
	if (iocb->ki_pos >= LAB_MAX_FILE_BYTES)
		return -EFBIG;
	if (iov_iter_count(iter) > LAB_MAX_FILE_BYTES - iocb->ki_pos)
		return iov_iter_shorten(iter, LAB_MAX_FILE_BYTES - iocb->ki_pos);
	return 0;
}

/* 0: through the page cache, all of it; else what direct IO says. */
static ssize_t generic_file_direct_write(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	loff_t pos = iocb->ki_pos;
	ssize_t written;
	int err;

	if (pos + iov_iter_count(iter) > i_size_read(inode)) {
		err = lab_settle_eof(inode);
		if (err)
			return err;
	}
	err = filemap_write_and_wait_range(inode, pos, iov_iter_count(iter));
	if (err)
		return err;
	if (READ_ONCE(inode->i_mapping->nrpages) && lab_cache_invalidate(inode, pos, iov_iter_count(iter)))
		return 0;
	written = file->f_aops->direct_IO(RW_WRITE, iocb, iter, pos);
	if (written > 0) {
		if (pos + written > i_size_read(inode))
			i_size_write(inode, pos + written);
		iocb->ki_pos = pos + written;
	}
	return written;
}

/* What direct IO left, @written bytes behind it: to the page cache, to the disk, and forgotten. */
static ssize_t direct_write_rest(struct kiocb *iocb, struct iov_iter *iter, ssize_t written)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct iov_iter rest = *iter;
	loff_t pos = iocb->ki_pos;
	ssize_t ret;
	int err;

	iov_iter_advance(&rest, written);
	ret = generic_file_buffered_write(iocb, &rest);
	if (ret <= 0)
		return written ?: ret;
	err = filemap_write_and_wait_range(inode, pos, ret);
	lab_cache_invalidate(inode, pos, ret);
	if (err) {
		iocb->ki_pos = pos;	/* of that nobody knows how much is there */
		return written ?: err;
	}
	return written + ret;
}

static ssize_t __generic_file_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	ssize_t written;
	int err = generic_write_checks(iocb, iter);

	if (err)
		return err;
	if (!(iocb->ki_filp->f_flags & O_DIRECT))
		return generic_file_buffered_write(iocb, iter);
	written = generic_file_direct_write(iocb, iter);
	if (written < 0 || written == iov_iter_count(iter))
		return written;
	return direct_write_rest(iocb, iter, written);
}

/**
 * generic_file_write_iter - write_iter of a file
 * @iocb: which file
 * @iter: from where; stays, but may be shortened
 * @pos: iocb->ki_pos, which moves unless the write is queued
 *
 * i_rwsem is held, exclusively, while it is submitted. Context: task, sleeps. Return: bytes, -errno,
 * -EIOCBQUEUED.
 */
ssize_t generic_file_write_iter(struct kiocb *iocb, struct iov_iter *iter, loff_t pos)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	ssize_t ret;
	int err;

	if (!iov_iter_count(iter))
		return 0;
	down_write(&inode->i_rwsem);
	ret = __generic_file_write_iter(iocb, iter);
	up_write(&inode->i_rwsem);
	if (ret > 0) {
		err = generic_write_sync(file, iocb->ki_pos - ret, ret);
		if (err)
			ret = err;
	}
	return ret;
}
