// SPDX-License-Identifier: GPL-2.0-only
/*
 * truncate.c - what changes a file's blocks or size without data: truncate, punch, zero, allocate.
 *
 * All four are alone with the file: i_rwsem exclusively, then no direct IO in flight. So a block that is
 * freed here can be in nobody's bio. Blocks that lie wholly in the range are dealt with in the map; a block
 * that the range only cuts is zeroed on disk, by reading, changing and writing the logical blocks
 * concerned, if it is MAPPED (otherwise it reads as zeros anyway).
 *
 * Pages of the page cache go first: those that the range cuts are written back and forgotten, so that what
 * is zeroed on disk is zeroed everywhere; truncate forgets the others as they are, punch and zero write
 * them back too, so that an error leaves the file as it was.
 *
 * Invariant: bytes of a MAPPED block at and after i_size are zero on disk, so that growing needs no IO. Where
 * zeroing has failed they may be not: the inode remembers it (@tail_stale), and they are zeroed before the file grows,
 * or it does not.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include "fs-internal.h"

#define BLOCK_MASK	((u64)LAB_BLOCK_BYTES - 1)

static u32 blk_up(u64 pos)
{
	return (pos + BLOCK_MASK) >> LAB_BLOCK_SHIFT;
}

static u32 blk_down(u64 pos)
{
	return pos >> LAB_BLOCK_SHIFT;
}

/* Move @len_bytes at @offset_bytes of @page from or to the device; sleeps. */
static int page_io(struct block_device *bdev, sector_t sector, struct page *page, unsigned int offset_bytes,
		   unsigned int len_bytes, blk_opf_t opf)
{
	struct bio_vec bvec;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &bvec, 1, opf | REQ_SYNC);
	bio.bi_iter.bi_sector = sector + (offset_bytes >> SECTOR_SHIFT);
	__bio_add_page(&bio, page, len_bytes, offset_bytes);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* Zero [pos, end), all of it in one fs block, on disk. i_rwsem exclusive, no direct IO in flight. */
static int zero_on_disk(struct inode *inode, u64 pos, u64 end)
{
	struct block_device *bdev = inode->i_lab_fs->bdev;
	unsigned int lbs_bytes = bdev_logical_block_size(bdev);
	unsigned int from = pos & BLOCK_MASK, to = from + (end - pos);
	unsigned int io_from = round_down(from, lbs_bytes), io_to = round_up(to, lbs_bytes);
	struct lab_ext ext;
	struct page *page;
	sector_t sector;
	int err = 0;

	BUG_ON(pos >= end || blk_down(pos) != blk_down(end - 1));
	err = lab_map_peek(inode, pos, false, &ext);
	if (err || ext.type != LAB_MAPPED)
		return err;
	page = alloc_page(GFP_NOFS);
	if (!page)
		return -ENOMEM;
	sector = (sector_t)ext.disk_blk << (LAB_BLOCK_SHIFT - SECTOR_SHIFT);
	if (io_from != from || io_to != to)
		err = page_io(bdev, sector, page, io_from, io_to - io_from, REQ_OP_READ);
	if (!err) {
		memzero_page(page, from, to - from);
		err = page_io(bdev, sector, page, io_from, io_to - io_from, REQ_OP_WRITE);
		lab_fs_wrote(inode);
	}
	__free_page(page);
	return err;
}

/* Zero what [pos, end) covers of the blocks that it cuts. */
static int zero_edges(struct inode *inode, u64 pos, u64 end)
{
	int err = 0;

	if (pos & BLOCK_MASK)
		err = zero_on_disk(inode, pos, min(end, (u64)blk_up(pos) << LAB_BLOCK_SHIFT));
	if (err || !(end & BLOCK_MASK))
		return err;
	if ((pos & BLOCK_MASK) && blk_down(pos) == blk_down(end))
		return 0;	/* one block, done above */
	return zero_on_disk(inode, end & ~BLOCK_MASK, end);
}

/* Free the blocks [first_blk, end_blk). */
static int unmap_blocks(struct inode *inode, u32 first_blk, u32 end_blk)
{
	int ret;

	if (first_blk >= end_blk)
		return 0;
	down_write(&inode->i_map->lock);
	ret = lab_extmap_remove(inode->i_map, first_blk, end_blk - first_blk, lab_unmap_blocks_drop,
				inode->i_lab_fs);
	if (ret > 0)
		lab_map_changed(inode);
	up_write(&inode->i_map->lock);
	return min(ret, 0);
}

/* Let the blocks [first_blk, end_blk) be allocated; where there was a hole, unwritten. */
static int fill_holes(struct inode *inode, u32 first_blk, u32 end_blk)
{
	struct lab_ext ext;
	int ret = 0;

	for (; first_blk < end_blk && ret >= 0; first_blk += ext.nr_blks)
		ret = lab_map_blocks(inode, first_blk, end_blk - first_blk, &ext);
	return min(ret, 0);
}

/* Let the blocks [first_blk, end_blk) read as zeros without taking them from the file. */
static int unwrite_blocks(struct inode *inode, u32 first_blk, u32 end_blk)
{
	u32 changed;
	int err;

	if (first_blk >= end_blk)
		return 0;
	down_write(&inode->i_map->lock);
	err = lab_extmap_set_type(inode->i_map, first_blk, end_blk - first_blk, LAB_UNWRITTEN, &changed);
	if (changed)
		lab_map_changed(inode);
	up_write(&inode->i_map->lock);
	return err;
}

static int check_range(loff_t pos, u64 len_bytes)
{
	if (pos < 0 || !len_bytes)
		return -EINVAL;
	if (len_bytes > LAB_MAX_FILE_BYTES || pos > LAB_MAX_FILE_BYTES - len_bytes)
		return -EFBIG;
	return 0;
}

static void lock_alone(struct inode *inode)
{
	down_write(&inode->i_rwsem);
	lab_inode_dio_wait(inode);
}

/* Let [pos, end) be on disk alone. The error is told here, and again by fsync. */
static int flush_pages(struct inode *inode, u64 pos, u64 end)
{
	int err;

	if (!inode->i_mapping->nrpages)
		return 0;
	err = lab_cache_write(inode, pos, end - pos);
	if (!err)
		lab_cache_drop(inode, pos, end - pos);
	return err;
}

/* Let what is beyond @size of the block that it cuts be zeros on disk. */
static int zero_tail(struct inode *inode, loff_t size)
{
	u64 keep = (u64)blk_up(size) << LAB_BLOCK_SHIFT;

	if (!(size & BLOCK_MASK))
		return 0;
	return flush_pages(inode, size, keep) ?: zero_on_disk(inode, size, keep);
}

/* Free the whole blocks beyond @size. The range ends with the map, so no extent is split, and nothing can fail. */
static void drop_beyond(struct inode *inode, loff_t size)
{
	u64 keep = (u64)blk_up(size) << LAB_BLOCK_SHIFT;

	if (keep < LAB_MAX_FILE_BYTES)
		lab_cache_drop(inode, keep, LAB_MAX_FILE_BYTES - keep);
	BUG_ON(unmap_blocks(inode, blk_up(size), LAB_MAX_FILE_BYTES >> LAB_BLOCK_SHIFT));
}

/**
 * lab_trim_eof - after a write beyond i_size that failed: let nothing of it be found when the file grows
 * @inode: i_rwsem held exclusively by the caller
 *
 * Whole blocks are freed in any case. Who has a write's own error to return need not look at this one's, as
 * ext4_truncate_failed_write() has it: lab_settle_eof() tries again before the file grows. A block device has no tail.
 * Context: task, sleeps: waits for direct IO in flight. Return: 0; -ENOMEM, or the error of zeroing the
 * tail of the last block.
 */
int lab_trim_eof(struct inode *inode)
{
	loff_t size = i_size_read(inode);
	int err;

	if (inode->i_lab_fs->is_bdev)
		return 0;
	lab_inode_dio_wait(inode);
	err = zero_tail(inode, size);
	lab_i(inode)->tail_stale = err != 0;
	drop_beyond(inode, size);
	return err;
}

/**
 * lab_settle_eof - before the file grows: see to what could not be zeroed behind its end
 * @inode: i_rwsem held exclusively, no page locked, no direct IO of the caller's own in flight
 *
 * Part of lab_lock_for_write(), lab_write_begin() and of what changes the size; for who takes i_rwsem by other means
 * to write beyond i_size. Nearly always there is nothing to do.
 * Context: task, may sleep. Return: 0; as lab_trim_eof(): the file cannot grow.
 */
int lab_settle_eof(struct inode *inode)
{
	lockdep_assert_held_write(&inode->i_rwsem);
	return unlikely(lab_i(inode)->tail_stale) ? lab_trim_eof(inode) : 0;
}

/**
 * lab_truncate - set the file's size, as truncate(2)
 * @inode: not locked by the caller
 * @size: 0 .. LAB_MAX_FILE_BYTES, any byte. Growing adds a hole; shrinking frees whole blocks, those
 *	allocated beyond the old size included
 *
 * Context: task, sleeps: waits for direct IO in flight.
 * Return: 0; -EINVAL, -EFBIG, -ENOMEM, or the error of writing back or zeroing the tail of the last block:
 * the size is then as before.
 */
int lab_truncate(struct inode *inode, loff_t size)
{
	int err = 0;

	if (size < 0)
		return -EINVAL;
	if (size > LAB_MAX_FILE_BYTES)
		return -EFBIG;
	lock_alone(inode);
	if (size > i_size_read(inode)) {
		err = lab_settle_eof(inode);
	} else if (size < i_size_read(inode)) {
		err = zero_tail(inode, size);
		if (!err) {
			lab_i(inode)->tail_stale = false;
			drop_beyond(inode, size);
		}
	}
	if (!err && size != i_size_read(inode))
		i_size_write(inode, size);
	up_write(&inode->i_rwsem);
	return err;
}

/**
 * lab_punch - let [pos, pos + len) read as zeros and free its whole blocks; the size stays
 * @inode: not locked by the caller
 * @pos: bytes, any alignment
 * @len_bytes: >= 1, any alignment
 *
 * A range that reaches beyond the end of the file takes all of the last block; one that ends with the file zeroes its part
 * of that, as ext4 has it.
 * Context: task, sleeps: waits for direct IO in flight.
 * Return: 0; -EINVAL, -EFBIG, -ENOSPC (LAB_MAX_EXTENTS), -ENOMEM, or the error of zeroing an edge on disk. On
 * error part of the edges may be zeroed, but no block has been freed.
 */
int lab_punch(struct inode *inode, loff_t pos, u64 len_bytes)
{
	loff_t end = pos + len_bytes;
	int err = check_range(pos, len_bytes);

	if (err)
		return err;
	lock_alone(inode);
	if (end > i_size_read(inode))
		end = max_t(loff_t, end, round_up(i_size_read(inode), LAB_BLOCK_BYTES));
	err = pos < end ? flush_pages(inode, pos, end) : 0;
	if (!err && pos < end)
		err = zero_edges(inode, pos, end);
	if (!err)
		err = unmap_blocks(inode, blk_up(pos), blk_down(end));
	up_write(&inode->i_rwsem);
	return err;
}

/**
 * lab_zero - let [pos, pos + len) read as zeros and be allocated, as fallocate(2) with FALLOC_FL_ZERO_RANGE
 * @inode: not locked by the caller
 * @pos: bytes, any alignment
 * @len_bytes: >= 1, any alignment
 * @keep_size: else the size grows to pos + len if it was less
 *
 * Context: task, sleeps: waits for direct IO in flight.
 * Return: 0; -EINVAL, -EFBIG, -ENOSPC, -ENOMEM, or the error of zeroing an edge on disk. On error part of the
 * range may already be done; the size is as before.
 */
int lab_zero(struct inode *inode, loff_t pos, u64 len_bytes, bool keep_size)
{
	loff_t end = pos + len_bytes;
	int err = check_range(pos, len_bytes);

	if (err)
		return err;
	lock_alone(inode);
	if (!keep_size && end > i_size_read(inode))
		err = lab_settle_eof(inode);
	if (!err)
		err = flush_pages(inode, pos, end);
	if (!err)
		err = zero_edges(inode, pos, end);
	if (!err)
		err = unwrite_blocks(inode, blk_up(pos), blk_down(end));
	if (!err)
		err = fill_holes(inode, blk_down(pos), blk_up(end));
	if (!err && !keep_size && end > i_size_read(inode))
		i_size_write(inode, end);
	up_write(&inode->i_rwsem);
	return err;
}

/**
 * lab_alloc - let the blocks of [pos, pos + len) be there, as fallocate(2) without a mode: data stays, holes
 * become unwritten
 * @inode: not locked by the caller
 * @pos: bytes, any alignment
 * @len_bytes: >= 1, any alignment
 * @keep_size: else the size grows to pos + len if it was less
 *
 * Context: task, sleeps: waits for direct IO in flight.
 * Return: 0; -EINVAL, -EFBIG, -ENOSPC, -ENOMEM. On error part of the range may be allocated; the size is as
 * before.
 */
int lab_alloc(struct inode *inode, loff_t pos, u64 len_bytes, bool keep_size)
{
	loff_t end = pos + len_bytes;
	int err = check_range(pos, len_bytes);

	if (err)
		return err;
	lock_alone(inode);
	if (!keep_size && end > i_size_read(inode))
		err = lab_settle_eof(inode);
	if (!err)
		err = fill_holes(inode, blk_down(pos), blk_up(end));
	if (!err && !keep_size && end > i_size_read(inode))
		i_size_write(inode, end);
	up_write(&inode->i_rwsem);
	return err;
}
