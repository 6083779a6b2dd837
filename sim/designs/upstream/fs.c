// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - the filesystem model as the kernel's side asks for it.
 *
 * The kernel's inode has locks of its own, and its rules of who may hold them. i_rwsem of our inode is taken inside
 * each call only, for the filesystem model, which wants it held; all calls come from one task, so it is never waited
 * for.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <lab/fs.h>
#include "lab.h"

int upl_map(void *p, long long pos, host_u64 len_bytes, unsigned int flags, struct up_extent *out)
{
	struct inode *inode = p;
	struct lab_extent ext;
	unsigned int noio;
	int err;

	BUILD_BUG_ON((int)UP_HOLE != LAB_HOLE || (int)UP_MAPPED != LAB_MAPPED || (int)UP_UNWRITTEN != LAB_UNWRITTEN);
	BUILD_BUG_ON(UP_EXT_NEW != LAB_EXT_NEW || UP_EXT_DIRTY != LAB_EXT_DIRTY_META);
	BUILD_BUG_ON(UP_MAP_CREATE != LAB_MAP_CREATE || UP_MAP_NOWAIT != LAB_MAP_NOWAIT);
	if (!(flags & UP_MAP_NOWAIT))
		down_read(&inode->i_rwsem);
	else if (!down_read_trylock(&inode->i_rwsem))
		return -EAGAIN;
	noio = noio_as_caller();
	err = lab_map(inode, pos, len_bytes, flags, &ext);
	memalloc_noio_restore(noio);
	up_read(&inode->i_rwsem);
	if (err)
		return err;
	out->pos = ext.pos;
	out->len_bytes = ext.len_bytes;
	out->sector = ext.sector;
	out->type = (enum up_extent_type)ext.type;
	out->flags = ext.flags;
	return 0;
}

int upl_convert(void *p, long long pos, host_u64 len_bytes)
{
	unsigned int noio = noio_as_caller();
	int err = lab_convert(p, pos, len_bytes);

	memalloc_noio_restore(noio);
	return err;
}

long long upl_i_size(void *p)
{
	return i_size_read(p);
}

void upl_i_size_write(void *p, long long size)
{
	struct inode *inode = p;

	down_write(&inode->i_rwsem);
	i_size_write(inode, size);
	up_write(&inode->i_rwsem);
}

long long upl_max_bytes(void)
{
	return LAB_MAX_FILE_BYTES;
}

int upl_cache_before(void *p, long long pos, host_u64 len_bytes, int write, int nowait)
{
	struct inode *inode = p;
	unsigned int noio;
	int err, err2;

	if (!lab_cache_concerns_dio(inode))
		return 0;
	if (nowait && lab_cache_is_dirty(inode, pos, len_bytes))
		return -EAGAIN;
	if (!nowait)
		down_read(&inode->i_rwsem);
	else if (!down_read_trylock(&inode->i_rwsem))
		return -EAGAIN;
	noio = noio_as_caller();
	err = lab_cache_write(inode, pos, len_bytes);
	memalloc_noio_restore(noio);
	err2 = lab_wb_take(inode);
	err = err ?: err2;
	if (!err && write && lab_cache_invalidate(inode, pos, len_bytes))
		err = nowait ? -EAGAIN : -ENOTBLK;
	up_read(&inode->i_rwsem);
	return err;
}

/* A page that somebody is reading in goes when he is done; dirty is none, since who dirties waits for direct IO. */
void upl_cache_after(void *p, long long pos, host_u64 len_bytes)
{
	struct inode *inode = p;

	if (READ_ONCE(inode->i_mapping->nrpages) && lab_cache_invalidate(inode, pos, len_bytes))
		WARN_ON(lab_cache_is_dirty(inode, pos, len_bytes));
}

int upl_cache_get(void *p, unsigned long index, unsigned int nr, int nowait, unsigned long *pfn)
{
	struct inode *inode = p;
	struct page *page;
	unsigned int noio;
	int err;

	while (!(page = lab_page_find(inode, index))) {
		if (nowait)
			return -EAGAIN;
		down_read(&inode->i_rwsem);
		noio = noio_as_caller();
		err = lab_cache_read(inode, index, nr);
		memalloc_noio_restore(noio);
		up_read(&inode->i_rwsem);
		if (err)
			return err;
	}
	*pfn = page_to_pfn(page);
	return 0;
}

void upl_cache_put(unsigned long pfn)
{
	put_page(pfn_to_page(pfn));
}

void upl_cache_balance(void *p)
{
	unsigned int noio = noio_as_caller();
	struct inode *inode = p;

	down_read(&inode->i_rwsem);
	lab_cache_balance(inode);
	up_read(&inode->i_rwsem);
	memalloc_noio_restore(noio);
}

/* i_rwsem is held from here to upl_write_end(): between them the kernel copies, and nothing else runs. */
int upl_write_begin(void *p, long long pos, unsigned int len_bytes, unsigned long *pfn)
{
	struct inode *inode = p;
	struct page *page;
	unsigned int noio;
	int err;

	down_write(&inode->i_rwsem);
	noio = noio_as_caller();
	err = lab_write_begin(inode, pos, len_bytes, &page);
	memalloc_noio_restore(noio);
	if (err) {
		lab_trim_eof(inode);
		up_write(&inode->i_rwsem);
		return err;
	}
	*pfn = page_to_pfn(page);
	return 0;
}

unsigned int upl_write_end(void *p, unsigned long pfn, long long pos, unsigned int len_bytes, unsigned int copied_bytes)
{
	struct inode *inode = p;
	unsigned int done = lab_write_end(inode, pfn_to_page(pfn), pos, len_bytes, copied_bytes);

	up_write(&inode->i_rwsem);
	return done;
}

void upl_wrote(void *p)
{
	lab_fs_wrote(p);
}

void upl_trim_eof(void *p)
{
	struct inode *inode = p;

	down_write(&inode->i_rwsem);
	lab_trim_eof(inode);
	up_write(&inode->i_rwsem);
}

int upl_needs_exclusive(void *p, long long pos, host_u64 len_bytes, int nowait, int *out)
{
	enum lab_lock lock;
	int err = lab_lock_for_write(p, pos, len_bytes, nowait, &lock);

	if (err)
		return err;
	*out = lock == LAB_LOCK_EXCL;
	lab_unlock(p, lock);
	return 0;
}

int upl_fsync(void *p, long long first, long long last, unsigned int *seen, int datasync)
{
	unsigned int noio = noio_as_caller();
	struct inode *inode = p;
	int err, flush_err;

	if (READ_ONCE(inode->i_mapping->nrpages))
		lab_cache_write(inode, first, min_t(u64, last, LAB_MAX_FILE_BYTES - 1) - first + 1);	/* its error is told next */
	err = lab_wb_check(inode, seen);
	flush_err = lab_fsync(inode, datasync);
	memalloc_noio_restore(noio);
	return err ?: flush_err;
}

unsigned int upl_wb_sample(void *p)
{
	return lab_wb_sample(p);
}

int upl_fallocate(void *p, int punch, long long pos, host_u64 len_bytes)
{
	unsigned int noio = noio_as_caller();
	int err = punch ? lab_punch(p, pos, len_bytes) : lab_zero(p, pos, len_bytes, true);

	memalloc_noio_restore(noio);
	return err;
}
