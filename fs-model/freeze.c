// SPDX-License-Identifier: GPL-2.0-only
/*
 * freeze.c - which writes a filesystem has in flight, and how to keep further ones out.
 *
 * What is counted is an IO, from before its first attempt to its end, not an attempt: a write that was tried
 * without waiting and goes on in a worker is the same write, and its worker must not ask again. If it did, it
 * would wait for a thaw, and the freezer for the count that the first attempt still holds (hazard H6).
 *
 * The count is spread over shards, each in a cache line of its own. A write counts up the shard of the task
 * that begins it and down that of the task in which it ends, so a shard alone says nothing, and may be
 * negative; the sum is the number. To freeze, a bit is set in every shard, the lowest, which no count touches:
 * so one atomic operation counts and tells whether one came too late, and while nobody freezes nothing else
 * is looked at. Why the sum can be trusted although it is read shard by shard: who came before the bit was set
 * is seen by the reader, which begins after that; who came later takes back what it added, from the same shard.
 * So nothing that is added is overlooked, and the sum is zero only when nobody is left.
 *
 * Source: the contract of freeze_super(), sb_start_write() and sb_end_write() in Linux 6.1.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include "fs-internal.h"

/* In a shard. */
#define SB_FROZEN	1
#define SB_WRITER	2	/* what a write adds */

static inline struct lab_sb_shard *shard_of_task(struct lab_sb *sb)
{
	return &sb->shard[(unsigned int)current->pid % LAB_SB_SHARDS];
}

/**
 * lab_sb_init - no write in flight, not frozen
 * @sb: of a filesystem that is being made
 */
void lab_sb_init(struct lab_sb *sb)
{
	unsigned int i;

	for (i = 0; i < LAB_SB_SHARDS; i++)
		atomic_set(&sb->shard[i].count, 0);
	atomic_set(&sb->state, LAB_SB_OPEN);
	init_waitqueue_head(&sb->wait);
}

/**
 * lab_sb_writers - how many writes are in flight
 * @sb: open or frozen, not between the two unless by the task that brings it there
 *
 * Exact only when none can begin. Context: any.
 */
unsigned int lab_sb_writers(struct lab_sb *sb)
{
	unsigned int sum = 0, i;

	for (i = 0; i < LAB_SB_SHARDS; i++)
		sum += atomic_read_acquire(&sb->shard[i].count) & ~SB_FROZEN;
	return sum / SB_WRITER;
}

/* lab_sb_start_write() of a frozen filesystem, which has counted up @shard. */
static noinline int start_write_slow(struct lab_sb *sb, struct lab_sb_shard *shard, bool nowait)
{
	do {
		atomic_sub_return(SB_WRITER, &shard->count);
		wake_up_all(&sb->wait);		/* the freezer may have counted this one */
		if (nowait)
			return -EAGAIN;
		kc_assert_may_wait();
		wait_event(sb->wait, atomic_read_acquire(&sb->state) == LAB_SB_OPEN);
	} while (atomic_fetch_add(SB_WRITER, &shard->count) & SB_FROZEN);
	return 0;
}

/**
 * lab_sb_start_write - a write begins
 * @inode: of the file; i_rwsem not held
 * @nowait: do not wait for a thaw
 *
 * Context: task; sleeps while the filesystem is frozen unless @nowait. Return: 0; -EAGAIN (@nowait).
 */
int lab_sb_start_write(struct inode *inode, bool nowait)
{
	struct lab_sb *sb = &inode->i_lab_fs->sb;
	struct lab_sb_shard *shard = shard_of_task(sb);

	might_sleep_if(!nowait);
	if (!nowait)
		lockdep_assert_not_held(&inode->i_rwsem);
	if (likely(!(atomic_fetch_add(SB_WRITER, &shard->count) & SB_FROZEN)))
		return 0;
	return start_write_slow(sb, shard, nowait);
}

/**
 * lab_sb_end_write - a write is done
 * @inode: of the file; lives until this returns
 *
 * Context: any; any task, also another one than began it.
 */
void lab_sb_end_write(struct inode *inode)
{
	struct lab_sb *sb = &inode->i_lab_fs->sb;

	if (unlikely(atomic_fetch_sub(SB_WRITER, &shard_of_task(sb)->count) & SB_FROZEN))
		wake_up_all(&sb->wait);
}

/* Who begins from now on finds the filesystem frozen; who ends says so. */
static void close_shards(struct lab_sb *sb)
{
	unsigned int i;

	for (i = 0; i < LAB_SB_SHARDS; i++)
		atomic_fetch_add(SB_FROZEN, &sb->shard[i].count);
}

static void open_shards(struct lab_sb *sb)
{
	unsigned int i;

	for (i = 0; i < LAB_SB_SHARDS; i++)
		atomic_fetch_sub(SB_FROZEN, &sb->shard[i].count);
	atomic_set_release(&sb->state, LAB_SB_OPEN);
	wake_up_all(&sb->wait);
}

/* All that is dirty to the disk, and the disk's cache with it. The first error. */
static int sync_inodes(struct lab_fs *fs)
{
	struct inode *inode;
	int err = 0;

	mutex_lock(&fs->inodes_lock);
	list_for_each_entry(inode, &fs->inodes, i_lab_node) {
		err = lab_cache_write(inode, 0, LAB_MAX_FILE_BYTES) ?: lab_fsync(inode, false);
		if (err)
			break;
	}
	mutex_unlock(&fs->inodes_lock);
	return err;
}

/**
 * lab_fs_freeze - let no write be in flight, and nothing be dirty, until lab_fs_thaw()
 * @fs: the filesystem; the caller has no write of its own in flight
 *
 * Waits for the writes that have begun; further ones wait, or hear -EAGAIN. Then pages are written back and
 * the device is flushed. Reads go on. Context: task, sleeps.
 * Return: 0; -EBUSY (frozen already, or about to be); or the error of write-back or flush: then it is not
 * frozen.
 */
int lab_fs_freeze(struct lab_fs *fs)
{
	struct lab_sb *sb = &fs->sb;
	int err;

	if (atomic_cmpxchg(&sb->state, LAB_SB_OPEN, LAB_SB_CHANGING) != LAB_SB_OPEN)
		return -EBUSY;
	close_shards(sb);
	io_wait_event(sb->wait, !lab_sb_writers(sb));
	err = sync_inodes(fs);
	if (err)
		open_shards(sb);
	else
		atomic_set(&sb->state, LAB_SB_FROZEN);
	return err;
}

/**
 * lab_fs_thaw - let writes in again
 * @fs: frozen
 *
 * Context: task. Return: 0; -EINVAL: it is not frozen.
 */
int lab_fs_thaw(struct lab_fs *fs)
{
	if (atomic_cmpxchg(&fs->sb.state, LAB_SB_FROZEN, LAB_SB_CHANGING) != LAB_SB_FROZEN)
		return -EINVAL;
	open_shards(&fs->sb);
	return 0;
}
