// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - files of the filesystem model under this design: the adapter to its map, the methods, and the design's one
 * exported symbol at the end.
 *
 * The adapter is ext4's of 3.12: a write into a hole allocates its blocks unwritten, also inside the file (so nothing
 * falls back for a hole), and all that a call wrote is converted when the call's last bio has ended.
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static const struct file_operations fs_file_ops;
static const struct address_space_operations fs_aops;

/* ---- map adapter ---------------------------------------------------------------------------- */

static char fs_unwritten;	/* what ->b_private points to */

static int fs_get_block(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create)
{
	loff_t pos = (loff_t)iblock << LAB_BLOCK_SHIFT;
	struct lab_extent ext;
	int err;

	if (pos >= LAB_MAX_FILE_BYTES)
		return 0;		/* a read that reaches behind the largest file: a hole, and its end */
	err = lab_map(inode, pos, min_t(u64, bh->b_size, LAB_MAX_FILE_BYTES - pos), create ? LAB_MAP_CREATE : 0, &ext);
	if (err)
		return err;
	bh->b_size = ext.len_bytes;
	bh->b_blocknr = ext.sector >> (LAB_BLOCK_SHIFT - SECTOR_SHIFT);
	if (ext.type == LAB_MAPPED) {
		bh->b_state = BH_Mapped;
	} else if (create) {
		bh->b_state = BH_Mapped | BH_New;
		bh->b_private = &fs_unwritten;
	}
	return 0;
}

static int fs_end_io(struct inode *inode, loff_t pos, size_t bytes, void *private)
{
	return private ? lab_convert(inode, pos, bytes) : 0;
}

/* ---- open, close ---------------------------------------------------------------------------- */

static struct lab_file *file_alloc(const struct file_operations *f_op, const struct address_space_operations *f_aops,
				   struct inode *inode, struct block_device *bdev, bool is_bdev)
{
	struct lab_file *lf = kzalloc(sizeof(*lf), GFP_KERNEL);

	if (!lf)
		return ERR_PTR(-ENOMEM);
	lf->buffered = (struct file){
		.f_op = f_op, .f_aops = f_aops, .f_inode = inode, .f_bdev = bdev, .f_is_bdev = is_bdev,
	};
	lf->file = lf->buffered;
	lf->file.f_flags = O_DIRECT;
	return lf;
}

static struct lab_file *fs_open_file(struct inode *inode)
{
	return file_alloc(&fs_file_ops, &fs_aops, inode, lab_inode_bdev(inode), false);
}

static struct lab_file *fs_open_bdev(struct block_device *bdev)
{
	struct inode *inode = lab_bdev_inode_create(bdev);
	struct lab_file *lf;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	lf = file_alloc(&def_blk_fops, &def_blk_aops, inode, bdev, true);
	if (IS_ERR(lf))
		lab_inode_destroy(inode);
	return lf;
}

/* Whoever closes a block device last writes its pages back; there is no second one here. */
static void fs_close(struct lab_file *lf)
{
	if (lf->file.f_is_bdev) {
		lab_cache_write(lf->file.f_inode, 0, LAB_MAX_FILE_BYTES);
		lab_inode_destroy(lf->file.f_inode);
	}
	kfree(lf);
}

/* ---- read, write ---------------------------------------------------------------------------- */

static ssize_t fs_direct_IO(int rw, struct kiocb *iocb, const struct iovec *iov, loff_t pos, unsigned long nr_segs)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	ssize_t ret;

	ret = __blockdev_direct_IO(rw, iocb, LAB_BLOCK_SHIFT, iov, pos, nr_segs, fs_get_block, fs_end_io, DIO_LOCKING);
	if (rw == WRITE && ret < 0 && ret != -EIOCBQUEUED && pos + iocb->ki_nbytes > i_size_read(inode))
		lab_trim_eof(inode);
	return ret;
}

static const struct address_space_operations fs_aops = {
	.direct_IO	= fs_direct_IO,
};

/**
 * do_sync_read - ->read by ->aio_read
 * @file: any
 * @buf: memory of the task's kind: a program's address, or a kernel thread's
 * @len: bytes
 * @ppos: where; moves
 *
 * Context: task, sleeps. Return: bytes or -errno.
 */
ssize_t do_sync_read(struct file *file, void *buf, size_t len, loff_t *ppos)
{
	struct iovec iov = { .iov_base = (void __user *)buf, .iov_len = len };
	struct kiocb iocb;
	ssize_t ret;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = *ppos;
	iocb.ki_nbytes = len;
	ret = file->f_op->aio_read(&iocb, &iov, 1, *ppos);
	*ppos = iocb.ki_pos;
	return ret;
}

/**
 * do_sync_write - ->write by ->aio_write
 * @file: any; between file_start_write() and file_end_write()
 * @buf: memory of the task's kind: a program's address, or a kernel thread's
 * @len: bytes
 * @ppos: where; moves
 *
 * Context: task, sleeps. Return: bytes or -errno.
 */
ssize_t do_sync_write(struct file *file, const void *buf, size_t len, loff_t *ppos)
{
	struct iovec iov = { .iov_base = (void __user *)buf, .iov_len = len };
	struct kiocb iocb;
	ssize_t ret;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = *ppos;
	iocb.ki_nbytes = len;
	ret = file->f_op->aio_write(&iocb, &iov, 1, *ppos);
	*ppos = iocb.ki_pos;
	return ret;
}

/* ---- fsync, fallocate ----------------------------------------------------------------------- */

static int fs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file->f_inode;
	int err, flush_err;

	if (start || end != LAB_MAX_FILE_BYTES)
		err = filemap_write_and_wait_range(inode, start, end - start + 1);
	else
		err = lab_cache_sync(inode, &inode->i_mapping->wb_told);
	flush_err = lab_fsync(inode, datasync);
	return err ?: flush_err;
}

static long fs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	long ret = -EOPNOTSUPP;

	file_start_write(file);
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		ret = lab_punch(file->f_inode, offset, len);
	else if (mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
		ret = lab_zero(file->f_inode, offset, len);
	file_end_write(file);
	return ret;
}

static const struct file_operations fs_file_ops = {
	.read		= do_sync_read,
	.write		= do_sync_write,
	.aio_read	= generic_file_aio_read,
	.aio_write	= generic_file_aio_write,
	.splice_read	= generic_file_splice_read,
	.fsync		= fs_fsync,
	.fallocate	= fs_fallocate,
};

/**
 * vfs_fsync_range - make a part of a file or block device durable
 * @file: any
 * @start: first byte
 * @end: last byte
 * @datasync: what is not needed to read the data back may stay behind
 *
 * Context: task, sleeps. Return: 0 or -errno.
 */
int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync)
{
	return file->f_op->fsync(file, start, end, datasync);
}

/**
 * vfs_fsync - make a file or block device durable
 * @file: any
 * @datasync: what is not needed to read the data back may stay behind
 *
 * Context: task, sleeps. Return: 0 or -errno.
 */
int vfs_fsync(struct file *file, int datasync)
{
	return vfs_fsync_range(file, 0, LAB_MAX_FILE_BYTES, datasync);
}

/* ---- struct design -------------------------------------------------------------------------- */

static const char *design_unsupported(const struct lab_knobs *knobs)
{
	if (knobs->handoff == LAB_HANDOFF_INLINE)
		return "its loop driver is one thread that sleeps in the file: nothing of it can run in the submitter";
	if (knobs->loopq == LAB_LOOPQ_MQ)
		return "its loop driver takes bios: Linux 3.12 has no blk-mq";
	return NULL;
}

static ssize_t design_submit(struct lab_file *lf, struct lab_io *io)
{
	return aio_submit(unlikely(io->flags & LAB_IO_BUFFERED) ? &lf->buffered : &lf->file, io);
}

static int design_fsync(struct lab_file *lf, bool datasync)
{
	return vfs_fsync(&lf->file, datasync);
}

static loff_t design_size(struct lab_file *lf)
{
	return lf->file.f_is_bdev ? bdev_nr_bytes(lf->file.f_bdev) : i_size_read(lf->file.f_inode);
}

static const struct lab_variant design_variants[] = {
	{
		.name = "",
		.summary = "Linux 3.12 as it was: loop through the page cache, one thread, one bio at a time",
		.knobs = { .handoff = LAB_HANDOFF_WORKER, .alloc = LAB_ALLOC_KMALLOC },
	},
	{ }
};

const struct design design_buffered = {
	.name			= "buffered",
	.variants		= design_variants,
	.init			= dio_init,
	.exit			= dio_exit,
	.unsupported		= design_unsupported,
	.open_file		= fs_open_file,
	.open_bdev		= fs_open_bdev,
	.close			= fs_close,
	.submit			= design_submit,
	.fsync			= design_fsync,
	.size			= design_size,
	.loop_add		= loop_add,
	.loop_bdev		= loop_bdev,
	.loop_change_file	= loop_change_file,
	.loop_set_capacity	= loop_set_capacity,
	.loop_set_direct	= loop_set_direct,
	.loop_del		= loop_del,
};
