// SPDX-License-Identifier: GPL-2.0-only
/*
 * filemap.c - the page cache of a file or block device, from above: reads and writes through it, and O_DIRECT, which
 * begins and ends here too.
 *
 * The pages are the filesystem model's (lab/fs.h). A direct read has dirty pages of its range written back; a direct
 * write that and all pages forgotten, before it and, where it ends (direct-io-end.c), once more. What a direct write
 * leaves over, because a page could not be forgotten, goes through the pages, and from there to the disk.
 *
 * 3.12 takes no lock for a buffered read and none at all for a block device; the model's pages ask for i_rwsem,
 * shared and exclusive, as do those of the other designs. A direct write holds it as the filesystem wants it (lock=),
 * and, as 3.12, to its end if somebody waits for it.
 *
 * Who dirties more than LAB_CACHE_MAX_DIRTY pages writes back itself, after each page: balance_dirty_pages().
 *
 * Source: the order of calls is that of mm/filemap.c, Linux 3.12.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#define RA_PAGES	32u	/* read ahead: 128 KiB, the default of a 3.12 queue */

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
 * filemap_write_and_wait_range - dirty pages of a range to the disk
 * @inode: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range, >= 1
 *
 * Whoever comes here takes what errors of write-back there are, of any page, and nobody else is told of them. Context:
 * task, sleeps. Return: 0 or an error of write-back.
 */
int filemap_write_and_wait_range(struct inode *inode, loff_t pos, size_t len_bytes)
{
	const struct address_space *mapping = inode->i_mapping;

	if (likely(!READ_ONCE(mapping->nrpages) && READ_ONCE(mapping->wb_told) == READ_ONCE(mapping->wb_err)))
		return 0;
	return write_and_wait(inode, pos, len_bytes);
}

/**
 * generic_write_sync - the end of an O_DSYNC write
 * @file: written to
 * @pos: where, bytes
 * @len_bytes: how much, >= 1
 *
 * There is no FUA in 3.12's files: pages of the range to the disk, and a flush. Context: task, sleeps; i_rwsem not
 * held. Return: 0 or -errno.
 */
int generic_write_sync(struct file *file, loff_t pos, size_t len_bytes)
{
	return vfs_fsync_range(file, pos, pos + len_bytes - 1, 1);
}

/* ---- read ----------------------------------------------------------------------------------- */

/*
 * Pages to read in from @index, where one is missing. @nr of them are wanted now; who reads on where the last read
 * ended, or at the beginning, gets more.
 */
static unsigned int read_ahead(const struct file *file, pgoff_t index, unsigned int nr, loff_t size)
{
	if (!index || index == READ_ONCE(file->f_ra_next))
		nr = max(nr, RA_PAGES);
	return min_t(u64, nr, DIV_ROUND_UP(size, PAGE_SIZE) - index);
}

/* The page at @index with the file's contents, referenced. */
static int filemap_get_page(struct file *file, pgoff_t index, unsigned int nr, loff_t size, struct page **out)
{
	int err;

	while (!(*out = lab_page_find(file->f_inode, index))) {
		err = lab_cache_read(file->f_inode, index, read_ahead(file, index, nr, size));
		if (err)
			return err;
	}
	WRITE_ONCE(file->f_ra_next, index + 1);
	return 0;
}

/* [*ppos, *ppos + len) to @actor. Bytes that it took; an error only if that is none. */
static ssize_t do_generic_file_read(struct file *file, loff_t *ppos, size_t len, read_actor_t *actor, void *arg)
{
	loff_t size = i_size_read(file->f_inode);
	ssize_t done = 0, ret = 0;

	while (len && *ppos < size) {
		unsigned int off = offset_in_page(*ppos);
		size_t want = min_t(u64, len, size - *ppos), bytes = min_t(size_t, want, PAGE_SIZE - off);
		struct page *page;

		ret = filemap_get_page(file, *ppos >> PAGE_SHIFT, PFN_UP(off + want), size, &page);
		if (ret)
			break;
		ret = actor(arg, page, off, bytes);
		put_page(page);
		if (ret < 0)
			break;
		*ppos += ret;
		done += ret;
		len -= ret;
		if (ret < bytes)
			break;
	}
	return done ?: min_t(ssize_t, ret, 0);
}

/* Of a read(2): @arg points to the user address, which moves. */
static ssize_t file_read_actor(void *arg, struct page *page, unsigned int offset, unsigned int bytes)
{
	void __user **to = arg;
	size_t left = copy_to_user(*to, page_address(page) + offset, bytes);

	*to += bytes - left;
	return bytes - left ?: -EFAULT;
}

/* What is left of a read after its first @skip bytes, through the page cache. */
static ssize_t buffered_read(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, size_t skip)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	size_t left = iocb->ki_nbytes - skip;
	ssize_t done = 0, ret = 0;
	enum lab_lock lock;

	lab_lock_for_read(inode, false, &lock);
	for (; nr_segs && left; nr_segs--, iov++) {
		void __user *to = iov->iov_base + min(skip, iov->iov_len);
		size_t len = min(iov->iov_len - min(skip, iov->iov_len), left);

		skip -= min(skip, iov->iov_len);
		if (!len)
			continue;
		ret = do_generic_file_read(iocb->ki_filp, &iocb->ki_pos, len, file_read_actor, &to);
		if (ret <= 0)
			break;
		done += ret;
		left -= ret;
		if (ret < len)
			break;
	}
	lab_unlock(inode, lock);
	return done ?: ret;
}

/**
 * generic_file_aio_read - read, directly or through the page cache
 * @iocb: ki_pos and ki_nbytes; O_DIRECT is the file's
 * @iov: where to
 * @nr_segs: of @iov
 * @pos: == ki_pos
 *
 * What a direct read leaves before the end of the file is read through the page cache. Context: task, sleeps.
 * Return: bytes, short at the end of the file or where something failed; -EIOCBQUEUED; -errno.
 */
ssize_t generic_file_aio_read(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	ssize_t done = 0, ret;

	if (!iocb->ki_nbytes || pos >= i_size_read(inode))
		return 0;
	if (file->f_flags & O_DIRECT) {
		ret = filemap_write_and_wait_range(inode, pos, iocb->ki_nbytes);
		if (!ret)
			ret = file->f_aops->direct_IO(READ, iocb, iov, pos, nr_segs);
		if (ret < 0)
			return ret;
		done = ret;
		iocb->ki_pos += done;
		if (done == iocb->ki_nbytes || iocb->ki_pos >= i_size_read(inode))
			return done;
	}
	ret = buffered_read(iocb, iov, nr_segs, done);
	return done ?: ret;
}

/**
 * generic_file_splice_read - read a piece of the page cache, to a function of the caller's
 * @file: the file
 * @ppos: where; moves
 * @len: bytes
 * @actor: called with each page
 * @arg: its argument
 *
 * Context: task, sleeps. Return: bytes, short at the end of the file; or -errno.
 */
ssize_t generic_file_splice_read(struct file *file, loff_t *ppos, size_t len, read_actor_t *actor, void *arg)
{
	enum lab_lock lock;
	ssize_t ret;

	lab_lock_for_read(file->f_inode, false, &lock);
	ret = do_generic_file_read(file, ppos, len, actor, arg);
	lab_unlock(file->f_inode, lock);
	return ret;
}

/* ---- buffered write ------------------------------------------------------------------------- */

/*
 * Copy at most @bytes to the page at @pos. Returns how many, or -errno. The copy must not fault, as the page is
 * locked: what is not there is brought in before, and again if it went away meanwhile. A segment that ends within
 * @bytes is -EFAULT, and nothing of this page is written; since 5.16 it is short to the byte.
 */
static ssize_t perform_write_page(struct inode *inode, struct iov_iter *i, loff_t pos, size_t bytes)
{
	for (;;) {
		size_t copied, counted;
		struct page *page;
		int err;

		err = iov_iter_fault_in_readable(i, bytes);
		if (!err)
			err = lab_write_begin(inode, pos, bytes, &page);
		if (err)
			return err;
		copied = iov_iter_copy_from_user_atomic(page, i, offset_in_page(pos), bytes);
		counted = lab_write_end(inode, page, pos, bytes, copied);
		if (counted) {
			iov_iter_advance(i, counted);
			return counted;
		}
		/* Not the whole page: the next time its rest is read in. */
		bytes = min(bytes, iov_iter_single_seg_count(i));
		if (copied)
			bytes = min(bytes, copied);
	}
}

/*
 * From ki_pos on, which moves. i_rwsem held exclusively, no direct IO in flight. What a failure leaves behind the end
 * of the file is freed. Bytes, short where something failed; an error only if that was at once.
 */
static ssize_t generic_perform_write(struct kiocb *iocb, struct iov_iter *i)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	ssize_t done = 0, ret = 0;

	while (iov_iter_count(i)) {
		size_t room = PAGE_SIZE - offset_in_page(iocb->ki_pos);

		ret = perform_write_page(inode, i, iocb->ki_pos, min(room, iov_iter_count(i)));
		if (ret < 0)
			break;
		iocb->ki_pos += ret;
		done += ret;
		lab_cache_balance(inode);
	}
	if (ret < 0 && iocb->ki_pos + iov_iter_count(i) > i_size_read(inode))
		lab_trim_eof(inode);
	return done ?: ret;
}

/* ---- direct write --------------------------------------------------------------------------- */

/* Where a write may go. May cut ki_nbytes. Source: generic_write_checks(). */
static int generic_write_checks(struct kiocb *iocb)
{
	struct file *file = iocb->ki_filp;
	loff_t end = file->f_is_bdev ? i_size_read(file->f_inode) : LAB_MAX_FILE_BYTES;

	if (iocb->ki_append)
		iocb->ki_pos = i_size_read(file->f_inode);
	if (iocb->ki_pos >= end)
		return file->f_is_bdev ? -ENOSPC : -EFBIG;
	iocb->ki_nbytes = min_t(u64, iocb->ki_nbytes, end - iocb->ki_pos);
	return 0;
}

/*
 * i_rwsem held. Bytes; 0: a page could not be forgotten, it must go through them; -EIOCBQUEUED; -errno. The size
 * follows.
 */
static ssize_t generic_file_direct_write(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	loff_t pos = iocb->ki_pos;
	ssize_t written;

	written = filemap_write_and_wait_range(inode, pos, iocb->ki_nbytes);
	if (written)
		return written;
	if (READ_ONCE(inode->i_mapping->nrpages) && lab_cache_invalidate(inode, pos, iocb->ki_nbytes))
		return 0;
	written = file->f_aops->direct_IO(WRITE, iocb, iov, pos, nr_segs);
	if (written > 0) {
		iocb->ki_pos += written;
		if (iocb->ki_pos > i_size_read(inode))
			i_size_write(inode, iocb->ki_pos);
	}
	return written;
}

/* ---- write ---------------------------------------------------------------------------------- */

/*
 * Check and lock for a write. Appending: the end of the file is where it is once the lock is held. Through the page
 * cache: alone with the file, so that no direct IO's end meets a dirty page.
 */
static int write_lock(struct kiocb *iocb, bool direct, enum lab_lock *lock)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	int ret;

	for (;;) {
		*lock = LAB_LOCK_NONE;
		ret = generic_write_checks(iocb);
		if (ret)
			return ret;
		if (direct) {
			ret = lab_lock_for_write(inode, iocb->ki_pos, iocb->ki_nbytes, false, lock);
		} else {
			down_write(&inode->i_rwsem);
			*lock = LAB_LOCK_EXCL;
			lab_inode_dio_wait(inode);
		}
		if (ret || !iocb->ki_append || iocb->ki_pos == i_size_read(inode))
			return ret;
		lab_unlock(inode, *lock);
	}
}

/*
 * Two kinds of direct write keep the lock, alone, to their end: those that extend the file, whose size follows the
 * data, and those of part of a block without data, which zero what they do not write.
 */
static void write_keep_lock(struct kiocb *iocb, enum lab_lock lock)
{
	loff_t end = iocb->ki_pos + iocb->ki_nbytes;

	if (lock != LAB_LOCK_EXCL)
		return;
	if (end > i_size_read(iocb->ki_filp->f_inode) || ((iocb->ki_pos | end) & (LAB_BLOCK_BYTES - 1))) {
		lab_inode_dio_wait(iocb->ki_filp->f_inode);
		iocb->ki_wait = true;
	}
}

/* What a direct write could not do goes to the pages, from there to the disk, and is forgotten if that is possible. */
static ssize_t direct_write_rest(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	enum lab_lock lock;
	struct iov_iter i;
	ssize_t ret;
	int err;

	ret = write_lock(iocb, false, &lock);
	if (ret)
		return ret;
	iov_iter_init(&i, iov, nr_segs, iocb->ki_nbytes, 0);
	ret = generic_perform_write(iocb, &i);
	if (ret > 0) {
		err = filemap_write_and_wait_range(inode, iocb->ki_pos - ret, ret);
		lab_cache_invalidate(inode, iocb->ki_pos - ret, ret);
		ret = err ?: ret;
	}
	lab_unlock(inode, lock);
	return ret;
}

/**
 * generic_file_aio_write - write, directly or through the page cache
 * @iocb: ki_pos and ki_nbytes; O_DIRECT is the file's
 * @iov: what
 * @nr_segs: of @iov
 * @pos: == ki_pos
 *
 * Context: task, sleeps. Return: bytes, short where something failed; -EIOCBQUEUED; -errno.
 */
ssize_t generic_file_aio_write(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos)
{
	struct file *file = iocb->ki_filp;
	bool direct = file->f_flags & O_DIRECT;
	enum lab_lock lock;
	struct iov_iter i;
	ssize_t ret;
	int err;

	if (!iocb->ki_nbytes)
		return 0;
	ret = write_lock(iocb, direct, &lock);
	if (ret)
		return ret;
	if (direct) {
		write_keep_lock(iocb, lock);
		ret = generic_file_direct_write(iocb, iov, nr_segs);
	} else {
		iov_iter_init(&i, iov, nr_segs, iocb->ki_nbytes, 0);
		ret = generic_perform_write(iocb, &i);
	}
	lab_unlock(file->f_inode, lock);
	if (direct && !ret)
		ret = direct_write_rest(iocb, iov, nr_segs);
	if (ret > 0 && iocb->ki_dsync) {
		err = generic_write_sync(file, iocb->ki_pos - ret, ret);
		if (err)
			ret = err;
	}
	return ret;
}
