// SPDX-License-Identifier: GPL-2.0-only
/*
 * inode.c - filesystems and inodes: birth, size, the count of direct IO in flight, death.
 *
 * A filesystem is a list of inodes and one allocator over a whole block device. Nothing of it is written to
 * the device: superblock, map and size live in memory, and what would be a journal is a sequence number
 * (sync.c). What a crash would leave is therefore the model's to say, not the disk's.
 *
 * A file that is created with a size and MAPPED extents has the device's old bytes as its contents, up to that size.
 */
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include "fs-internal.h"

static int check_opts(struct block_device *bdev, const struct lab_fs_opts *opts)
{
	if (bdev_logical_block_size(bdev) > LAB_BLOCK_BYTES)
		return -EINVAL;
	if (opts->layout > LAB_LAYOUT_UNWRITTEN)
		return -EINVAL;
	if (opts->layout != LAB_LAYOUT_FRAGMENTED)
		return 0;
	if (!opts->fragment_bytes || opts->fragment_bytes % LAB_BLOCK_BYTES)
		return -EINVAL;
	return opts->fragment_bytes >> LAB_BLOCK_SHIFT > LAB_FS_MAX_BLOCKS ? -EINVAL : 0;
}

/**
 * lab_fs_create - a filesystem on the whole of @bdev, with no file in it
 * @bdev: outlives it; up to LAB_FS_MAX_BLOCKS blocks, what is beyond is not used
 * @opts: copied; fragment_bytes a multiple of LAB_BLOCK_BYTES under FRAGMENTED
 *
 * Context: task, may sleep. Return: it, or ERR_PTR(-EINVAL | -ENOMEM).
 */
struct lab_fs *lab_fs_create(struct block_device *bdev, const struct lab_fs_opts *opts)
{
	u64 nr_blks = bdev_nr_sectors(bdev) >> (LAB_BLOCK_SHIFT - SECTOR_SHIFT);
	u32 slot_blks = 0;
	struct lab_fs *fs;
	int err = check_opts(bdev, opts);

	if (!nr_blks)
		err = -EINVAL;
	if (err)
		return ERR_PTR(err);
	fs = kzalloc(sizeof(*fs), GFP_KERNEL);
	if (!fs)
		return ERR_PTR(-ENOMEM);
	fs->bdev = bdev;
	fs->opts = *opts;
	if (opts->layout == LAB_LAYOUT_FRAGMENTED)
		slot_blks = opts->fragment_bytes >> LAB_BLOCK_SHIFT;
	err = lab_alloc_init(&fs->alloc, min_t(u64, nr_blks, LAB_FS_MAX_BLOCKS), slot_blks, opts->seed);
	if (err) {
		kfree(fs);
		return ERR_PTR(err);
	}
	mutex_init(&fs->inodes_lock);
	INIT_LIST_HEAD(&fs->inodes);
	lab_sb_init(&fs->sb);
	err = lab_writeback_init(fs);
	if (err) {
		lab_alloc_destroy(&fs->alloc);
		kfree(fs);
		return ERR_PTR(err);
	}
	kc_lock_set_depth(&fs->alloc.lock, opts->nesting);
	kc_lock_set_depth(&fs->inodes_lock, opts->nesting);
	return fs;
}

/**
 * lab_inode_bdev - the device that holds an inode's data
 * @inode: a file
 *
 * For alignment and FUA; where a byte lies is lab_map()'s to say. Context: any.
 */
struct block_device *lab_inode_bdev(const struct inode *inode)
{
	return inode->i_lab_fs->bdev;
}

/**
 * lab_fs_destroy - end a filesystem and its inodes
 * @fs: no file open, no IO in flight
 *
 * Context: task, may sleep.
 */
void lab_fs_destroy(struct lab_fs *fs)
{
	struct inode *inode, *next;

	list_for_each_entry_safe(inode, next, &fs->inodes, i_lab_node)
		lab_inode_destroy(inode);
	WARN_ON(fs->alloc.nr_free != fs->alloc.nr_blks);
	WARN_ON(lab_sb_writers(&fs->sb));
	lab_writeback_exit(fs);
	lab_alloc_destroy(&fs->alloc);
	kfree(fs);
}

/**
 * lab_fs_free_bytes - what can still be allocated
 * @fs: the filesystem
 *
 * Context: task, may sleep. Return: bytes, a multiple of LAB_BLOCK_BYTES.
 */
u64 lab_fs_free_bytes(struct lab_fs *fs)
{
	u32 nr_free;

	mutex_lock(&fs->alloc.lock);
	nr_free = fs->alloc.nr_free;
	mutex_unlock(&fs->alloc.lock);
	return (u64)nr_free << LAB_BLOCK_SHIFT;
}

/* Give the new file @nr_blks blocks in the layout's way, all of one type. */
static int lay_out(struct lab_inode *li, u32 nr_blks, enum lab_extent_type type)
{
	struct lab_fs *fs = li->inode.i_lab_fs;
	u32 done_blks = 0;
	int err = 0;

	down_write(&li->map.lock);
	while (done_blks < nr_blks && !err) {
		struct lab_ext ext = { .file_blk = done_blks, .type = type };

		ext.nr_blks = lab_alloc_blocks(&fs->alloc, nr_blks - done_blks, &ext.disk_blk);
		if (!ext.nr_blks) {
			err = -ENOSPC;
			break;
		}
		err = lab_extmap_insert(&li->map, &ext);
		if (err)
			lab_free_blocks(&fs->alloc, ext.disk_blk, ext.nr_blks);
		done_blks += ext.nr_blks;
	}
	up_write(&li->map.lock);
	return err;
}

/**
 * lab_inode_init - an inode with no block, no page and no size
 * @li: zeroed memory
 * @fs: what it is of
 *
 * Context: task, may sleep. Return: 0; -ENOMEM: it can be taken apart all the same.
 */
int lab_inode_init(struct lab_inode *li, struct lab_fs *fs)
{
	struct inode *inode = &li->inode;

	inode->i_blkbits = LAB_BLOCK_SHIFT;
	init_rwsem(&inode->i_rwsem);
	atomic_set(&inode->i_dio_count, 0);
	inode->i_data.host = inode;
	inode->i_mapping = &inode->i_data;
	inode->i_lab_fs = fs;
	inode->i_map = &li->map;
	lab_extmap_init(&li->map);
	INIT_WORK(&li->flush_work, lab_flush_work);
	init_waitqueue_head(&li->dio_wait);
	mutex_init(&li->sync_lock);
	atomic64_set(&li->meta_seq, 0);
	kc_lock_set_depth(&inode->i_rwsem, fs->opts.nesting);
	kc_lock_set_depth(&li->map.lock, fs->opts.nesting);
	kc_lock_set_depth(&li->sync_lock, fs->opts.nesting);
	return lab_cache_init(&li->cache);
}

/* The device's old bytes end where the file does. What cannot be zeroed now is before the file grows. */
static void clean_tail(struct lab_inode *li)
{
	down_write(&li->inode.i_rwsem);
	li->tail_stale = true;
	lab_settle_eof(&li->inode);
	up_write(&li->inode.i_rwsem);
}

/**
 * lab_inode_create - a new file, laid out as the filesystem's options say
 * @fs: the filesystem
 * @size: bytes, 0 .. LAB_MAX_FILE_BYTES; the last block may be a partial one. A sparse file has no block
 *
 * The new file is durable as it is: its map and size need no flush (LAB_EXT_DIRTY_META is clear).
 * Context: task, may sleep. Return: it, or ERR_PTR(-EINVAL | -ENOSPC | -ENOMEM).
 */
struct inode *lab_inode_create(struct lab_fs *fs, loff_t size)
{
	enum lab_extent_type type = LAB_MAPPED;
	struct lab_inode *li;
	int err;

	if (size < 0 || size > LAB_MAX_FILE_BYTES)
		return ERR_PTR(-EINVAL);
	li = kzalloc(sizeof(*li), GFP_KERNEL);
	if (!li)
		return ERR_PTR(-ENOMEM);
	err = lab_inode_init(li, fs);
	mutex_lock(&fs->inodes_lock);
	list_add_tail(&li->inode.i_lab_node, &fs->inodes);
	mutex_unlock(&fs->inodes_lock);
	if (fs->opts.layout == LAB_LAYOUT_UNWRITTEN)
		type = LAB_UNWRITTEN;
	if (!err && fs->opts.layout != LAB_LAYOUT_SPARSE)
		err = lay_out(li, (size + LAB_BLOCK_BYTES - 1) >> LAB_BLOCK_SHIFT, type);
	if (err) {
		lab_inode_destroy(&li->inode);
		return ERR_PTR(err);
	}
	li->inode.i_size = size;
	if (size & (LAB_BLOCK_BYTES - 1))
		clean_tail(li);
	lab_map_forget(&li->inode);
	return &li->inode;
}

/**
 * lab_unmap_blocks_drop - give disk blocks back: the @drop of lab_extmap_remove()
 * @fs: a struct lab_fs
 * @disk_blk: first
 * @nr_blks: how many
 */
void lab_unmap_blocks_drop(void *fs, u32 disk_blk, u32 nr_blks)
{
	lab_free_blocks(&((struct lab_fs *)fs)->alloc, disk_blk, nr_blks);
}

/**
 * lab_inode_destroy - end a file, free its blocks, forget its pages, dirty ones too
 * @inode: not open, no IO in flight; of a file or of a block device
 *
 * Context: task, may sleep.
 */
void lab_inode_destroy(struct inode *inode)
{
	struct lab_inode *li = lab_i(inode);
	struct lab_fs *fs = inode->i_lab_fs;

	WARN_ON(atomic_read(&inode->i_dio_count));
	cancel_work_sync(&li->flush_work);
	lab_cache_drop(inode, 0, LAB_MAX_FILE_BYTES);
	WARN_ON(inode->i_mapping->nrpages);
	if (fs->is_bdev) {
		lab_bdev_inode_free(inode);
		return;
	}
	mutex_lock(&fs->inodes_lock);
	list_del(&inode->i_lab_node);
	mutex_unlock(&fs->inodes_lock);
	down_write(&li->map.lock);
	/* the range covers every extent, so none is split and nothing can fail */
	BUG_ON(lab_extmap_remove(&li->map, 0, LAB_MAX_FILE_BYTES >> LAB_BLOCK_SHIFT,
				 lab_unmap_blocks_drop, fs) < 0);
	up_write(&li->map.lock);
	lab_extmap_destroy(&li->map);
	lab_cache_exit(&li->cache);
	kfree(li);
}

/**
 * lab_inode_nr_extents - how many extents the file's map has
 * @inode: the file
 *
 * Context: task, may sleep.
 */
unsigned int lab_inode_nr_extents(struct inode *inode)
{
	struct lab_extent_map *map = inode->i_map;
	unsigned int nr;

	down_read(&map->lock);
	nr = map->nr_extents;
	up_read(&map->lock);
	return nr;
}

/**
 * i_size_write - set the file's size
 * @inode: i_rwsem held exclusively
 * @size: 0 .. LAB_MAX_FILE_BYTES; nothing else happens, see lab_truncate()
 *
 * Context: task. The new size is metadata: not durable before the next lab_fsync().
 */
void i_size_write(struct inode *inode, loff_t size)
{
	lockdep_assert_held_write(&inode->i_rwsem);
	WARN_ON(size < 0 || size > LAB_MAX_FILE_BYTES);
	WARN_ON(size > inode->i_size && lab_i(inode)->tail_stale);	/* see lab_settle_eof() */
	WRITE_ONCE(inode->i_size, size);
	atomic64_inc(&lab_i(inode)->meta_seq);
}

/**
 * lab_inode_dio_none_left - the last piece in flight is done: wake who waits for that
 * @inode: lives until this returns
 *
 * Context: any.
 */
void lab_inode_dio_none_left(struct inode *inode)
{
	struct lab_inode *li = lab_i(inode);

	if (waitqueue_active(&li->dio_wait))
		wake_up(&li->dio_wait);
}

/**
 * lab_inode_dio_wait - until no direct IO is in flight
 * @inode: i_rwsem held exclusively, so that none can begin
 *
 * Context: task, sleeps; never with a piece of one's own that only one's own progress would end.
 */
void lab_inode_dio_wait(struct inode *inode)
{
	lockdep_assert_held_write(&inode->i_rwsem);
	wait_event(lab_i(inode)->dio_wait, !atomic_read(&inode->i_dio_count));
}
