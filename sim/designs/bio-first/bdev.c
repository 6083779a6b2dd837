// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev.c - O_DIRECT on a block device.
 *
 * A block device is the file whose map is the identity, so its ->dio_submit hands the bio down as it is:
 * the position is the sector already. Everything else (pins, several bios, completion) is dio-user.c's, as
 * for files.
 *
 * Source: the checks of blkdev_read_iter() and blkdev_write_iter(), block/fops.c of Linux 6.1.
 */
#include <linux/fs.h>
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

static ssize_t blkdev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	loff_t size = bdev_nr_bytes(iocb->ki_filp->f_bdev), pos = iocb->ki_pos;

	if (!iov_iter_count(to) || pos >= size)
		return 0;
	iov_iter_truncate(to, size - pos);
	if (!blkdev_is_aligned(iocb->ki_filp, pos, to))
		return -EINVAL;
	return dio_rw(iocb, to, iov_iter_count(to), 0);
}

static ssize_t blkdev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct block_device *bdev = iocb->ki_filp->f_bdev;
	loff_t size = bdev_nr_bytes(bdev);

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
	return dio_rw(iocb, from, iov_iter_count(from), 0);
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return blkdev_issue_flush(file->f_bdev);
}

const struct file_operations def_blk_fops = {
	.read_iter	= blkdev_read_iter,
	.write_iter	= blkdev_write_iter,
	.dio_submit	= blkdev_dio_submit,
	.fsync		= blkdev_fsync,
};
