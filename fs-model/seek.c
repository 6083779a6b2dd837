// SPDX-License-Identifier: GPL-2.0-only
/*
 * seek.c - where a file has data, as lseek(2) with SEEK_DATA and SEEK_HOLE tells it.
 *
 * By fs block: a MAPPED one is data, also if all its bytes are zero; an UNWRITTEN one is data only while a
 * page of it is dirty, since it will be data when that page is written back. Linux also takes a clean page
 * over an unwritten block for data, so that there a read can change the answer; here it cannot.
 *
 * Source: the answers of iomap_seek_data() and iomap_seek_hole() of Linux 6.1.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include "fs-internal.h"

/* The stretch of one kind that begins at block @blk, below @end_blk: is it data, and how long. i_rwsem held. */
static bool stretch(struct inode *inode, u32 blk, u32 end_blk, u32 *nr_blks)
{
	struct lab_extent_map *map = inode->i_map;
	struct lab_ext ext;

	down_read(&map->lock);
	lab_extmap_lookup(map, blk, end_blk - blk, &ext);
	up_read(&map->lock);
	*nr_blks = ext.nr_blks;
	if (ext.type != LAB_UNWRITTEN)
		return ext.type == LAB_MAPPED;
	if (!lab_cache_is_dirty(inode, (loff_t)blk << LAB_BLOCK_SHIFT, (u64)ext.nr_blks << LAB_BLOCK_SHIFT))
		return false;
	*nr_blks = 1;
	return lab_cache_is_dirty(inode, (loff_t)blk << LAB_BLOCK_SHIFT, LAB_BLOCK_BYTES);
}

/* The first block from @pos's on that is data, or is none: its first byte, @pos itself in its own block. */
static loff_t seek(struct inode *inode, loff_t pos, bool data)
{
	u32 blk = pos >> LAB_BLOCK_SHIFT, end_blk, nr_blks;
	loff_t size, ret;

	if (pos < 0)
		return -ENXIO;
	down_read(&inode->i_rwsem);
	size = i_size_read(inode);
	end_blk = DIV_ROUND_UP(size, LAB_BLOCK_BYTES);
	ret = pos < size ? size : -ENXIO;
	for (; pos < size && blk < end_blk; blk += nr_blks) {
		if (stretch(inode, blk, end_blk, &nr_blks) == data) {
			ret = max_t(loff_t, pos, (loff_t)blk << LAB_BLOCK_SHIFT);
			break;
		}
	}
	up_read(&inode->i_rwsem);
	return data && ret == size ? -ENXIO : ret;
}

/**
 * lab_seek_data - the first byte at or after @pos that is data
 * @inode: not locked by the caller
 * @pos: bytes
 *
 * Context: task, sleeps. Return: a position below the size; -ENXIO: there is none, or @pos is not in the file.
 */
loff_t lab_seek_data(struct inode *inode, loff_t pos)
{
	return seek(inode, pos, true);
}

/**
 * lab_seek_hole - the first byte at or after @pos that is none; the end of the file is the last hole
 * @inode: not locked by the caller
 * @pos: bytes
 *
 * Context: task, sleeps. Return: a position up to the size; -ENXIO: @pos is not in the file.
 */
loff_t lab_seek_hole(struct inode *inode, loff_t pos)
{
	return seek(inode, pos, false);
}
