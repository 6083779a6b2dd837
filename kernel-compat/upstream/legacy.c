// SPDX-License-Identifier: GPL-2.0-only
/*
 * legacy.c - the other way to direct IO: fs/direct-io.c over a get_block() of the laboratory's map.
 *
 * The file's ->read_iter and ->write_iter go through mm/filemap.c (generic_file_read_iter(),
 * generic_file_direct_write()) to ->direct_IO, which calls __blockdev_direct_IO(); all of that is the kernel's. Two
 * callers of it are modelled:
 *
 *	UP_DIO_LEGACY	as ocfs2 in 6.1: flags 0. Who may be in is decided outside, by fs.c's locks, which are
 *			those of the iomap path: the two differ in the direct-IO code and in nothing else.
 *	UP_DIO_LOCKING	as ext2 in 6.1: DIO_LOCKING | DIO_SKIP_HOLES. A read holds i_rwsem exclusively until its bios
 *			are submitted; a write inside i_size allocates nothing, and goes from the first hole that it meets
 *			through the page cache, which is the laboratory's (->write_begin, ->write_end).
 *
 * get_block() allocates unwritten blocks, and says that they are new, so that the parts of a block that are not
 * written are zeroed, and that the end must be in a task, where they are converted.
 */
#include <linux/backing-dev.h>
#include <linux/buffer_head.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include <linux/writeback.h>
#include "k.h"

/* ---- the map ------------------------------------------------------------------------------------------ */

static int legacy_get_block(struct inode *inode, sector_t block, struct buffer_head *bh, int create)
{
	struct upk_file *f = up_file_of(inode);
	unsigned int shift = inode->i_blkbits - SECTOR_SHIFT;
	loff_t pos = (loff_t)block << inode->i_blkbits, left = inode->i_sb->s_maxbytes - pos;
	struct up_extent ext;
	int err;

	if (left <= 0)
		return 0;			/* a read that goes on behind the end: a hole */
	err = upl_map(f->lab, pos, min_t(loff_t, bh->b_size, left), create ? UP_MAP_CREATE : 0, &ext);
	if (err)
		return err;
	bh->b_size = ext.len_bytes;
	bh->b_bdev = inode->i_sb->s_bdev;
	if (ext.type == UP_HOLE || (ext.type == UP_UNWRITTEN && !create))
		return 0;			/* not mapped: reads as zeros, and is not overwritten in place */
	if ((ext.sector | ext.len_bytes >> SECTOR_SHIFT) & ((1u << shift) - 1))
		up_bug("an extent of %lu bytes at sector %lu is not whole blocks", ext.len_bytes, ext.sector);
	bh->b_blocknr = ext.sector >> shift;
	set_buffer_mapped(bh);
	if (ext.type == UP_UNWRITTEN) {
		set_buffer_new(bh);
		set_buffer_defer_completion(bh);
		bh->b_private = f;		/* stays to the end of this IO: something is to be converted */
	}
	return 0;
}

/*
 * When all of a write's data has moved, or @bytes is its error. In a task if get_block() said so, else perhaps in
 * an interrupt. What was allocated for a write that failed stays unwritten.
 */
static int legacy_end_io(struct kiocb *iocb, loff_t offset, ssize_t bytes, void *private)
{
	struct upk_file *f = up_file_of(file_inode(iocb->ki_filp));
	int err = 0;

	if (bytes <= 0)
		return 0;
	if (private && in_interrupt())
		up_bug("blocks are to be converted in an interrupt, which may not sleep");
	if (private)
		err = upl_convert(f->lab, offset, bytes);
	upl_cache_after(f->lab, offset, bytes);
	upl_wrote(f->lab);
	return err;
}

/* ---- direct IO ------------------------------------------------------------------------------------------ */

static ssize_t legacy_direct_IO(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct upk_file *f = up_file_of(inode);
	bool write = iov_iter_rw(iter) == WRITE;
	bool extend = write && iocb->ki_pos + iov_iter_count(iter) > i_size_read(inode);
	int flags = f->dio == UP_DIO_LOCKING ? DIO_LOCKING | DIO_SKIP_HOLES : 0;
	ssize_t ret = upl_cache_before(f->lab, iocb->ki_pos, iov_iter_count(iter), write, 0);

	if (ret == -ENOTBLK && f->dio == UP_DIO_LOCKING)
		return 0;		/* then the caller goes on through the cache */
	if (ret)
		return ret;
#if UP_SINCE(6, 12)
	ret = __blockdev_direct_IO(iocb, inode, inode->i_sb->s_bdev, iter, legacy_get_block,
				   write ? legacy_end_io : NULL, flags);
#else
	ret = __blockdev_direct_IO(iocb, inode, inode->i_sb->s_bdev, iter, legacy_get_block,
				   write ? legacy_end_io : NULL, NULL, flags);
#endif
	if (extend && ret < 0)
		upl_trim_eof(f->lab);		/* such a write is waited for: never -EIOCBQUEUED */
	return ret;
}

/* generic_file_direct_write() has set a new size: the laboratory's inode is the one that keeps it. */
void __mark_inode_dirty(struct inode *inode, int flags)
{
	if (!S_ISREG(inode->i_mode))
		up_bug("an inode is dirty that is not a file's");
	upl_i_size_write(up_file_of(inode)->lab, i_size_read(inode));
}

/* What is known of a block device's blocks by another name: its own cache, which is empty. */
void clean_bdev_aliases(struct block_device *bdev, sector_t block, sector_t len)
{
	if (up_bdev_inode(bdev)->i_mapping->nrpages)
		up_bug("pages in the cache of a block device that has none");
}

const struct address_space_operations up_legacy_aops = {
	.direct_IO	= legacy_direct_IO,
	.write_begin	= up_write_begin,
	.write_end	= up_write_end,
};

/* ---- writes ------------------------------------------------------------------------------------------------ */

/*
 * i_rwsem is held, shared for an overwrite. @wait: a write of parts of blocks that are not written yet must be
 * the only one in flight.
 */
ssize_t up_legacy_write(struct kiocb *iocb, struct iov_iter *from, bool extend, bool wait)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t count = iov_iter_count(from), ret = __generic_file_write_iter(iocb, from);

	if (ret == -EIOCBQUEUED && wait)
		inode_dio_wait(inode);		/* the iocb may be gone by now */
	if (extend && ret >= 0 && ret < count)
		upl_trim_eof(up_file_of(inode)->lab);
	return ret;
}

/* The kernel's own, which takes the lock. */
ssize_t up_locking_write(struct kiocb *iocb, struct iov_iter *from)
{
	void *lab = up_file_of(file_inode(iocb->ki_filp))->lab;
	ssize_t ret = generic_file_write_iter(iocb, from);

	if (ret > 0 && upl_cache_before(lab, iocb->ki_pos - ret, ret, 1, 1) == -EAGAIN)
		up_bug("a write through the page cache was not written back: no direct_write_fallback() in this tree");
	return ret;
}
