// SPDX-License-Identifier: GPL-2.0-only
/*
 * cold.c - maps that are not in memory: the option cold_map.
 *
 * A real filesystem looks a file's extents up in blocks that it may first have to read, so a map call may wait
 * for the disk. That is what hazard H4 is made of: read under ->submit_bio, the block's bio is queued behind the
 * one that is being submitted, and the wait for it never ends. With cold_map each leaf of a file's map begins
 * cold, and the first question that comes to it reads one block, without the map's lock, or says -EAGAIN. A
 * leaf that a change of the map has made is in memory already.
 *
 * The model has no map on disk: what is read is a block of the file, for the time and the bio that it takes.
 * Writing to a map that is cold costs nothing, except that a write asks first.
 *
 * A leaf that is cold is never the one that was found last (extmap.c), and that is all that keeps the quick way
 * through lab_map() from it: with warm maps nothing is asked there.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <kc/plant.h>
#include "fs-internal.h"

static int read_block(struct block_device *bdev, u32 disk_blk)
{
	struct page *page = alloc_page(GFP_NOFS);
	struct bio_vec bvec;
	struct bio bio;
	int err;

	if (!page)
		return -ENOMEM;
	bio_init(&bio, bdev, &bvec, 1, REQ_OP_READ | REQ_SYNC | REQ_META);
	bio.bi_iter.bi_sector = (sector_t)disk_blk << (LAB_BLOCK_SHIFT - SECTOR_SHIFT);
	__bio_add_page(&bio, page, LAB_BLOCK_BYTES, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	__free_page(page);
	return err;
}

/**
 * lab_map_warm - have the leaf in memory in which @file_blk is to be looked up
 * @inode: its map locked, shared; also when this returns 0
 * @file_blk: any block
 * @nowait: do not read
 *
 * Context: task, sleeps unless @nowait. Return: 0; -EAGAIN (@nowait), -ENOMEM, or the error of the disk: the map
 * is then not locked.
 */
int lab_map_warm(struct inode *inode, u32 file_blk, bool nowait)
{
	struct lab_extent_map *map = inode->i_map;
	struct lab_leaf *leaf;
	u32 disk_blk;
	int err;

	for (;;) {
		leaf = lab_extmap_leaf(map, file_blk);
		if (!leaf || !READ_ONCE(leaf->cold))
			return 0;
		disk_blk = leaf->ext[0].disk_blk;
		up_read(&map->lock);
		if (nowait && !lab_planted(H4))
			return -EAGAIN;
		err = read_block(inode->i_lab_fs->bdev, disk_blk);
		if (err)
			return err;
		down_read(&map->lock);
		leaf = lab_extmap_leaf(map, file_blk);	/* it may be another one by now */
		if (leaf && leaf->ext[0].disk_blk == disk_blk)
			WRITE_ONCE(leaf->cold, 0);
	}
}

/**
 * lab_map_forget - let nothing of the file's map be in memory, as after a mount
 * @inode: of a filesystem with cold_map, else nothing happens
 *
 * Context: task, may sleep.
 */
void lab_map_forget(struct inode *inode)
{
	struct lab_extent_map *map = inode->i_map;
	u32 i;

	if (!inode->i_lab_fs->opts.cold_map)
		return;
	down_write(&map->lock);
	for (i = 0; i < map->nr_leaves; i++)
		map->dir[i].leaf->cold = 1;
	map->hint = LAB_NO_HINT;
	up_write(&map->lock);
}
