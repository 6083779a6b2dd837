// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - the system call's side: checks and locks of a read or write; and the design's one exported symbol.
 *
 * Everything is done when submit() returns: an asynchronous IO is a synchronous one whose caller did not ask to
 * wait. That is allowed (struct lab_io), and slow.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

/* ---- open, close ---------------------------------------------------------------------------- */

static struct lab_file *file_alloc(struct inode *inode, struct block_device *bdev)
{
	struct lab_file *lf = kzalloc(sizeof(*lf), GFP_KERNEL);

	if (!lf)
		return ERR_PTR(-ENOMEM);
	lf->file = (struct file){ .f_inode = inode, .f_bdev = bdev };
	return lf;
}

static struct lab_file *fs_open_file(struct inode *inode)
{
	struct lab_file *lf = file_alloc(inode, lab_inode_bdev(inode));

	if (!IS_ERR(lf))
		lf->file.f_wb_err = lab_wb_sample(inode);
	return lf;
}

static struct lab_file *fs_open_bdev(struct block_device *bdev)
{
	return file_alloc(NULL, bdev);
}

static void fs_close(struct lab_file *lf)
{
	kfree(lf);
}

/* ---- checks --------------------------------------------------------------------------------- */

/* By the rule of 3.12: everything by the device's block. The kernel's own memory (loop.c) comes in whole sectors. */
static bool fs_is_aligned(struct file *file, loff_t pos, const struct iov_iter *iter)
{
	unsigned int block_mask = bdev_logical_block_size(file->f_bdev) - 1;

	if ((pos | iov_iter_count(iter)) & block_mask)
		return false;
	return !iter->iov || iov_iter_is_aligned(iter, block_mask, block_mask);
}

/* Where a write to a file must stop. 0 or -errno. */
static int fs_write_checks(loff_t pos, struct iov_iter *from)
{
	if (pos >= LAB_MAX_FILE_BYTES)
		return -EFBIG;
	iov_iter_truncate(from, LAB_MAX_FILE_BYTES - pos);
	return 0;
}

/* ---- read, write ---------------------------------------------------------------------------- */

/* Direct IO is whole, or it failed; buffered IO tells how far it came. */
static ssize_t fs_result(bool direct, size_t done, int err)
{
	return err && (direct || !done) ? err : (ssize_t)done;
}

/**
 * fs_read - a read, direct or through the page cache
 * @file: the file
 * @pos: from where
 * @to: to where, and how much
 * @flags: LAB_IO_*
 *
 * Context: task, sleeps. Return: bytes (short: the end of the file), or -errno.
 */
ssize_t fs_read(struct file *file, loff_t pos, struct iov_iter *to, unsigned int flags)
{
	bool direct = !(flags & LAB_IO_BUFFERED);
	enum lab_lock lock;
	size_t done;
	int err;

	if (!iov_iter_count(to) || pos >= i_size_read(file->f_inode))
		return 0;
	if (direct && !fs_is_aligned(file, pos, to))
		return -EINVAL;
	err = lab_lock_for_read(file->f_inode, false, &lock);
	if (err)
		return err;
	done = filemap_read(file, pos, to, &err);
	if (direct)
		lab_cache_invalidate(file->f_inode, pos, done);
	lab_unlock(file->f_inode, lock);
	return fs_result(direct, done, err);
}

/* i_rwsem is held exclusively, and nothing else is in flight. As fs_write(). */
static ssize_t fs_write_locked(struct file *file, loff_t pos, struct iov_iter *from, unsigned int flags)
{
	bool direct = !(flags & LAB_IO_BUFFERED);
	loff_t old_size = i_size_read(file->f_inode);
	u32 errors = lab_wb_count(file->f_inode);
	size_t done;
	ssize_t ret;
	int err;

	err = fs_write_checks(pos, from);
	if (!err && direct && !fs_is_aligned(file, pos, from))
		err = -EINVAL;
	if (err)
		return err;
	done = filemap_write(file, pos, from, &err);
	ret = fs_result(direct, done, err);
	if (ret > 0 && (direct || (flags & LAB_IO_DSYNC))) {
		int lost = filemap_push_out(file, pos, done, errors);

		if (lost)
			ret = err = lost;
	}
	if (err) {
		if (ret < 0 && i_size_read(file->f_inode) > old_size)
			i_size_write(file->f_inode, old_size);
		lab_trim_eof(file->f_inode);
	}
	return ret;
}

/**
 * fs_write - a write, direct or through the page cache
 * @file: the file
 * @pos: to where; LAB_IO_APPEND: the end, wherever that is
 * @from: from where, and how much
 * @flags: LAB_IO_*
 *
 * Context: task, sleeps. Return: bytes, or -errno.
 */
ssize_t fs_write(struct file *file, loff_t pos, struct iov_iter *from, unsigned int flags)
{
	struct inode *inode = file->f_inode;
	ssize_t ret;
	int err = 0;

	if (!iov_iter_count(from))
		return 0;
	lab_sb_start_write(inode, false);
	down_write(&inode->i_rwsem);
	lab_inode_dio_wait(inode);
	if (flags & LAB_IO_APPEND)
		pos = i_size_read(inode);
	ret = fs_write_locked(file, pos, from, flags);
	up_write(&inode->i_rwsem);
	if (ret > 0 && (flags & LAB_IO_DSYNC))
		err = lab_wb_check(inode, &file->f_wb_err) ?: lab_fsync(inode, true);
	lab_sb_end_write(inode);
	return err ?: ret;
}

/**
 * vfs_fsync - make a file or block device durable
 * @file: any
 * @datasync: what is not needed to read the data back may stay behind
 *
 * Context: task, sleeps. Return: 0 or -errno.
 */
int vfs_fsync(struct file *file, bool datasync)
{
	int err, flush_err;

	if (!file->f_inode)
		return blkdev_issue_flush(file->f_bdev);
	err = lab_cache_sync(file->f_inode, &file->f_wb_err);
	flush_err = lab_fsync(file->f_inode, datasync);
	return err ?: flush_err;
}

/* ---- struct design -------------------------------------------------------------------------- */

static int design_init(const struct lab_knobs *knobs)
{
	return loop_init();
}

static const char *design_unsupported(const struct lab_knobs *knobs)
{
	if (knobs->handoff != LAB_HANDOFF_WORKER)
		return "every IO waits, which a submitter's context must not";
	if (knobs->loopq != LAB_LOOPQ_BIO)
		return "its loop device takes bios";
	if (knobs->alloc != LAB_ALLOC_POOL || knobs->completion != LAB_COMPLETION_INLINE ||
	    knobs->bio_rule != LAB_BIO_RULE_NEW)
		return "the template has one form";
	return NULL;
}

static ssize_t fs_submit_bdev(struct file *file, struct lab_io *io, struct iov_iter *iter)
{
	loff_t pos = io->flags & LAB_IO_APPEND ? bdev_nr_bytes(file->f_bdev) : io->pos;

	if (io->flags & LAB_IO_BUFFERED)
		return -EOPNOTSUPP;
	if (!iov_iter_count(iter))
		return 0;
	if (!fs_is_aligned(file, pos, iter))
		return -EINVAL;
	if (io->rw == LAB_READ)
		return blkdev_read(file->f_bdev, pos, iter);
	return blkdev_write(file->f_bdev, pos, iter, io->flags);
}

static ssize_t design_submit(struct lab_file *lf, struct lab_io *io)
{
	struct iov_iter iter;
	int err;

	if (io->flags & LAB_IO_NOWAIT)
		return io->rw == LAB_WRITE && (io->flags & LAB_IO_BUFFERED) ? -EOPNOTSUPP : -EAGAIN;
	if (io->pos < 0 && !(io->flags & LAB_IO_APPEND))
		return -EINVAL;
	err = iov_iter_init(&iter, io->iov, io->nr_segs);
	if (err)
		return err;
	if (!lf->file.f_inode)
		return fs_submit_bdev(&lf->file, io, &iter);
	if (io->rw == LAB_READ)
		return fs_read(&lf->file, io->pos, &iter, io->flags);
	return fs_write(&lf->file, io->pos, &iter, io->flags);
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
	{
		.name = "", .summary = "the dullest design: every byte is copied through the page cache and waited for",
		.knobs = { .handoff = LAB_HANDOFF_WORKER },
	},
	{ }
};

const struct design design_TEMPLATE = {
	.name		= "TEMPLATE",
	.variants	= design_variants,
	.hidden		= true,
	.init		= design_init,
	.exit		= loop_exit,
	.unsupported	= design_unsupported,
	.open_file	= fs_open_file,
	.open_bdev	= fs_open_bdev,
	.close		= fs_close,
	.submit		= design_submit,
	.fsync		= design_fsync,
	.size		= design_size,
	.loop_add	= loop_add,
	.loop_bdev	= loop_bdev,
	.loop_del	= loop_del,
};
