// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c - files of the filesystem model under this design: get_block over its map, the methods, and the
 * design's one exported symbol at the end.
 *
 * The filesystem is one with unwritten extents that leaves holes inside the file to the page cache
 * (DIO_SKIP_HOLES): what a direct write allocates lies behind the end of the file. i_rwsem is what i_mutex was:
 * taken exclusively by every write, and by every direct read while it is submitted.
 *
 * One rule is the filesystem's own, as it was ext4's: a write that does not begin and end on fs blocks comes
 * after all that is in flight, and is waited for: it zeroes what it leaves out of a block that is unwritten,
 * which must not come after somebody else's data for that block.
 *
 * Source: the rules of ext2_direct_IO() and ext4_file_dio_write(), Linux 3.12.
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

static int fs_map_block(struct inode *inode, sector_t iblock, struct buffer_head *bh, unsigned int flags,
			bool write)
{
	loff_t pos = (loff_t)iblock << inode->i_blkbits;
	struct lab_extent ext;
	int err;

	if (pos >= LAB_MAX_FILE_BYTES)
		return 0;		/* a read that reaches behind the largest file: a hole, and its end */
	err = lab_map(inode, pos, min_t(u64, bh->b_size, LAB_MAX_FILE_BYTES - pos), flags, &ext);
	if (err)
		return err;
	if (ext.type == LAB_HOLE || (ext.type == LAB_UNWRITTEN && !write))
		return 0;
	bh->b_state = BH_Mapped;
	bh->b_blocknr = ext.sector >> (inode->i_blkbits - SECTOR_SHIFT);
	bh->b_size = ext.len_bytes;
	bh->b_bdev = ext.bdev;
	if (ext.type == LAB_UNWRITTEN) {
		bh->b_state |= BH_New | BH_Defer_Completion;
		bh->b_private = inode;		/* something is to be converted */
	}
	return 0;
}

static int fs_get_block(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create)
{
	return fs_map_block(inode, iblock, bh, 0, false);
}

static int fs_get_block_write(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create)
{
	return fs_map_block(inode, iblock, bh, create ? LAB_MAP_CREATE : 0, true);
}

static int fs_end_io(struct kiocb *iocb, loff_t offset, ssize_t bytes, void *private)
{
	return private ? lab_convert(private, offset, bytes) : 0;
}

/* ---- open, close ---------------------------------------------------------------------------- */

static struct lab_file *file_alloc(const struct file_operations *f_op,
				   const struct address_space_operations *f_aops, struct inode *inode,
				   struct block_device *bdev)
{
	struct lab_file *lf = kzalloc(sizeof(*lf), GFP_KERNEL);
	unsigned int flags;

	if (!lf)
		return ERR_PTR(-ENOMEM);
	for (flags = 0; flags < FS_NR_DESCRIPTORS; flags++) {
		struct file *file = &lf->fd[flags];

		/* Of a block device there are those without a page cache only. */
		file->f_op = inode || (flags & O_DIRECT) ? f_op : NULL;
		file->f_aops = f_aops;
		file->f_flags = flags;
		file->f_inode = inode;
		file->f_bdev = bdev;
		atomic_set(&file->f_count, 1);
		atomic_set(&file->f_lab_kiocbs, 0);
	}
	return lf;
}

static struct lab_file *fs_open_file(struct inode *inode)
{
	return file_alloc(&fs_file_ops, &fs_aops, inode, lab_inode_bdev(inode));
}

static struct lab_file *fs_open_bdev(struct block_device *bdev)
{
	return file_alloc(&def_blk_fops, &def_blk_aops, NULL, bdev);
}

static void fs_close(struct lab_file *lf)
{
	unsigned int flags;

	for (flags = 0; flags < FS_NR_DESCRIPTORS; flags++) {
		aio_lab_wait_none(&lf->fd[flags]);
		fput(&lf->fd[flags]);
		WARN_ON(atomic_read(&lf->fd[flags].f_count));
	}
	kfree(lf);
}

/* ---- read, write ---------------------------------------------------------------------------- */

static ssize_t fs_direct_IO(int rw, struct kiocb *iocb, struct iov_iter *iter, loff_t offset)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct block_device *bdev = iocb->ki_filp->f_bdev;
	loff_t end = offset + iov_iter_count(iter);
	int flags = DIO_LOCKING | DIO_SKIP_HOLES;
	ssize_t ret;

	if (rw == RW_READ)
		return __blockdev_direct_IO(rw, iocb, inode, bdev, iter, offset, fs_get_block, NULL, NULL, flags);
	if ((offset | end) & (LAB_BLOCK_BYTES - 1)) {
		lab_inode_dio_wait(inode);
		flags |= DIO_FORCE_WAIT;
	}
	ret = __blockdev_direct_IO(rw, iocb, inode, bdev, iter, offset, fs_get_block_write, fs_end_io, NULL,
				   flags);
	if (ret < 0 && ret != -EIOCBQUEUED && end > i_size_read(inode))
		lab_trim_eof(inode);
	return ret;
}

static const struct address_space_operations fs_aops = {
	.direct_IO	= fs_direct_IO,
};

/* ---- fsync, fallocate ----------------------------------------------------------------------- */

static int fs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file->f_inode;
	int err, flush_err;

	if (start || end < LAB_MAX_FILE_BYTES - 1)
		err = filemap_write_and_wait_range(inode, start, end - start + 1);
	else
		err = lab_cache_sync(inode, &inode->i_mapping->wb_told);
	flush_err = lab_fsync(inode, datasync);
	return err ?: flush_err;
}

static long fs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file->f_inode;
	int ret;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	lab_sb_start_write(inode, false);
	ret = lab_punch(inode, offset, len);
	lab_sb_end_write(inode);
	return ret;
}

static const struct file_operations fs_file_ops = {
	.read_iter	= generic_file_read_iter,
	.write_iter	= generic_file_write_iter,
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
	return vfs_fsync_range(file, 0, LAB_MAX_FILE_BYTES - 1, datasync);
}

/* ---- struct design -------------------------------------------------------------------------- */

static int design_init(const struct lab_knobs *knobs)
{
	int err = aio_init();

	if (err)
		return err;
	err = dio_init(knobs);
	if (err)
		aio_exit();
	return err;
}

static void design_exit(void)
{
	dio_exit();
	aio_exit();
}

static const char *design_unsupported(const struct lab_knobs *knobs)
{
	if (knobs->handoff != LAB_HANDOFF_WORKER)
		return "its direct IO sleeps in the filesystem, so every bio goes to the device's one thread: "
		       "handoff=inline cannot be";
	if (knobs->loopq != LAB_LOOPQ_BIO)
		return "a kiocb is made for each bio that its thread takes off a list: loopq=mq came two years later";
	if (knobs->alloc != LAB_ALLOC_KMALLOC)
		return "kiocb and dio come from slabs that may be empty (D5): alloc=pool would be another design";
	return NULL;
}

/* Flags of the call were flags of the descriptor then; and who may not wait did not exist. */
static ssize_t design_submit(struct lab_file *lf, struct lab_io *io)
{
	unsigned int flags = (io->flags & LAB_IO_APPEND ? O_APPEND : 0) |
			     (io->flags & LAB_IO_DSYNC ? O_DSYNC : 0) |
			     (io->flags & LAB_IO_BUFFERED ? 0 : O_DIRECT);

	if ((io->flags & LAB_IO_NOWAIT) || !lf->fd[flags].f_op)
		return -EOPNOTSUPP;
	return aio_submit(&lf->fd[flags], io);
}

static int design_fsync(struct lab_file *lf, bool datasync)
{
	return vfs_fsync(&lf->fd[O_DIRECT], datasync);
}

static loff_t design_size(struct lab_file *lf)
{
	struct file *file = &lf->fd[O_DIRECT];

	return file->f_inode ? i_size_read(file->f_inode) : bdev_nr_bytes(file->f_bdev);
}

static const struct lab_variant design_variants[] = {
	{
		.name = "",
		.summary = "2013 as submitted: iov_iter_ops, a kiocb per bio, get_block per page; its defects are kept",
		.knobs = {
			.handoff = LAB_HANDOFF_WORKER, .alloc = LAB_ALLOC_KMALLOC, .loopq = LAB_LOOPQ_BIO,
		},
	},
	{ }
};

const struct design design_iter_ops = {
	.name			= "iter-ops",
	.variants		= design_variants,
	.defects		= 1u << LAB_D1 | 1u << LAB_D2 | 1u << LAB_D3 | 1u << LAB_D4 | 1u << LAB_D5 |
				  1u << LAB_F1 | 1u << LAB_F2 | 1u << LAB_F3,
	.init			= design_init,
	.exit			= design_exit,
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
	.loop_del		= loop_del,
};
