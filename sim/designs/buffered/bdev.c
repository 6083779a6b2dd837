// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev.c - a block device as a file: its inode's map is the identity, and everything else is what a file has.
 *
 * So O_DIRECT on it is direct-io.c, block mapping and all, in the device's logical blocks; buffered IO is filemap.c on
 * the pages of the device's inode. Each open has an inode of its own here, where Linux has one a device.
 *
 * Source: fs/block_dev.c, Linux 3.12, which passed no DIO_LOCKING: filemap.c says why here it does.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/kernel.h>

static int blkdev_get_block(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create)
{
	bh->b_state = BH_Mapped;
	bh->b_blocknr = iblock;
	return 0;
}

static ssize_t blkdev_direct_IO(int rw, struct kiocb *iocb, const struct iovec *iov, loff_t pos, unsigned long nr_segs)
{
	unsigned int blkbits = ilog2(bdev_logical_block_size(iocb->ki_filp->f_bdev));

	return __blockdev_direct_IO(rw, iocb, blkbits, iov, pos, nr_segs, blkdev_get_block, NULL, DIO_LOCKING);
}

const struct address_space_operations def_blk_aops = {
	.direct_IO	= blkdev_direct_IO,
};

static ssize_t blkdev_aio_read(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos)
{
	loff_t size;

	lab_bdev_inode_follow(iocb->ki_filp->f_inode);	/* the capacity may have changed */
	size = i_size_read(iocb->ki_filp->f_inode);
	if (pos >= size)
		return 0;
	iocb->ki_nbytes = min_t(u64, iocb->ki_nbytes, size - pos);
	return generic_file_aio_read(iocb, iov, nr_segs, pos);
}

static ssize_t blkdev_aio_write(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos)
{
	if (bdev_read_only(iocb->ki_filp->f_bdev))
		return -EPERM;
	lab_bdev_inode_follow(iocb->ki_filp->f_inode);	/* the capacity may have changed */
	return generic_file_aio_write(iocb, iov, nr_segs, pos);
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file->f_inode;
	int err, flush_err;

	if (start || end != LAB_MAX_FILE_BYTES)
		err = filemap_write_and_wait_range(inode, start, end - start + 1);
	else
		err = lab_cache_sync(inode, &inode->i_mapping->wb_told);
	flush_err = lab_fsync(inode, datasync);
	return err ?: flush_err;
}

const struct file_operations def_blk_fops = {
	.read		= do_sync_read,
	.write		= do_sync_write,
	.aio_read	= blkdev_aio_read,
	.aio_write	= blkdev_aio_write,
	.splice_read	= generic_file_splice_read,
	.fsync		= blkdev_fsync,
};
