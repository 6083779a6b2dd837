// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev.c - O_DIRECT on a block device: a page of our own, a bio of one page, and wait for it; again and again.
 *
 * Why not through a page cache, like files: a page that is written back is written whole, and would carry with it
 * what another writer, who went to the file below, has changed in the rest of it since.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>

/* One bio over the beginning of @page. 0 or -errno. */
static int blkdev_bio(struct block_device *bdev, blk_opf_t opf, loff_t pos, struct page *page, size_t bytes)
{
	struct bio_vec vec;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &vec, 1, opf);
	bio.bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	__bio_add_page(&bio, page, bytes, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

static ssize_t blkdev_rw(struct block_device *bdev, blk_opf_t opf, loff_t pos, struct iov_iter *iter)
{
	struct page *page = alloc_page(GFP_KERNEL);
	ssize_t done = 0;
	int err = page ? 0 : -ENOMEM;

	while (!err && iov_iter_count(iter)) {
		size_t bytes = min_t(size_t, iov_iter_count(iter), PAGE_SIZE);

		if (op_is_write(opf) && copy_from_iter(iter, page_address(page), bytes) != bytes)
			err = -EFAULT;
		if (!err)
			err = blkdev_bio(bdev, opf, pos + done, page, bytes);
		if (!err && !op_is_write(opf) && copy_to_iter(iter, page_address(page), bytes) != bytes)
			err = -EFAULT;
		done += bytes;
	}
	if (page)
		__free_page(page);
	return err ?: done;
}

/**
 * blkdev_read - read from a block device
 * @bdev: the device
 * @pos: from where
 * @to: to where, and how much; aligned
 *
 * Context: task, sleeps. Return: bytes (short: the end of the device), or -errno.
 */
ssize_t blkdev_read(struct block_device *bdev, loff_t pos, struct iov_iter *to)
{
	loff_t size = bdev_nr_bytes(bdev);

	if (pos >= size)
		return 0;
	iov_iter_truncate(to, size - pos);
	return blkdev_rw(bdev, REQ_OP_READ, pos, to);
}

/**
 * blkdev_write - write to a block device
 * @bdev: the device
 * @pos: to where
 * @from: from where, and how much; aligned
 * @flags: LAB_IO_DSYNC is looked at
 *
 * Context: task, sleeps. Return: bytes (short: the end of the device), or -errno.
 */
ssize_t blkdev_write(struct block_device *bdev, loff_t pos, struct iov_iter *from, unsigned int flags)
{
	loff_t size = bdev_nr_bytes(bdev);

	if (bdev_read_only(bdev))
		return -EPERM;
	if (pos >= size)
		return -ENOSPC;
	iov_iter_truncate(from, size - pos);
	return blkdev_rw(bdev, REQ_OP_WRITE | REQ_SYNC | (flags & LAB_IO_DSYNC ? REQ_FUA : 0), pos, from);
}
