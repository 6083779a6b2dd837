// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - a filesystem for the kernel: fs/iomap, or fs/direct-io.c (legacy.c), over the laboratory's extent map.
 *
 * The inode here is a shell: its size, extents and page cache are the laboratory's, asked for at each call. What a
 * filesystem decides is decided as ext4's direct IO does in Linux 6.1 (ext4_dio_read_iter, ext4_dio_write_iter): a
 * read takes i_rwsem shared; a write that stays inside i_size does too, unless it is unaligned over something that
 * must be zeroed; one that extends the file takes it exclusively and is waited for. Unwritten extents are
 * converted, and the size is set, when the data is on disk.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>
#include "k.h"

/* ---- map adapter ------------------------------------------------------------------------------------------- */

static int fs_iomap_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags, struct iomap *iomap,
			  struct iomap *srcmap)
{
	static const u16 types[] = { [UP_HOLE] = IOMAP_HOLE, [UP_MAPPED] = IOMAP_MAPPED,
				     [UP_UNWRITTEN] = IOMAP_UNWRITTEN };
	struct upk_file *f = up_file_of(inode);
	struct up_extent ext;
	int err;

	if (pos >= inode->i_sb->s_maxbytes) {		/* of a read that goes on behind the end */
		iomap->offset = pos;
		iomap->length = length;
		iomap->type = IOMAP_HOLE;
		iomap->addr = IOMAP_NULL_ADDR;
		iomap->bdev = inode->i_sb->s_bdev;
		return 0;
	}
	length = min_t(loff_t, length, inode->i_sb->s_maxbytes - pos);
	err = upl_map(f->lab, pos, length, (flags & IOMAP_WRITE ? UP_MAP_CREATE : 0) |
		      (flags & IOMAP_NOWAIT ? UP_MAP_NOWAIT : 0), &ext);
	if (err)
		return err;
	/* As XFS: a write that may not wait is one extent, or nothing of it is begun. */
	if (flags & IOMAP_NOWAIT && flags & IOMAP_WRITE && ext.pos + ext.len_bytes < pos + length)
		return -EAGAIN;
	iomap->offset = ext.pos;
	iomap->length = ext.len_bytes;
	iomap->type = types[ext.type];
	iomap->addr = ext.type == UP_HOLE ? IOMAP_NULL_ADDR : ext.sector << SECTOR_SHIFT;
	iomap->bdev = inode->i_sb->s_bdev;
	iomap->flags = (ext.flags & UP_EXT_NEW ? IOMAP_F_NEW : 0) | (ext.flags & UP_EXT_DIRTY ? IOMAP_F_DIRTY : 0);
	return 0;
}

static const struct iomap_ops fs_iomap_ops = {
	.iomap_begin	= fs_iomap_begin,
};

/* In a task, when all of a direct IO's data has moved. */
static int fs_end_io(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct upk_file *f = up_file_of(inode);
	int err = error;

	if (!err && size > 0 && (flags & IOMAP_DIO_UNWRITTEN))
		err = upl_convert(f->lab, iocb->ki_pos, size);
	if (!err && size > 0) {
		upl_cache_after(f->lab, iocb->ki_pos, size);
		upl_wrote(f->lab);
		if (iocb->ki_pos + size > i_size_read(inode)) {
			upl_i_size_write(f->lab, iocb->ki_pos + size);
			i_size_write(inode, iocb->ki_pos + size);
		}
	}
	return err;
}

static const struct iomap_dio_ops fs_write_dio_ops = {
	.end_io		= fs_end_io,
};

/* ---- read ----------------------------------------------------------------------------------------------------- */

static ssize_t fs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct upk_file *f = up_file_of(inode);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	i_size_write(inode, upl_i_size(f->lab));
	if (!(iocb->ki_flags & IOCB_DIRECT))
		return up_cached_read(iocb, to);
	if (f->dio == UP_DIO_LOCKING)
		return generic_file_read_iter(iocb, to);	/* it takes the lock itself */
	if (!nowait)
		inode_lock_shared(inode);
	else if (!inode_trylock_shared(inode))
		return -EAGAIN;
	if (f->dio == UP_DIO_LEGACY)
		ret = generic_file_read_iter(iocb, to);
	else
		ret = upl_cache_before(f->lab, iocb->ki_pos, iov_iter_count(to), 0, nowait) ?:
		      iomap_dio_rw(iocb, to, &fs_iomap_ops, NULL, 0, NULL, 0);
	inode_unlock_shared(inode);
	return ret;
}

/* ---- write ---------------------------------------------------------------------------------------------------- */

/* Where, and how much: bytes, 0 or -errno. */
ssize_t generic_write_checks(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = i_size_read(inode);
	if (iocb->ki_pos >= inode->i_sb->s_maxbytes)
		return -EFBIG;
	iov_iter_truncate(from, inode->i_sb->s_maxbytes - iocb->ki_pos);
	return iov_iter_count(from);
}

static bool fs_lock(struct inode *inode, bool excl, bool nowait)
{
	if (nowait)
		return excl ? inode_trylock(inode) : inode_trylock_shared(inode);
	if (excl)
		inode_lock(inode);
	else
		inode_lock_shared(inode);
	return true;
}

static void fs_unlock(struct inode *inode, bool excl)
{
	if (excl)
		inode_unlock(inode);
	else
		inode_unlock_shared(inode);
}

static ssize_t fs_write_locked(struct kiocb *iocb, struct iov_iter *from, bool extend, bool wait)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct upk_file *f = up_file_of(inode);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	ssize_t ret;

	if (extend && nowait)
		return -EAGAIN;
	if (f->dio == UP_DIO_LEGACY)
		return up_legacy_write(iocb, from, extend, wait);
	ret = upl_cache_before(f->lab, iocb->ki_pos, iov_iter_count(from), 1, nowait);
	if (ret)
		return ret;
	ret = iomap_dio_rw(iocb, from, &fs_iomap_ops, &fs_write_dio_ops, wait ? IOMAP_DIO_FORCE_WAIT : 0, NULL, 0);
	if (ret < 0 && ret != -EIOCBQUEUED && extend)
		upl_trim_eof(f->lab);
	return ret;
}

static ssize_t fs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct upk_file *f = up_file_of(inode);
	bool excl = iocb->ki_flags & IOCB_APPEND, extend;
	int zeroes = 0;
	ssize_t ret;

	i_size_write(inode, upl_i_size(f->lab));
	if (!(iocb->ki_flags & IOCB_DIRECT))
		return up_cached_write(iocb, from);
	if (f->dio == UP_DIO_LOCKING)
		return up_locking_write(iocb, from);
again:
	if (!fs_lock(inode, excl, iocb->ki_flags & IOCB_NOWAIT))
		return -EAGAIN;
	ret = generic_write_checks(iocb, from);
	if (ret <= 0)
		goto out;
	extend = iocb->ki_pos + iov_iter_count(from) > i_size_read(inode);
	ret = upl_needs_exclusive(f->lab, iocb->ki_pos, iov_iter_count(from), iocb->ki_flags & IOCB_NOWAIT, &zeroes);
	if (ret)
		goto out;
	if ((extend || zeroes) && !excl) {
		fs_unlock(inode, excl);
		excl = true;
		goto again;
	}
	if (extend || zeroes)
		inode_dio_wait(inode);
	ret = fs_write_locked(iocb, from, extend, extend || zeroes);
out:
	fs_unlock(inode, excl);
	if (ret == -ENOTBLK)
		return up_cached_fallback(iocb, from);
	if (ret > 0 && f->dio == UP_DIO_LEGACY)
		ret = generic_write_sync(iocb, ret);	/* iomap does it itself */
	return ret;
}

/* ---- the rest of the file --------------------------------------------------------------------------------------- */

static int fs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return upl_fsync(up_file_of(file_inode(file))->lab, start, end, &file->f_wb_err, datasync);
}

static long fs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	int punch = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE), err;

	if (!punch && mode != (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	inode_lock(inode);
	inode_dio_wait(inode);
	err = upl_fallocate(up_file_of(inode)->lab, punch, offset, len);
	inode_unlock(inode);
	return err;
}

static const struct file_operations fs_file_ops = {
	.read_iter	= fs_read_iter,
	.write_iter	= fs_write_iter,
	.fsync		= fs_fsync,
	.fallocate	= fs_fallocate,
};

/* ->direct_IO is what loop.c looks for before it allows direct IO; iomap's never calls it. */
static const struct address_space_operations fs_aops = {
	.direct_IO	= noop_direct_IO,
	.write_begin	= up_write_begin,
	.write_end	= up_write_end,
};

ssize_t noop_direct_IO(struct kiocb *iocb, struct iov_iter *iter)
{
	up_bug("a_ops->direct_IO of an iomap file");
}

int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync)
{
	return file->f_op->fsync(file, start, end, datasync);
}

int vfs_fsync(struct file *file, int datasync)
{
	return vfs_fsync_range(file, 0, LLONG_MAX, datasync);
}

/* Gives way to that of fs/direct-io.c, where it has one (until 6.5). */
__weak int sb_init_dio_done_wq(struct super_block *sb)
{
	sb->s_dio_done_wq = alloc_workqueue("dio/%s", WQ_MEM_RECLAIM, 0, sb->s_id);
	return sb->s_dio_done_wq ? 0 : -ENOMEM;
}

/* The one bit that is waited for here: the end of the last direct IO of an inode (__I_DIO_WAKEUP). */
static DECLARE_WAIT_QUEUE_HEAD(dio_ended);

void wake_up_bit(void *word, int bit)
{
	wake_up_all(&dio_ended);
}

#if UP_SINCE(6, 12)
void wake_up_var(void *var)
{
	wake_up_all(&dio_ended);
}
#endif

void inode_dio_wait(struct inode *inode)
{
	wait_event(dio_ended, !atomic_read(&inode->i_dio_count));
}

/* What is cached of a file is the laboratory's, and has been seen to (upl_cache_before); the kernel's own cache is empty. */
int invalidate_inode_pages2_range(struct address_space *mapping, pgoff_t start, pgoff_t end)
{
	if (mapping->nrpages)
		up_bug("pages in the cache of a mapping that has none");
	return 0;
}

/* Files here have no times and no privileges. */
int file_update_time(struct file *file)
{
	return 0;
}

int file_remove_privs(struct file *file)
{
	return 0;
}

/* ---- open, close ---------------------------------------------------------------------------------------------------- */

/* As losetup opens them, without O_DIRECT: each IO says itself whether it is direct, and the loop driver is told. */
static struct upk_file *file_new(const struct file_operations *f_op)
{
	struct upk_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->file.f_op = f_op;
	f->file.f_flags = O_RDWR | O_NOATIME;
	f->file.f_mode = FMODE_READ | FMODE_WRITE | FMODE_NOWAIT | FMODE_CAN_READ | FMODE_CAN_WRITE | FMODE_CAN_ODIRECT;
	atomic_long_set(&f->file.f_count, 1);
	return f;
}

struct upk_file *upk_file_open(void *lab, struct upk_disk *disk, enum up_dio dio)
{
	struct upk_file *f = file_new(&fs_file_ops);
	struct inode *inode;

	if (!f)
		return NULL;
	f->lab = lab;
	f->dio = dio;
	if (dio != UP_DIO_IOMAP)
		f->file.f_mode &= ~FMODE_NOWAIT;	/* get_block() cannot be told not to wait */
	inode = &f->inode;
	f->sb.s_bdev = disk->disk->part0;
	f->sb.s_blocksize = PAGE_SIZE;
	f->sb.s_blocksize_bits = PAGE_SHIFT;
	f->sb.s_maxbytes = upl_max_bytes();
	f->sb.s_writers.rw_sem[SB_FREEZE_WRITE - 1].read_count = &f->writers;	/* per CPU, of which there is one */
	inode->i_sb = &f->sb;
	inode->i_mode = S_IFREG;
	inode->i_blkbits = PAGE_SHIFT;
	inode->i_mapping = &inode->i_data;
	inode->i_data.host = inode;
	inode->i_data.a_ops = dio == UP_DIO_IOMAP ? &fs_aops : &up_legacy_aops;
	xa_init_flags(&inode->i_data.i_pages, XA_FLAGS_LOCK_IRQ);
	init_rwsem(&inode->i_rwsem);
	init_rwsem(&inode->i_data.invalidate_lock);
	mapping_set_gfp_mask(&inode->i_data, GFP_USER);
	i_size_write(inode, upl_i_size(lab));
	f->file.f_inode = inode;
	f->file.f_mapping = &inode->i_data;
	f->file.f_wb_err = upl_wb_sample(lab);
	return f;
}

struct upk_file *upk_bdev_open(struct upk_disk *disk)
{
	struct upk_file *f = file_new(&def_blk_fops);

	if (!f)
		return NULL;
	f->file.private_data = disk->disk->part0;
	f->file.f_inode = up_bdev_inode(disk->disk->part0);
	f->file.f_mapping = f->file.f_inode->i_mapping;
	return f;
}

static void file_close(void *arg)
{
	struct upk_file *f = arg;

	if (f->sb.s_dio_done_wq)
		destroy_workqueue(f->sb.s_dio_done_wq);
	if (f->writers)
		up_bug("a file is closed with %u writes begun and not ended", f->writers);
	if (atomic_long_read(&f->file.f_count) != 1)
		up_bug("a file is closed with %ld references", atomic_long_read(&f->file.f_count));
	kfree(f);
}

void upk_file_close(struct upk_file *f)
{
	up_task_call(file_close, f, false);
}

host_u64 upk_file_size(struct upk_file *f)
{
	return f->lab ? upl_i_size(f->lab) : i_size_read(f->file.f_inode);
}
