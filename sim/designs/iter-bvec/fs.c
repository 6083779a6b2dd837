// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - files of the filesystem model under this design: the adapter to its map, the methods, and the
 * design's one exported symbol at the end.
 *
 * i_rwsem is taken as the filesystem wants it, held while the IO is mapped and submitted, and released
 * before it is waited for. Two kinds of write keep it, exclusively, to their end: those that extend i_size,
 * since the size follows the data, and those of part of a block that holds no data yet, since they zero
 * what they do not write. So those two wait even if the kiocb is asynchronous, and are refused to a kiocb
 * that may not block.
 *
 * Source: the rules of ext4_dio_read_iter() and ext4_dio_write_iter(), Linux 6.1.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static const struct file_operations fs_file_ops, fs_61_file_ops, fs_buffered_ops;
static bool fs_is_61;

/* ---- map adapter ---------------------------------------------------------------------------- */

static int fs_map(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *out)
{
	return lab_map(inode, pos, len_bytes, flags, out);
}

static int fs_convert(struct inode *inode, loff_t pos, u64 len_bytes)
{
	return lab_convert(inode, pos, len_bytes);
}

static const struct dio_ops fs_dio_ops = {
	.map		= fs_map,
	.convert	= fs_convert,
};

/* ---- open, close ---------------------------------------------------------------------------- */

static struct lab_file *file_alloc(const struct file_operations *f_op, struct inode *inode,
				   struct block_device *bdev)
{
	struct lab_file *lf = kzalloc(sizeof(*lf), GFP_KERNEL);

	if (!lf)
		return ERR_PTR(-ENOMEM);
	lf->file.f_op = f_op;
	lf->file.f_inode = inode;
	lf->file.f_bdev = bdev;
	lf->file.f_dio_ops = inode ? &fs_dio_ops : NULL;
	init_llist_head(&lf->file.f_done);
	INIT_WORK(&lf->file.f_done_work, dio_done_work);
	return lf;
}

static struct lab_file *fs_open_file(struct inode *inode)
{
	struct lab_file *lf = file_alloc(fs_is_61 ? &fs_61_file_ops : &fs_file_ops, inode,
					 lab_inode_bdev(inode));

	if (IS_ERR(lf))
		return lf;
	lf->buffered.f_op = &fs_buffered_ops;
	lf->buffered.f_inode = inode;
	lf->buffered.f_bdev = lf->file.f_bdev;
	lf->file.f_wb_err = lf->buffered.f_wb_err = lab_wb_sample(inode);
	if (fs_is_61 ? iomap_dio_alloc_wq(&lf->file) : dio_sets_alloc(&lf->file)) {
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
	lf = file_alloc(fs_is_61 ? &def_blk_61_fops : &def_blk_fops, NULL, bdev);
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
	if (!lf->file.f_inode) {	/* a block device: whoever closes it last writes its pages back */
		lab_cache_write(lf->buffered.f_inode, 0, LAB_MAX_FILE_BYTES);
		lab_inode_destroy(lf->buffered.f_inode);
	}
	dio_sets_free(&lf->file);
	kfree(lf);
}

/* ---- checks --------------------------------------------------------------------------------- */

/* Where a write may go: cut at the largest file. Source: generic_write_checks() of Linux 6.1. */
static int fs_write_checks(struct kiocb *iocb, struct iov_iter *from)
{
	if (iocb->ki_pos >= LAB_MAX_FILE_BYTES)
		return -EFBIG;
	iov_iter_truncate(from, LAB_MAX_FILE_BYTES - iocb->ki_pos);
	return 0;
}

/*
 * Check and lock for a write. Appending: the end of the file is where it is once the lock is held, and the
 * lock must have been taken for a write there. A write from the end of the file takes it exclusively.
 */
static int fs_write_begin(struct kiocb *iocb, struct iov_iter *from, enum lab_lock *lock)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	int ret;

	for (;;) {
		if (iocb->ki_flags & IOCB_APPEND)
			iocb->ki_pos = i_size_read(inode);
		ret = fs_write_checks(iocb, from);
		if (!ret)
			ret = lab_lock_for_write(inode, iocb->ki_pos, iov_iter_count(from),
						 !iocb_may_block(iocb), lock);
		if (ret || !(iocb->ki_flags & IOCB_APPEND) || iocb->ki_pos == i_size_read(inode))
			return ret;
		lab_unlock(inode, *lock);
	}
}

static bool fs_write_is_partial(loff_t pos, size_t len_bytes)
{
	return ((pos | (pos + len_bytes)) & (LAB_BLOCK_BYTES - 1)) != 0;
}

/* ---- read ----------------------------------------------------------------------------------- */

/* @is_61: the variant, a constant where this is instantiated: there the wait is part of the call. */
static __always_inline ssize_t fs_direct_read(struct kiocb *iocb, struct iov_iter *to, bool is_61)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct dio *dio = NULL;
	enum lab_lock lock;
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	if (iocb->ki_pos > LAB_MAX_FILE_BYTES)
		return 0;
	ret = lab_lock_for_read(inode, !iocb_may_block(iocb), &lock);
	if (ret)
		return ret;
	ret = filemap_dio_read_begin(inode, iocb->ki_pos, iov_iter_count(to), !iocb_may_block(iocb));
	if (!ret)
		ret = is_61 ? iomap_dio_rw(iocb, to, 0) : dio_submit(iocb, to, 0, &dio);
	lab_unlock(inode, lock);
	return dio ? dio_wait(dio) : ret;
}

static ssize_t fs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return fs_direct_read(iocb, to, false);
}

static ssize_t fs_61_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return fs_direct_read(iocb, to, true);
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

/*
 * The write will hold the lock to its end, alone: an aligned write of the same block may be on disk and not
 * yet converted, and would be zeroed. 0 or -EAGAIN.
 */
static int fs_write_keep_lock(struct kiocb *iocb)
{
	if (!iocb_may_block(iocb))
		return -EAGAIN;
	lab_inode_dio_wait(iocb->ki_filp->f_inode);
	return 0;
}

/*
 * Through the page cache, alone with the file: no direct IO may be under way, so that no piece's end meets a
 * dirty page (ext4 lets them meet, and says that the page cache is stale then). @direct: a direct write whose
 * pages could not be forgotten; they go to the disk, and are forgotten if that is possible now.
 */
static ssize_t fs_write_cached(struct kiocb *iocb, struct iov_iter *from, bool direct)
{
	errseq_t *seen = &iocb->ki_filp->f_wb_err;
	struct inode *inode = iocb->ki_filp->f_inode;
	u32 errors;
	ssize_t ret;
	int err = 0;

	down_write(&inode->i_rwsem);
	errors = lab_wb_count(inode);
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = i_size_read(inode);
	ret = fs_write_checks(iocb, from);
	if (!ret) {
		lab_inode_dio_wait(inode);
		ret = generic_perform_write(iocb, from);
	}
	if (ret > 0 && direct)
		err = filemap_write_done(inode, iocb->ki_pos - ret, ret, errors, seen);
	up_write(&inode->i_rwsem);
	if (err || ret <= 0 || !(iocb->ki_flags & IOCB_DSYNC))
		return err ?: ret;
	if (!direct)
		err = lab_cache_write_since(inode, iocb->ki_pos - ret, ret, errors, seen);
	return err ?: lab_wb_check(inode, seen) ?: lab_fsync(inode, true) ?: ret;
}

/* The second descriptor. */
static ssize_t fs_buffered_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EOPNOTSUPP;
	return iov_iter_count(from) ? fs_write_cached(iocb, from, false) : 0;
}

static __always_inline ssize_t fs_direct_write(struct kiocb *iocb, struct iov_iter *from, bool is_61)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct dio *dio = NULL;
	unsigned int flags = 0;
	enum lab_lock lock;
	bool extends;
	ssize_t ret;

	if (!iov_iter_count(from))
		return 0;
	ret = fs_write_begin(iocb, from, &lock);
	if (ret)
		return ret;
	extends = iocb->ki_pos + iov_iter_count(from) > i_size_read(inode);
	if (lock == LAB_LOCK_EXCL && (extends || fs_write_is_partial(iocb->ki_pos, iov_iter_count(from)))) {
		ret = fs_write_keep_lock(iocb);
		flags = DIO_FORCE_WAIT;
	}
	if (!ret)
		ret = filemap_dio_write_begin(inode, iocb->ki_pos, iov_iter_count(from),
					      !iocb_may_block(iocb));
	if (ret == -ENOTBLK) {
		lab_unlock(inode, lock);
		return fs_write_cached(iocb, from, true);
	}
	if (!ret)
		ret = is_61 ? iomap_dio_rw(iocb, from, flags) : dio_submit(iocb, from, flags, &dio);
	if (!(flags & DIO_FORCE_WAIT)) {
		lab_unlock(inode, lock);
		return dio ? dio_wait(dio) : ret;
	}
	if (dio)
		ret = dio_wait(dio);
	if (ret < 0 && extends && iocb_may_block(iocb))
		lab_trim_eof(inode);
	lab_unlock(inode, lock);
	return ret;
}

static ssize_t fs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return fs_direct_write(iocb, from, false);
}

static ssize_t fs_61_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return fs_direct_write(iocb, from, true);
}

/* ---- fsync, fallocate ----------------------------------------------------------------------- */

static int fs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	int err = lab_cache_sync(file->f_inode, &file->f_wb_err), flush_err = lab_fsync(file->f_inode, datasync);

	return err ?: flush_err;
}

/* What a loop device needs. The caller has lab_sb_start_write(), as for all that changes the file. */
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
	.fsync		= fs_fsync,
	.fallocate	= fs_fallocate,
};

static const struct file_operations fs_61_file_ops = {
	.read_iter	= fs_61_read_iter,
	.write_iter	= fs_61_write_iter,
	.fsync		= fs_fsync,
	.fallocate	= fs_fallocate,
};

static const struct file_operations fs_buffered_ops = {
	.read_iter	= fs_buffered_read_iter,
	.write_iter	= fs_buffered_write_iter,
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
	int err;

	fs_is_61 = knobs->variant == VARIANT_61;
	err = fs_is_61 ? iomap_dio_init(knobs) : dio_init(knobs);
	if (err)
		return err;
	err = bdev_init(knobs);
	if (err)
		goto no_bdev;
	err = loop_init(knobs);
	if (err)
		goto no_loop;
	return 0;
no_loop:
	bdev_exit();
no_bdev:
	fs_is_61 ? iomap_dio_exit() : dio_exit();
	return err;
}

static void design_exit(void)
{
	loop_exit();
	bdev_exit();
	fs_is_61 ? iomap_dio_exit() : dio_exit();
}

static const char *design_unsupported(const struct lab_knobs *knobs)
{
	if (knobs->variant != VARIANT_61)
		return NULL;
	if (knobs->handoff != LAB_HANDOFF_WORKER)
		return "@6.1 hands every command to its worker: handoff=inline is what the plain variant tries";
	if (knobs->loopq != LAB_LOOPQ_MQ)
		return "@6.1 keeps its command behind a blk-mq request: loopq=bio has none";
	if (knobs->alloc != LAB_ALLOC_KMALLOC)
		return "@6.1 gets its iomap_dio and its bio_vec arrays from kmalloc: alloc=pool is another design";
	return NULL;
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

static const struct lab_variant design_variants[] = {
	[VARIANT_PLAIN] = {
		.name = "", .summary = "typed iov_iter without a table, a kiocb per loop command, iomap-style extents",
	},
	[VARIANT_61] = {
		.name = "6.1", .summary = "the same as Linux 6.1 does it: blk-mq loop, a worker hop, kmalloc, work queues",
		.knobs = {
			.handoff = LAB_HANDOFF_WORKER, .alloc = LAB_ALLOC_KMALLOC, .loopq = LAB_LOOPQ_MQ,
			.variant = VARIANT_61,
		},
	},
	{ }
};

const struct design design_iter_bvec = {
	.name		= "iter-bvec",
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
