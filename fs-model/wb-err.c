// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb-err.c - errors of write-back, which meet whoever happens to write a page back, and concern others.
 *
 * The mapping has a sequence of them (linux/errseq.h). Who has the file open has a sample, from when it was opened, and
 * asks with it: fsync, and a write that was to be durable. So all are told, each once, and none of what was told
 * before the file was opened; of what nobody was told, who opens it next is. So Linux since 4.13.
 *
 * Before that there was one flag a mapping, which the first who asked took away: the sample that is the mapping's own
 * (wb_told) is that rule, for designs of that time.
 *
 * Linux has kept the flag beside the sequence: whoever is told by a sample clears it, and direct IO, which waits for
 * its range to be written back, takes it. So the first direct IO after an error fails with it, wherever it goes,
 * unless an fsync came before; and an fsync after it is told all the same. That is wb_untaken, for designs of that
 * time.
 *
 * A sample tells a descriptor, and several tasks may share one. Linux leaves it at that: of two of them that write, both
 * durably, one may be told of the other's page. Here a write also looks whether there was an error since it began
 * (lab_wb_count()), whoever was told of it.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/errseq.h>
#include <linux/spinlock.h>
#include "fs-internal.h"

/**
 * lab_wb_note - write-back has failed
 * @inode: whose page is lost
 * @err: -errno
 *
 * Before the page is clean: who finds it so finds this too. Context: any.
 */
void lab_wb_note(struct inode *inode, int err)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	errseq_set(&inode->i_mapping->wb_err, err);
	if (inode->i_mapping->wb_untaken != -EIO)
		WRITE_ONCE(inode->i_mapping->wb_untaken, err == -ENOSPC ? -ENOSPC : -EIO);
	WRITE_ONCE(cache->nr_errors, cache->nr_errors + 1);
	spin_unlock_irqrestore(&cache->lock, flags);
}

/**
 * lab_wb_sample - what to ask lab_wb_check() with
 * @inode: which is being opened
 *
 * Context: any.
 */
errseq_t lab_wb_sample(struct inode *inode)
{
	return errseq_sample(&inode->i_mapping->wb_err);
}

/**
 * lab_wb_tell - lab_wb_check() where the two differ
 * @inode: of which
 * @seen: as there
 *
 * Of those who share a sample and ask at once, one is told. Context: any. Return: the error; 0: another one was told.
 */
int lab_wb_tell(struct inode *inode, errseq_t *seen)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	unsigned long flags;
	int err;

	spin_lock_irqsave(&cache->lock, flags);
	err = errseq_check_and_advance(&inode->i_mapping->wb_err, seen);
	WRITE_ONCE(inode->i_mapping->wb_untaken, 0);
	spin_unlock_irqrestore(&cache->lock, flags);
	return err;
}

/**
 * lab_wb_take_untaken - lab_wb_take() where there is one
 * @inode: of which
 *
 * Of those who come at once one gets it. Context: any. Return: -EIO or -ENOSPC; 0: another one was there first.
 */
int lab_wb_take_untaken(struct inode *inode)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	unsigned long flags;
	int err;

	spin_lock_irqsave(&cache->lock, flags);
	err = inode->i_mapping->wb_untaken;
	WRITE_ONCE(inode->i_mapping->wb_untaken, 0);
	spin_unlock_irqrestore(&cache->lock, flags);
	return err;
}

/**
 * lab_wb_count - how many errors there have been
 * @inode: of which
 *
 * For lab_cache_write_since(). Context: any.
 */
u32 lab_wb_count(struct inode *inode)
{
	return READ_ONCE(lab_i(inode)->cache.nr_errors);
}
