// SPDX-License-Identifier: GPL-2.0-only
/*
 * filemap.c - the page cache of a file, from above: where direct IO meets it, and buffered reads and writes.
 *
 * The pages are the filesystem model's (lab/fs.h). What direct IO asks of them is a look at nrpages, and
 * at errors of write-back that nobody was told of, as long as there are none. Else, before a read dirty
 * pages are written back; before a write they are written back and all are forgotten, and after it, where
 * the piece ends, once more, since a reader may have brought old contents in. That last step waits for
 * nothing and comes before the piece's i_dio_count goes, so that a buffered writer, who waits for that
 * count, never builds on a page from before.
 *
 * Who may not wait does not write back: -EAGAIN, and a worker does it. To forget clean pages needs no waiting
 * and is done on every way. A page that a reader has locked cannot be forgotten at once: who may wait then
 * writes through the page cache (-ENOTBLK, as in Linux).
 *
 * Buffered IO moves bytes through the iterator's table: one checked copy a page and segment, whatever kind
 * of memory it is. So a loop device's write that falls back is the same code as a program's write(2).
 *
 * Source: the order of calls is that of Linux 6.1's mm/filemap.c and fs/iomap/direct-io.c.
 */
#include <linux/fs.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

/* ---- direct IO and the page cache ----------------------------------------------------------- */

/**
 * filemap_dio_read_begin - before a direct read is mapped: dirty pages of the range must reach the disk
 * @inode: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range
 * @nowait: do not write back
 *
 * Context: i_rwsem held; sleeps unless @nowait. Return: 0; -EAGAIN (@nowait: there are some), or the error of
 * write-back, or an earlier one that nobody was told of.
 */
int filemap_dio_read_begin(struct inode *inode, loff_t pos, size_t len_bytes, bool nowait)
{
	return likely(!lab_cache_concerns_dio(inode)) ? 0 : lab_cache_dio_read(inode, pos, len_bytes, nowait);
}

/**
 * filemap_dio_write_begin - before a direct write is mapped: dirty pages of the range must reach the disk,
 * and all its pages be forgotten
 * @inode: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range
 * @nowait: do not write back
 *
 * Context: i_rwsem held; sleeps unless @nowait. Return: 0; -EAGAIN (@nowait: a page is dirty or locked),
 * -ENOTBLK (a page could not be forgotten: write through the page cache), or the error of write-back,
 * or an earlier one that nobody was told of.
 */
int filemap_dio_write_begin(struct inode *inode, loff_t pos, size_t len_bytes, bool nowait)
{
	return likely(!lab_cache_concerns_dio(inode)) ? 0 : lab_cache_dio_write(inode, pos, len_bytes, nowait);
}

/**
 * filemap_dio_write_end - after a piece of a direct write: pages that came to be meanwhile are stale
 * @inode: the file's; the piece still holds its i_dio_count
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

/**
 * filemap_write_done - after a direct write that went through the page cache: as if it had not
 * @inode: the file's
 * @pos: file position, bytes
 * @len_bytes: of what was written
 * @errors: lab_wb_count() from before that
 * @seen: the sample of who writes
 *
 * Context: i_rwsem still held, exclusively: a page that another writer has locked must not become stale.
 * Task, sleeps.
 * Return: 0 or an error of write-back since.
 */
int filemap_write_done(struct inode *inode, loff_t pos, size_t len_bytes, u32 errors, errseq_t *seen)
{
	int err = lab_cache_write_since(inode, pos, len_bytes, errors, seen);

	lockdep_assert_held_write(&inode->i_rwsem);
	lab_cache_invalidate(inode, pos, len_bytes);
	return err;
}

/* ---- buffered read -------------------------------------------------------------------------- */

/* The page at @index with the file's contents, referenced. @nr: pages that will be wanted. */
static int filemap_get_page(struct kiocb *iocb, pgoff_t index, unsigned int nr, struct page **out)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	int err;

	for (;;) {
		*out = lab_page_find(inode, index);
		if (*out)
			return 0;
		if (iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		err = lab_cache_read(inode, index, nr);
		if (err)
			return err;
	}
}

/**
 * filemap_read - read through the page cache
 * @iocb: ki_pos is where, and moves. IOCB_NOWAIT: only what is there
 * @to: where to
 *
 * Context: i_rwsem held shared; task, sleeps. Return: bytes, short at the end of the file or where something
 * failed; -EFAULT, -EAGAIN, -ENOMEM or the error of the disk if that was at once.
 */
ssize_t filemap_read(struct kiocb *iocb, struct iov_iter *to)
{
	loff_t size = i_size_read(iocb->ki_filp->f_inode);
	ssize_t done = 0;
	int err = 0;

	while (!err && iov_iter_count(to) && iocb->ki_pos < size) {
		size_t want = min_t(u64, iov_iter_count(to), size - iocb->ki_pos), copied;
		unsigned int off = offset_in_page(iocb->ki_pos);
		size_t bytes = min_t(size_t, want, PAGE_SIZE - off);
		struct page *page;

		err = filemap_get_page(iocb, iocb->ki_pos >> PAGE_SHIFT, PFN_UP(off + want), &page);
		if (err)
			break;
		copied = copy_to_iter(to, page_address(page) + off, bytes);
		put_page(page);
		iocb->ki_pos += copied;
		done += copied;
		if (copied < bytes)
			err = -EFAULT;
	}
	return done ?: err;
}

/* ---- buffered write ------------------------------------------------------------------------- */

/*
 * Copy at most @bytes to the page at ki_pos. Returns how many, or -errno. The copy must not fault, as the
 * page is locked: what is not there is brought in before, and again if it went away meanwhile.
 */
static ssize_t filemap_write_page(struct kiocb *iocb, struct iov_iter *from, size_t bytes)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	unsigned int off = offset_in_page(iocb->ki_pos);

	for (;;) {
		struct iov_iter saved = *from;
		size_t copied, counted;
		struct page *page;
		int err;

		if (fault_in_iov_iter_readable(from, bytes) == bytes)
			return -EFAULT;
		err = lab_write_begin(inode, iocb->ki_pos, bytes, &page);
		if (err)
			return err;
		copied = copy_from_iter_nofault(from, page_address(page) + off, bytes);
		counted = lab_write_end(inode, page, iocb->ki_pos, bytes, copied);
		if (counted)
			return counted;
		*from = saved;
		if (copied)
			bytes = copied;		/* not the whole page: the next time its rest is read in */
	}
}

/**
 * generic_perform_write - write through the page cache
 * @iocb: ki_pos is where, and moves
 * @from: what, up to the largest file at most
 *
 * i_size follows. What a failure leaves behind the end of the file is freed. Context: i_rwsem held
 * exclusively, no direct IO in flight; task, sleeps. Return: bytes, short where something failed; -EFAULT,
 * -ENOSPC, -ENOMEM or the error of the disk if that was at once.
 */
ssize_t generic_perform_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	ssize_t done = 0, ret = 0;

	while (ret >= 0 && iov_iter_count(from)) {
		size_t room = PAGE_SIZE - offset_in_page(iocb->ki_pos);

		ret = filemap_write_page(iocb, from, min(room, iov_iter_count(from)));
		if (ret < 0)
			break;
		iocb->ki_pos += ret;
		done += ret;
		lab_cache_balance(inode);
	}
	if (ret < 0 && iocb->ki_pos + iov_iter_count(from) > i_size_read(inode))
		lab_trim_eof(inode);
	return done ?: ret;
}
