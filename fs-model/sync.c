// SPDX-License-Identifier: GPL-2.0-only
/*
 * sync.c - durability: what the device may still hold in its cache, and the flush that ends that.
 *
 * The model keeps its metadata in memory. What a journal commit would be is a sequence number: it counts
 * the changes of map and size, and a successful flush declares all those durable that were made before it
 * began. A design asks for it through LAB_EXT_DIRTY_META: a write that is to be durable may go down with
 * FUA alone only when nothing it needs to be found again is younger than the last flush.
 */
#include <linux/blkdev.h>
#include <linux/compiler.h>
#include "fs-internal.h"

/**
 * lab_fs_wrote - the device's cache holds something of this inode
 * @inode: the file; call it when the write has completed, before anybody is told
 *
 * Context: any.
 */
void lab_fs_wrote(struct inode *inode)
{
	struct lab_inode *li = lab_i(inode);

	if (!atomic_read(&li->wrote))
		atomic_set(&li->wrote, 1);
}

/**
 * lab_fsync - data and metadata durable
 * @inode: the file; IO still in flight is not waited for, as in fsync(2)
 * @datasync: the same here: map and size are what the data needs to be found, and there are no times
 *
 * Flushes the device if anything of this inode was written or changed since the last flush that succeeded; that
 * of a block device's inode always: others may have written there.
 * Context: task, sleeps. Return: 0 or the error of the flush; then it is as if it had not been called.
 */
int lab_fsync(struct inode *inode, bool datasync)
{
	struct lab_inode *li = lab_i(inode);
	u64 seq;
	int err = 0;

	mutex_lock(&li->sync_lock);
	seq = atomic64_read(&li->meta_seq);
	if (atomic_xchg(&li->wrote, 0) || inode->i_lab_fs->is_bdev || seq != li->meta_durable_seq) {
		err = blkdev_issue_flush(inode->i_lab_fs->bdev);
		if (err)
			atomic_set(&li->wrote, 1);
		else
			WRITE_ONCE(li->meta_durable_seq, seq);
	}
	mutex_unlock(&li->sync_lock);
	return err;
}
