// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev-inode.c - the inode of a block device: the file whose map is the identity.
 *
 * Everything that works on an inode and asks lab_map() where a byte lies works on this one too, the page cache
 * before all. Its map is empty and stays so; that is how a question gets here, past the way that the questions
 * about files take. Its size is the capacity as it was last read. A struct lab_fs of its own, with no block to
 * allocate and no file in it, keeps lock depth, freeze and device where all code looks for them.
 *
 * The capacity need not be a multiple of a page: of the last page only what there is goes to and from the disk.
 */
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "fs-internal.h"

struct bdev_inode {
	struct lab_fs fs;
	struct lab_inode li;
};

/*
 * Classes apart from those of files: a write through this inode's pages goes, on a loop device, on to the locks
 * of a file, and an order between a lock of one and a lock of the other is not one within a class.
 */
static struct lock_class_key rwsem_key, map_key, sync_key;

static loff_t capacity_of(const struct block_device *bdev)
{
	return min_t(loff_t, bdev_nr_bytes(bdev), LAB_MAX_FILE_BYTES);
}

/**
 * lab_bdev_inode_create_opts - an inode for the contents of @bdev
 * @bdev: outlives it
 * @opts: flusher and nesting are looked at. Nesting, for lock classes, is 0 unless the device stands, over loop
 *	devices, on another block device's inode: then one more than that one's
 *
 * Context: task, may sleep. Return: it, for lab_inode_destroy(), or ERR_PTR(-ENOMEM).
 */
struct inode *lab_bdev_inode_create_opts(struct block_device *bdev, const struct lab_fs_opts *opts)
{
	struct bdev_inode *bi = kzalloc(sizeof(*bi), GFP_KERNEL);
	struct lab_inode *li;
	int err;

	if (!bi)
		return ERR_PTR(-ENOMEM);
	bi->fs.opts.flusher = opts->flusher;
	bi->fs.opts.nesting = opts->nesting;
	err = lab_writeback_init(&bi->fs);
	if (err) {
		kfree(bi);
		return ERR_PTR(err);
	}
	bi->fs.bdev = bdev;
	bi->fs.is_bdev = true;
	mutex_init(&bi->fs.alloc.lock);
	mutex_init(&bi->fs.inodes_lock);
	INIT_LIST_HEAD(&bi->fs.inodes);
	lab_sb_init(&bi->fs.sb);
	li = &bi->li;
	err = lab_inode_init(li, &bi->fs);
	lockdep_set_class(&li->inode.i_rwsem, &rwsem_key);
	lockdep_set_class(&li->map.lock, &map_key);
	lockdep_set_class(&li->sync_lock, &sync_key);
	li->inode.i_size = capacity_of(bdev);
	if (err) {
		lab_inode_destroy(&li->inode);
		return ERR_PTR(err);
	}
	return &li->inode;
}

/**
 * lab_bdev_inode_create - the same, with no flusher and no other such inode below
 * @bdev: outlives it
 *
 * Context: task, may sleep. Return: it, for lab_inode_destroy(), or ERR_PTR(-ENOMEM).
 */
struct inode *lab_bdev_inode_create(struct block_device *bdev)
{
	struct lab_fs_opts opts = { .nesting = 0 };

	return lab_bdev_inode_create_opts(bdev, &opts);
}

/**
 * lab_bdev_inode_free - the end of lab_inode_destroy()
 * @inode: of a block device; no page left
 */
void lab_bdev_inode_free(struct inode *inode)
{
	struct bdev_inode *bi = container_of(lab_i(inode), struct bdev_inode, li);

	WARN_ON(lab_sb_writers(&bi->fs.sb));
	lab_writeback_exit(&bi->fs);
	lab_extmap_destroy(&bi->li.map);
	lab_cache_exit(&bi->li.cache);
	kfree(bi);
}

/**
 * lab_bdev_map - lab_map() for a block device
 * @inode: of one
 * @pos: as there
 * @len_bytes: as there
 * @flags: LAB_MAP_*
 * @out: MAPPED as far as there is a device, beyond it a hole
 *
 * Context: any. Return: 0; -ENOSPC (LAB_MAP_CREATE, nothing at @pos).
 */
int lab_bdev_map(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *out)
{
	loff_t size = i_size_read(inode);

	out->pos = pos;
	out->len_bytes = len_bytes;
	out->type = LAB_HOLE;
	out->flags = 0;
	out->bdev = inode->i_lab_fs->bdev;
	out->sector = 0;
	if (pos >= size)
		return flags & LAB_MAP_CREATE ? -ENOSPC : 0;
	out->len_bytes = min_t(u64, len_bytes, size - pos);
	out->type = LAB_MAPPED;
	out->sector = pos >> SECTOR_SHIFT;
	return 0;
}

/**
 * lab_bdev_inode_resize - let the size be the capacity, which may have changed
 * @inode: of a block device; i_rwsem not held
 *
 * Pages from the smaller of the two sizes on are forgotten, what is dirty of them before it is written: an error
 * of that is for who asks lab_wb_check(). Context: task, sleeps: waits for direct IO in flight.
 */
void lab_bdev_inode_resize(struct inode *inode)
{
	loff_t size = capacity_of(inode->i_lab_fs->bdev), end;

	down_write(&inode->i_rwsem);
	lab_inode_dio_wait(inode);
	end = min(size, i_size_read(inode));
	i_size_write(inode, end);
	if (offset_in_page(end))
		lab_cache_write(inode, end - 1, 1);
	lab_cache_drop(inode, round_down(end, (loff_t)PAGE_SIZE), LAB_MAX_FILE_BYTES);
	i_size_write(inode, size);
	up_write(&inode->i_rwsem);
}

/**
 * lab_bdev_inode_follow - lab_bdev_inode_resize() if the capacity has changed
 * @inode: as there
 *
 * Context: as there.
 */
void lab_bdev_inode_follow(struct inode *inode)
{
	if (unlikely(capacity_of(inode->i_lab_fs->bdev) != i_size_read(inode)))
		lab_bdev_inode_resize(inode);
}

/**
 * lab_bdev_inode_sync - what fsync(2) does with a block device: its dirty pages, then its cache
 * @inode: of a block device; i_rwsem not held
 * @seen: the sample of who asks
 *
 * The flush is sent whatever was written: who writes past the pages tells nobody. Context: task, sleeps.
 * Return: 0, or the first error; one of write-back is told once.
 */
int lab_bdev_inode_sync(struct inode *inode, errseq_t *seen)
{
	int err = lab_cache_sync(inode, seen), flush_err = blkdev_issue_flush(inode->i_lab_fs->bdev);

	return err ?: flush_err;
}
