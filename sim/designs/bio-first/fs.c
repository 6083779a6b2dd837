// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - the filesystem's file operations, and what this design exports.
 *
 * The filesystem gives the generic code a map and a conversion, and gets a ->dio_submit for it. What is
 * left to do here is what a system call wants and a block device does not: positions of any kind, reads
 * that end where the file does, appends, the flags.
 *
 * A write inside i_size goes to ->dio_submit, which takes the lock it needs, bio by bio. A write that goes
 * beyond holds i_rwsem exclusively from the look at i_size until its data is on disk and the new size is
 * set, however many bios it takes: an append must find the end where it was, and a write that fails must
 * leave the size as it was.
 *
 * Source: the order of checks is that of generic_write_checks() and ext4's direct IO in Linux 6.1.
 */
#include <linux/fs.h>
#include <linux/aio.h>
#include <linux/uio.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include "design.h"

static const struct file_operations fs_file_ops, fs_buffered_ops;

/* ---- map adapter ---------------------------------------------------------------------------- */

/* The map answers as ->dio_submit wants it: there is nothing to adapt. */
static const struct dio_map_ops fs_map_ops = {
	.map		= lab_map,
	.convert	= lab_convert,
};

/* ---- open, close ---------------------------------------------------------------------------- */

static struct lab_file *file_alloc(const struct file_operations *f_op, struct block_device *bdev)
{
	struct lab_file *lf = kzalloc(sizeof(*lf), GFP_KERNEL);

	if (!lf)
		return ERR_PTR(-ENOMEM);
	lf->file.f_op = f_op;
	lf->file.f_bdev = bdev;
	return lf;
}

static struct lab_file *fs_open_file(struct inode *inode)
{
	struct lab_file *lf = file_alloc(&fs_file_ops, lab_inode_bdev(inode));
	struct file *file;

	if (IS_ERR(lf))
		return lf;
	file = &lf->file;
	file->f_inode = inode;
	file->f_map_ops = &fs_map_ops;
	init_llist_head(&file->f_done);
	INIT_WORK(&file->f_done_work, dio_done_work);
	lf->buffered.f_op = &fs_buffered_ops;
	lf->buffered.f_inode = inode;
	lf->buffered.f_bdev = file->f_bdev;
	lf->file.f_wb_err = lf->buffered.f_wb_err = lab_wb_sample(inode);
	file->f_done_wq = alloc_ordered_workqueue("dio-done", WQ_MEM_RECLAIM);
	if (!file->f_done_wq || dio_sets_alloc(file)) {
		if (file->f_done_wq)
			destroy_workqueue(file->f_done_wq);
		kfree(lf);
		return ERR_PTR(-ENOMEM);
	}
	return lf;
}

static struct lab_file *fs_open_bdev(struct block_device *bdev)
{
	struct inode *inode = lab_bdev_inode_create(bdev);
	struct lab_file *lf;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	lf = file_alloc(&def_blk_fops, bdev);
	if (IS_ERR(lf)) {
		lab_inode_destroy(inode);
		return lf;
	}
	lf->buffered.f_op = &def_blk_buffered_fops;
	lf->buffered.f_inode = inode;
	lf->buffered.f_bdev = bdev;
	return lf;
}

static void fs_close(struct lab_file *lf)
{
	if (lf->file.f_done_wq)
		destroy_workqueue(lf->file.f_done_wq);
	if (!lf->file.f_inode) {	/* a block device: whoever closes it last writes its pages back */
		lab_cache_write(lf->buffered.f_inode, 0, LAB_MAX_FILE_BYTES);
		lab_inode_destroy(lf->buffered.f_inode);
	}
	dio_sets_free(&lf->file);
	kfree(lf);
}

/* ---- checks --------------------------------------------------------------------------------- */

static inline bool fs_is_aligned(struct file *file, loff_t pos, const struct iov_iter *iter)
{
	unsigned int block_mask = bdev_logical_block_size(file->f_bdev) - 1;

	return !(pos & block_mask) &&
	       iov_iter_is_aligned(iter, bdev_dma_alignment(file->f_bdev), block_mask);
}

/* Where may a write of what is in @iter go? Cuts it at the largest size of a file. 0, -EFBIG. */
static int fs_write_limit(loff_t pos, struct iov_iter *iter)
{
	if (pos >= LAB_MAX_FILE_BYTES)
		return -EFBIG;
	iov_iter_truncate(iter, LAB_MAX_FILE_BYTES - pos);
	return 0;
}

/* The same of a direct write. 0, -EFBIG, -EINVAL. */
static int fs_write_checks(struct file *file, loff_t pos, struct iov_iter *iter)
{
	int err = fs_write_limit(pos, iter);

	if (err)
		return err;
	return fs_is_aligned(file, pos, iter) ? 0 : -EINVAL;
}

/* ---- read ----------------------------------------------------------------------------------- */

/*
 * Zeros for where the file has no data, from iocb->ki_pos to the first byte that is on disk, at most @count.
 * Bytes or -errno. Advances both.
 */
static ssize_t fs_read_hole(struct kiocb *iocb, struct iov_iter *to, size_t count)
{
	unsigned int map_flags = iocb->ki_flags & IOCB_NOWAIT ? LAB_MAP_NOWAIT : 0;
	struct inode *inode = iocb->ki_filp->f_inode;
	struct lab_extent ext;
	enum lab_lock lock;
	size_t done = 0;
	int err;

	err = lab_lock_for_read(inode, map_flags, &lock);
	if (err)
		return err;
	err = filemap_dio_read_begin(inode, iocb->ki_pos, count, map_flags);
	while (!err && done < count) {
		err = lab_map(inode, iocb->ki_pos, count - done, map_flags, &ext);
		if (err || ext.type == LAB_MAPPED)
			break;
		if (iov_iter_zero(ext.len_bytes, to) != ext.len_bytes)
			err = -EFAULT;
		iocb->ki_pos += ext.len_bytes;
		done += ext.len_bytes;
	}
	lab_unlock(inode, lock);
	return err ?: (ssize_t)done;
}

/*
 * A read that no device would take as it is. Where the file has no data there is no device, and zeros can be
 * had at any alignment; what is left from the first data on must be aligned (Linux 6.1 asks by extent).
 */
static ssize_t fs_read_unaligned(struct kiocb *iocb, struct iov_iter *to, size_t count)
{
	struct file *file = iocb->ki_filp;
	ssize_t ret, zeros = fs_read_hole(iocb, to, count);

	if (zeros < 0 || zeros == count)
		return zeros;
	if (!fs_is_aligned(file, iocb->ki_pos, to))
		return -EINVAL;
	count -= zeros;
	iov_iter_truncate(to, round_up(count, bdev_logical_block_size(file->f_bdev)));
	ret = dio_rw(iocb, to, count, DIO_WAIT);
	return ret < 0 ? ret : zeros + ret;
}

static ssize_t fs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	loff_t pos = iocb->ki_pos, size = i_size_read(file->f_inode);
	size_t count = iov_iter_count(to);

	if (!count || pos >= size)
		return 0;
	count = min_t(u64, count, size - pos);
	if (!fs_is_aligned(file, pos, to))
		return fs_read_unaligned(iocb, to, count);
	/* The device reads whole blocks; what is reported ends where the file does. */
	iov_iter_truncate(to, round_up(count, bdev_logical_block_size(file->f_bdev)));
	return dio_rw(iocb, to, count, 0);
}

/* The second descriptor. i_rwsem shared, as xfs has it: no write is seen in part. */
static ssize_t fs_buffered_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	enum lab_lock lock;
	ssize_t ret;

	ret = lab_lock_for_read(inode, iocb->ki_flags & IOCB_NOWAIT, &lock);
	if (ret)
		return ret;
	ret = filemap_read(iocb, to);
	lab_unlock(inode, lock);
	return ret;
}

/* ---- write ---------------------------------------------------------------------------------- */

/* i_rwsem is held exclusively: nobody else changes the size. */
static ssize_t fs_write_extend_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	loff_t size = i_size_read(inode);
	ssize_t ret;

	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = size;
	ret = fs_write_checks(iocb->ki_filp, iocb->ki_pos, from) ?: lab_settle_eof(inode);
	if (ret)
		return ret;
	ret = dio_rw(iocb, from, iov_iter_count(from), DIO_LOCKED | DIO_WAIT);
	if (ret > 0 && iocb->ki_pos > size)
		i_size_write(inode, iocb->ki_pos);
	if (ret < 0) {
		lab_inode_dio_wait(inode);	/* overwrites that are on their way */
		lab_trim_eof(inode);
	}
	return ret;
}

/* Waited for even if asynchronous: until the data is on disk the file must not look longer. */
static ssize_t fs_write_extend(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	ssize_t ret;
	int err;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	down_write(&inode->i_rwsem);
	ret = fs_write_extend_locked(iocb, from);
	up_write(&inode->i_rwsem);
	if (ret > 0 && (iocb->ki_flags & IOCB_DSYNC)) {
		err = lab_wb_check(inode, &iocb->ki_filp->f_wb_err) ?: lab_fsync(inode, true);
		if (err)
			ret = err;
	}
	return ret;
}

/*
 * Through the page cache, alone with the file: no direct IO may be under way, so that no piece's end meets a
 * dirty page (ext4 lets them meet, and says that the page cache is stale then).
 */
static ssize_t fs_write_cached(struct kiocb *iocb, struct iov_iter *from)
{
	errseq_t *seen = &iocb->ki_filp->f_wb_err;
	struct inode *inode = iocb->ki_filp->f_inode;
	u32 errors;
	ssize_t ret;
	int err;

	down_write(&inode->i_rwsem);
	errors = lab_wb_count(inode);
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = i_size_read(inode);
	ret = fs_write_limit(iocb->ki_pos, from);
	if (!ret) {
		lab_inode_dio_wait(inode);
		ret = generic_perform_write(iocb, from);
	}
	up_write(&inode->i_rwsem);
	if (ret <= 0 || !(iocb->ki_flags & IOCB_DSYNC))
		return ret;
	err = lab_cache_write_since(inode, iocb->ki_pos - ret, ret, errors, seen);
	return err ?: lab_wb_check(inode, seen) ?: lab_fsync(inode, true) ?: ret;
}

/* The second descriptor. */
static ssize_t fs_buffered_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EOPNOTSUPP;
	return iov_iter_count(from) ? fs_write_cached(iocb, from) : 0;
}

static ssize_t fs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	int err;

	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_flags & IOCB_APPEND)
		return fs_write_extend(iocb, from);
	err = fs_write_checks(file, iocb->ki_pos, from);
	if (err)
		return err;
	if (iocb->ki_pos + iov_iter_count(from) > i_size_read(file->f_inode))
		return fs_write_extend(iocb, from);
	return dio_rw(iocb, from, iov_iter_count(from), 0);
}

/* ---- pinned memory, through the page cache -------------------------------------------------- */

static int fs_read_cached_bio(struct inode *inode, struct bio *bio)
{
	enum lab_lock lock;
	int err;

	err = lab_lock_for_read(inode, false, &lock);
	if (err)
		return err;
	err = filemap_read_bio(inode, bio);
	lab_unlock(inode, lock);
	return err;
}

/* As fs_write_cached(). */
static int fs_write_cached_bio(struct file *file, struct bio *bio)
{
	struct inode *inode = file->f_inode;
	loff_t pos = (loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	unsigned int len = bio->bi_iter.bi_size;
	u32 errors;
	int err;

	down_write(&inode->i_rwsem);
	errors = lab_wb_count(inode);
	lab_inode_dio_wait(inode);
	err = filemap_write_bio(inode, bio);
	up_write(&inode->i_rwsem);
	if (err || !(bio->bi_opf & REQ_FUA))
		return err;
	err = lab_cache_write_since(inode, pos, len, errors, &file->f_wb_err);
	return err ?: lab_wb_check(inode, &file->f_wb_err) ?: lab_fsync(inode, true);
}

/* ->dio_submit of the second descriptor: a loop device with direct IO off, from its worker. */
static int fs_buffered_dio_submit(struct file *file, struct bio *bio, unsigned int flags)
{
	int err;

	WARN_ON((flags & DIO_NOBLOCK) || (bio->bi_opf & REQ_NOWAIT));
	if (op_is_write(bio->bi_opf))
		err = fs_write_cached_bio(file, bio);
	else
		err = fs_read_cached_bio(file->f_inode, bio);
	bio->bi_status = errno_to_blk_status(err);
	bio_dio(bio)->end_io(bio);
	return 0;
}

/* ---- fsync, fallocate ----------------------------------------------------------------------- */

static int fs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	int err = lab_cache_sync(file->f_inode, &file->f_wb_err), flush_err = lab_fsync(file->f_inode, datasync);

	return err ?: flush_err;
}

/*
 * What a loop device needs: punch, and zero without a change of size. The caller has lab_sb_start_write(), as for all
 * that changes the file.
 */
static long fs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return lab_punch(file->f_inode, offset, len);
	if (mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
		return lab_zero(file->f_inode, offset, len, true);
	return -EOPNOTSUPP;
}

static const struct file_operations fs_file_ops = {
	.read_iter	= fs_read_iter,
	.write_iter	= fs_write_iter,
	.dio_submit	= dio_submit_mapped,
	.fsync		= fs_fsync,
	.fallocate	= fs_fallocate,
};

static const struct file_operations fs_buffered_ops = {
	.read_iter	= fs_buffered_read_iter,
	.write_iter	= fs_buffered_write_iter,
	.dio_submit	= fs_buffered_dio_submit,
	.fsync		= fs_fsync,
	.fallocate	= fs_fallocate,
};

/**
 * vfs_fsync - make a file or block device durable
 * @file: any
 * @datasync: what is not needed to read the data back may stay behind
 *
 * Context: task, sleeps. Return: 0 or -errno.
 */
int vfs_fsync(struct file *file, int datasync)
{
	return file->f_op->fsync(file, 0, LAB_MAX_FILE_BYTES, datasync);
}

/* ---- struct design -------------------------------------------------------------------------- */

static int design_init(const struct lab_knobs *knobs)
{
	int err = dio_user_init(knobs);

	if (err)
		return err;
	err = loop_init(knobs);
	if (err) {
		dio_user_exit();
		return err;
	}
	dio_end_init(knobs);
	return 0;
}

static void design_exit(void)
{
	loop_exit();
	dio_user_exit();
}

static const char *design_unsupported(const struct lab_knobs *knobs)
{
	if (knobs->bio_rule == LAB_BIO_RULE_OLD)
		return "its bios are built before anybody knows the device, which the old rule asks at every page";
	return NULL;	/* every knob, in every combination */
}

static ssize_t design_submit(struct lab_file *lf, struct lab_io *io)
{
	if (unlikely(io->flags & LAB_IO_BUFFERED))
		return lf->buffered.f_op ? aio_submit(&lf->buffered, io) : -EOPNOTSUPP;
	return aio_submit(&lf->file, io);
}

static int design_fsync(struct lab_file *lf, bool datasync)
{
	return vfs_fsync(&lf->file, datasync);
}

static loff_t design_size(struct lab_file *lf)
{
	return lf->file.f_inode ? i_size_read(lf->file.f_inode) : bdev_nr_bytes(lf->file.f_bdev);
}

#ifdef LAB_PLANT_H7
#define design_bio_first	design_bio_first_h7
#define DESIGN_NAME		"bio-first-h7"
#else
#define DESIGN_NAME		"bio-first"
#endif

static const struct lab_variant design_variants[] = {
	{ .name = "", .summary = "pages pinned into bios, which the filesystem splits by extents; loop submits bios" },
	{ }
};

const struct design design_bio_first = {
	.name		= DESIGN_NAME,
	.variants	= design_variants,
	.init		= design_init,
	.exit		= design_exit,
	.unsupported	= design_unsupported,
	.open_file	= fs_open_file,
	.open_bdev	= fs_open_bdev,
	.close		= fs_close,
	.submit		= design_submit,
	.fsync		= design_fsync,
	.size		= design_size,
	.loop_add	= loop_add,
	.loop_bdev	= loop_bdev,
	.loop_change_file	= loop_change_file,
	.loop_set_capacity	= loop_set_capacity,
	.loop_set_direct	= loop_set_direct,
	.loop_del	= loop_del,
};
