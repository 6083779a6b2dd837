// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev.c - O_DIRECT on a block device: the same direct IO as of a file, with a get_block that says that
 * every block is where it is.
 *
 * Source: fs/block_dev.c of Linux 3.12, by its rules.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/kernel.h>

static int blkdev_get_block(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create)
{
	bh->b_blocknr = iblock;
	bh->b_state = BH_Mapped;
	return 0;
}

static ssize_t blkdev_direct_IO(int rw, struct kiocb *iocb, struct iov_iter *iter, loff_t offset)
{
	return __blockdev_direct_IO(rw, iocb, NULL, iocb->ki_filp->f_bdev, iter, offset, blkdev_get_block, NULL,
				    NULL, 0);
}

const struct address_space_operations def_blk_aops = {
	.direct_IO	= blkdev_direct_IO,
};

/* Cut what reaches beyond the end of the device. */
static int blkdev_shorten(struct iov_iter *iter, loff_t room)
{
	return iov_iter_count(iter) > room ? iov_iter_shorten(iter, room) : 0;
}

static ssize_t blkdev_read_iter(struct kiocb *iocb, struct iov_iter *iter, loff_t pos)
{
	loff_t size = bdev_nr_bytes(iocb->ki_filp->f_bdev);
	ssize_t ret;

	if (pos >= size)
		return 0;
	ret = blkdev_shorten(iter, size - pos);
	if (!ret)
		ret = iocb->ki_filp->f_aops->direct_IO(RW_READ, iocb, iter, pos);
	if (ret > 0)
		iocb->ki_pos = pos + ret;
	return ret;
}

static ssize_t blkdev_write_iter(struct kiocb *iocb, struct iov_iter *iter, loff_t pos)
{
	struct file *file = iocb->ki_filp;
	loff_t size = bdev_nr_bytes(file->f_bdev);
	ssize_t ret;
	int err;

	if (bdev_read_only(file->f_bdev))
		return -EPERM;
	if (!iov_iter_count(iter))
		return 0;
	if (file->f_flags & O_APPEND)
		pos = iocb->ki_pos = size;
	if (pos >= size)
		return -ENOSPC;
	ret = blkdev_shorten(iter, size - pos);
	if (!ret)
		ret = file->f_aops->direct_IO(RW_WRITE, iocb, iter, pos);
	if (ret > 0) {
		iocb->ki_pos = pos + ret;
		err = generic_write_sync(file, pos, ret);
		if (err)
			ret = err;
	}
	return ret;
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return blkdev_issue_flush(file->f_bdev);
}

const struct file_operations def_blk_fops = {
	.read_iter	= blkdev_read_iter,
	.write_iter	= blkdev_write_iter,
	.fsync		= blkdev_fsync,
};
