// SPDX-License-Identifier: GPL-2.0-only
/*
 * dio-cache.c - what direct IO does with the page cache of its file, when there is something in it.
 *
 * Whoever does direct IO asks lab_cache_concerns_dio() first, in line: nearly always there is neither a page nor an error
 * of write-back that nobody was told of. This is what follows otherwise, apart and out of line, or gcc saves registers for
 * it in each direct IO.
 *
 * Source: filemap_write_and_wait_range() and what iomap does after it, Linux 6.1.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include "fs-internal.h"

/* The range to the disk, unless @nowait; and an untold error, of any page, is taken. 0, or the first of the two. */
static int write_and_take(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait)
{
	int err = nowait ? 0 : lab_cache_write(inode, pos, len_bytes), err2 = lab_wb_take(inode);

	return err ?: err2;
}

/**
 * lab_cache_dio_read - before a direct read: dirty pages of the range must reach the disk
 * @inode: of which lab_cache_concerns_dio()
 * @pos: bytes
 * @len_bytes: of the range
 * @nowait: do not write back
 *
 * Context: task, i_rwsem held as the design has it; sleeps unless @nowait. Return: 0; -EAGAIN (@nowait: there are
 * some); the error of write-back, or an earlier one that nobody was told of.
 */
int lab_cache_dio_read(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait)
{
	if (nowait && lab_cache_is_dirty(inode, pos, len_bytes))
		return -EAGAIN;
	return write_and_take(inode, pos, len_bytes, nowait);
}

/**
 * lab_cache_dio_write - before a direct write: the same, and all pages of the range are forgotten
 * @inode: as there
 * @pos: bytes
 * @len_bytes: of the range
 * @nowait: do not write back
 *
 * Context: as there. Return: as there; -EAGAIN also if a page is locked; -ENOTBLK: a page could not be forgotten, and who
 * may wait writes through the page cache.
 */
int lab_cache_dio_write(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait)
{
	int err = write_and_take(inode, pos, len_bytes, nowait);

	if (err)
		return err;
	err = lab_cache_invalidate(inode, pos, len_bytes);
	if (err)
		return nowait ? -EAGAIN : -ENOTBLK;
	return 0;
}
