// SPDX-License-Identifier: GPL-2.0-only
/*
 * cached.c - reads and writes of a file through the page cache, which is the laboratory's: of a descriptor without
 * O_DIRECT, of a loop device that direct IO is off for, and of direct IO that could not go past the cache.
 *
 * The bytes are moved by the kernel's iov_iter.c (copy_page_to_iter(), and copy_page_from_iter_atomic() in
 * generic_perform_write()), from and to the frames of the laboratory's pages. Who may be in is what that cache wants
 * (lab/fs.h): readers share i_rwsem, a writer has it alone and waits for direct IO in flight, so that no page is dirtied
 * from what was on the disk before. The first is XFS's rule, the second neither XFS's nor ext4's in 6.1: there the two are
 * not to be mixed. Nothing is read ahead.
 */
#include <linux/backing-dev.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include <linux/writeback.h>
#include "k.h"

/* ---- read ------------------------------------------------------------------------------------------------- */

/* The next bytes, of one page at most. How many, short if the memory ends; or -errno. */
static ssize_t read_page(struct kiocb *iocb, struct iov_iter *to, size_t want)
{
	struct upk_file *f = up_file_of(file_inode(iocb->ki_filp));
	unsigned int off = offset_in_page(iocb->ki_pos);
	unsigned long pfn;
	size_t copied;
	int err;

	err = upl_cache_get(f->lab, iocb->ki_pos >> PAGE_SHIFT, PFN_UP(off + want), iocb->ki_flags & IOCB_NOWAIT, &pfn);
	if (err)
		return err;
	copied = copy_page_to_iter(pfn_to_page(pfn), off, min_t(size_t, want, PAGE_SIZE - off), to);
	upl_cache_put(pfn);
	return copied;
}

ssize_t up_cached_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done = 0, ret = 0;

	if (!(iocb->ki_flags & IOCB_NOWAIT))
		inode_lock_shared(inode);
	else if (!inode_trylock_shared(inode))
		return -EAGAIN;
	while (iov_iter_count(to)) {
		loff_t left = i_size_read(inode) - iocb->ki_pos;
		size_t want = min_t(u64, iov_iter_count(to), max_t(loff_t, left, 0));

		if (!want)
			break;
		ret = read_page(iocb, to, want);
		if (!ret)
			ret = -EFAULT;
		if (ret < 0)
			break;
		iocb->ki_pos += ret;
		done += ret;
	}
	inode_unlock_shared(inode);
	return done ?: ret;
}

/* ---- write ------------------------------------------------------------------------------------------------ */

#if UP_SINCE(6, 12)
#define up_cached_of(pfn)	page_folio(pfn_to_page(pfn))
#define up_cached_pfn(c)	folio_pfn(c)
#else
#define up_cached_of(pfn)	pfn_to_page(pfn)
#define up_cached_pfn(c)	page_to_pfn(c)
#endif

int up_write_begin(struct file *file, struct address_space *mapping, loff_t pos, unsigned int len, up_cached **out,
		   void **fsdata)
{
	unsigned long pfn;
	int err = upl_write_begin(up_file_of(mapping->host)->lab, pos, len, &pfn);

	if (!err)
		*out = up_cached_of(pfn);
	return err;
}

int up_write_end(struct file *file, struct address_space *mapping, loff_t pos, unsigned int len, unsigned int copied,
		 up_cached *cached, void *fsdata)
{
	struct inode *inode = mapping->host;
	void *lab = up_file_of(inode)->lab;
	unsigned int done = upl_write_end(lab, up_cached_pfn(cached), pos, len, copied);

	i_size_write(inode, upl_i_size(lab));
	return done;
}

/* For page reclaim, which is not here. */
struct backing_dev_info *inode_to_bdi(struct inode *inode)
{
	return NULL;
}

/* Called by generic_perform_write(), with no page locked. */
void balance_dirty_pages_ratelimited(struct address_space *mapping)
{
	upl_cache_balance(up_file_of(mapping->host)->lab);
}

ssize_t up_cached_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t ret;
	loff_t pos;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EOPNOTSUPP;
	inode_lock(inode);
	ret = generic_write_checks(iocb, from);
	if (ret > 0) {
		inode_dio_wait(inode);
		pos = iocb->ki_pos;
		ret = generic_perform_write(iocb, from);
		iocb->ki_pos = pos + max_t(ssize_t, ret, 0);	/* whoever moves it, in this version */
	}
	inode_unlock(inode);
	return ret > 0 ? generic_write_sync(iocb, ret) : ret;
}

/*
 * A direct write that could not go past the cache, since a page is locked and cannot be forgotten: as ext4, it is as if it
 * had, when it returns. No lock is held. Bytes, or -errno.
 */
ssize_t up_cached_fallback(struct kiocb *iocb, struct iov_iter *from)
{
	ssize_t ret = up_cached_write(iocb, from);
	int err;

	if (ret <= 0)
		return ret;
	err = upl_cache_before(up_file_of(file_inode(iocb->ki_filp))->lab, iocb->ki_pos - ret, ret, 1, 0);
	return err && err != -ENOTBLK ? err : ret;
}

/* ---- what the loop driver calls where direct IO is off -------------------------------------------------------- */

ssize_t vfs_iter_read(struct file *file, struct iov_iter *iter, loff_t *ppos, rwf_t flags)
{
	struct kiocb iocb;
	ssize_t ret;

	if (flags)
		up_bug("vfs_iter_read: flags %#x", (__force unsigned int)flags);
	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = *ppos;
	ret = file->f_op->read_iter(&iocb, iter);
	*ppos = iocb.ki_pos;
	return ret;
}

ssize_t vfs_iter_write(struct file *file, struct iov_iter *iter, loff_t *ppos, rwf_t flags)
{
	struct kiocb iocb;
	ssize_t ret;

	if (flags)
		up_bug("vfs_iter_write: flags %#x", (__force unsigned int)flags);
	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = *ppos;
	iocb.ki_flags |= IOCB_WRITE;
	ret = file->f_op->write_iter(&iocb, iter);
	*ppos = iocb.ki_pos;
	return ret;
}
