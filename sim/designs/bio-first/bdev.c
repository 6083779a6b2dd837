// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev.c - a block device as a file, direct and buffered.
 *
 * For direct IO a block device is the file whose map is the identity, so its ->dio_submit hands the bio down as it is:
 * the position is the sector already. Everything else (pins, several bios, completion) is dio-user.c's, as
 * for files.
 *
 * The second descriptor goes through the page cache of the device: filemap.c, on the inode that has the device's
 * bytes for a file. A direct IO that finds no page there, and no untold error, does not look further. One that
 * does writes them back and, if it writes, forgets them, and once more at its end. As in 6.1 it holds no lock
 * meanwhile: who writes to a page while a direct write of that very page is in flight cannot know which of the two
 * stays. Each open has an inode of its own here, where Linux has one a device.
 *
 * Source: the checks of blkdev_read_iter() and blkdev_write_iter(), block/fops.c of Linux 6.1.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/uio.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

/* Never -EAGAIN: to queue a bio is not to wait. The device sees to REQ_NOWAIT, REQ_FUA and its end itself. */
static int blkdev_dio_submit(struct file *file, struct bio *bio, unsigned int flags)
{
	bio->bi_end_io = bio_dio(bio)->end_io;
	bio_set_dev(bio, file->f_bdev);
	submit_bio(bio);
	return 0;
}

static inline bool blkdev_is_aligned(struct file *file, loff_t pos, const struct iov_iter *iter)
{
	unsigned int block_mask = bdev_logical_block_size(file->f_bdev) - 1;

	return !((pos | iov_iter_count(iter)) & block_mask) &&
	       iov_iter_is_aligned(iter, bdev_dma_alignment(file->f_bdev), block_mask);
}

/* ---- the device's page cache ---------------------------------------------------------------- */

static inline bool blkdev_must_look(const struct kiocb *iocb)
{
	return lab_cache_concerns_dio(bdev_file_inode(iocb->ki_filp));
}

/*
 * Before a direct IO, if there are pages: as for a file, and under its inode's lock for as long as it takes. 0;
 * -EAGAIN (NOWAIT), -ENOTBLK (a page cannot be forgotten), or the error of write-back.
 */
static int blkdev_pages_begin(struct kiocb *iocb, size_t len_bytes)
{
	struct inode *inode = bdev_file_inode(iocb->ki_filp);
	bool nowait = (iocb->ki_flags & IOCB_NOWAIT) != 0;
	enum lab_lock lock;
	int err = lab_lock_for_read(inode, nowait, &lock);

	if (err)
		return err;
	if (iocb->ki_flags & IOCB_WRITE)
		err = filemap_dio_write_begin(inode, iocb->ki_pos, len_bytes, nowait);
	else
		err = filemap_dio_read_begin(inode, iocb->ki_pos, len_bytes, nowait);
	lab_unlock(inode, lock);
	return err;
}

static ssize_t blkdev_buffered_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	bool nowait = (iocb->ki_flags & IOCB_NOWAIT) != 0;
	enum lab_lock lock;
	ssize_t ret;

	if (!nowait)
		lab_bdev_inode_follow(inode);
	ret = lab_lock_for_read(inode, nowait, &lock);
	if (ret)
		return ret;
	ret = filemap_read(iocb, to);
	lab_unlock(inode, lock);
	return ret;
}

/*
 * Of the second descriptor. @direct: a direct write whose pages could not be forgotten; they go to the disk, and are
 * forgotten if that is possible now. @seen: of the descriptor that was called.
 */
static ssize_t blkdev_write_cached(struct kiocb *iocb, struct iov_iter *from, errseq_t *seen, bool direct)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	u32 errors;
	loff_t size, pos;
	ssize_t ret;
	int err = 0;

	lab_bdev_inode_follow(inode);
	down_write(&inode->i_rwsem);
	errors = lab_wb_count(inode);
	size = i_size_read(inode);
	pos = iocb->ki_flags & IOCB_APPEND ? size : iocb->ki_pos;
	iocb->ki_pos = pos;
	ret = -ENOSPC;
	if (pos < size) {
		iov_iter_truncate(from, size - pos);
		ret = generic_perform_write(iocb, from);
	}
	if (ret > 0 && direct)
		err = filemap_write_done(inode, pos, ret, errors, seen);
	up_write(&inode->i_rwsem);
	if (err || ret <= 0 || !(iocb->ki_flags & IOCB_DSYNC))
		return err ?: ret;
	if (!direct)
		err = lab_cache_write_since(inode, pos, ret, errors, seen);
	return err ?: lab_wb_check(inode, seen) ?: blkdev_issue_flush(iocb->ki_filp->f_bdev) ?: ret;
}

static ssize_t blkdev_buffered_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	if (bdev_read_only(iocb->ki_filp->f_bdev))
		return -EPERM;
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EOPNOTSUPP;
	return iov_iter_count(from) ? blkdev_write_cached(iocb, from, &iocb->ki_filp->f_wb_err, false) : 0;
}

/* A direct write, by way of the second descriptor. */
static noinline ssize_t blkdev_write_fallback(struct kiocb *iocb, struct iov_iter *from)
{
	struct kiocb second = *iocb;
	ssize_t ret;

	second.ki_filp = &container_of(iocb->ki_filp, struct lab_file, file)->buffered;
	ret = blkdev_write_cached(&second, from, &iocb->ki_filp->f_wb_err, true);
	iocb->ki_pos = second.ki_pos;
	return ret;
}

/* ---- direct IO ------------------------------------------------------------------------------ */

static ssize_t blkdev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	loff_t size = bdev_nr_bytes(iocb->ki_filp->f_bdev), pos = iocb->ki_pos;
	int err;

	if (!iov_iter_count(to) || pos >= size)
		return 0;
	iov_iter_truncate(to, size - pos);
	if (!blkdev_is_aligned(iocb->ki_filp, pos, to))
		return -EINVAL;
	if (unlikely(blkdev_must_look(iocb))) {
		err = blkdev_pages_begin(iocb, iov_iter_count(to));
		if (err)
			return err;
	}
	return dio_rw(iocb, to, iov_iter_count(to), 0);
}

static ssize_t blkdev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct block_device *bdev = iocb->ki_filp->f_bdev;
	loff_t size = bdev_nr_bytes(bdev);
	int err;

	if (bdev_read_only(bdev))
		return -EPERM;
	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = size;
	if (iocb->ki_pos >= size)
		return -ENOSPC;
	iov_iter_truncate(from, size - iocb->ki_pos);
	if (!blkdev_is_aligned(iocb->ki_filp, iocb->ki_pos, from))
		return -EINVAL;
	if (unlikely(blkdev_must_look(iocb))) {
		err = blkdev_pages_begin(iocb, iov_iter_count(from));
		if (err)
			return err == -ENOTBLK ? blkdev_write_fallback(iocb, from) : err;
	}
	return dio_rw(iocb, from, iov_iter_count(from), 0);
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return lab_bdev_inode_sync(bdev_file_inode(file), &file->f_wb_err);
}

static int blkdev_buffered_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return lab_bdev_inode_sync(file->f_inode, &file->f_wb_err);
}

const struct file_operations def_blk_fops = {
	.read_iter	= blkdev_read_iter,
	.write_iter	= blkdev_write_iter,
	.dio_submit	= blkdev_dio_submit,
	.fsync		= blkdev_fsync,
};

const struct file_operations def_blk_buffered_fops = {
	.read_iter	= blkdev_buffered_read_iter,
	.write_iter	= blkdev_buffered_write_iter,
	.fsync		= blkdev_buffered_fsync,
};
