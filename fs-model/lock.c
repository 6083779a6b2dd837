// SPDX-License-Identifier: GPL-2.0-only
/*
 * lock.c - how i_rwsem is taken for a read and for a write.
 *
 * Reads share it. A write shares it too, if all it does is to overwrite, or to fill whole blocks: then
 * nothing it needs can be changed by another one. It must be alone when it changes the size, and when a
 * block at one of its ends is only partly written and not MAPPED: two such writers would both zero the rest
 * of that block, over each other's data. (ext4 asks more: unaligned and not one written extent as a whole.
 * Blocks in the middle are written whole, so asking for the two at the ends is enough here.)
 *
 * What was true before the lock may no longer be true under it, so a shared lock is followed by another look.
 *
 * Source: the rule is that of ext4_dio_write_checks() in Linux 6.1, fs/ext4/file.c.
 */
#include <linux/errno.h>
#include <linux/bug.h>
#include "fs-internal.h"

/* 1: the block that @pos cuts in two is not MAPPED; 0: it is, or @pos cuts none; -EAGAIN (@nowait). */
static int cuts_new_block(struct inode *inode, loff_t pos, bool nowait)
{
	struct lab_ext ext;
	int err;

	if (!(pos & (LAB_BLOCK_BYTES - 1)))
		return 0;
	err = lab_map_peek(inode, pos, nowait, &ext);
	return err ?: ext.type != LAB_MAPPED;
}

/* 1: exclusive; 0: shared will do; -EAGAIN (@nowait). */
static int write_needs_excl(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait)
{
	loff_t end = pos + len_bytes;

	if (inode->i_lab_fs->opts.lock_exclusive || end > i_size_read(inode))
		return 1;
	return cuts_new_block(inode, pos, nowait) ?: cuts_new_block(inode, end, nowait);
}

/* For a write that ends at @end. */
static int lock_excl(struct inode *inode, loff_t end, bool nowait, enum lab_lock *out)
{
	int err = 0;

	if (!nowait)
		down_write(&inode->i_rwsem);
	else if (!down_write_trylock(&inode->i_rwsem))
		return -EAGAIN;
	if (unlikely(lab_i(inode)->tail_stale) && end > i_size_read(inode))
		err = nowait ? -EAGAIN : lab_settle_eof(inode);
	if (err)
		up_write(&inode->i_rwsem);
	else
		*out = LAB_LOCK_EXCL;
	return err;
}

/**
 * lab_lock_for_write - take i_rwsem the way this filesystem wants it for a write of [pos, pos + len)
 * @inode: the file
 * @pos: bytes, >= 0
 * @len_bytes: 0: as for an empty overwrite at @pos
 * @nowait: wait neither for it nor for the map's lock
 * @out: how it was taken, for lab_unlock(); LAB_LOCK_NONE on error
 *
 * Context: task, may sleep. Return: 0; -EAGAIN (@nowait); the error of lab_settle_eof(), if the write extends the file.
 */
int lab_lock_for_write(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait, enum lab_lock *out)
{
	int excl, err;

	*out = LAB_LOCK_NONE;
	excl = write_needs_excl(inode, pos, len_bytes, nowait);
	if (!excl) {
		err = lab_lock_for_read(inode, nowait, out);
		if (err)
			return err;
		excl = write_needs_excl(inode, pos, len_bytes, nowait);
		if (!excl)
			return 0;
		lab_unlock(inode, *out);
		*out = LAB_LOCK_NONE;
	}
	return excl < 0 ? excl : lock_excl(inode, pos + len_bytes, nowait, out);
}
