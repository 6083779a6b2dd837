/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - this design's VFS surface: files and their operations with an iov_iter and a position, and
 * fs/direct-io.c's with get_block.
 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/uio.h>
#include <linux/aio.h>
#include <lab/fs.h>

struct block_device;
struct bio;
struct workqueue_struct;

/* rw, as the VFS passes it around */
#define RW_READ			0
#define RW_WRITE		1

/* fallocate() modes */
#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02

/* f_flags: in 2013 durability and appending belonged to the descriptor, not to the call */
#define O_APPEND		1u
#define O_DSYNC			2u
#define O_DIRECT		4u
#define FS_NR_DESCRIPTORS	8	/* one for each combination */

/**
 * struct file_operations - what can be done with an open file
 * @read_iter, @write_iter: bytes, -errno, or -EIOCBQUEUED when aio_complete() will be called. @pos is
 *	iocb->ki_pos. The iterator stays where it is
 * @fsync: make [start, end] durable; may sleep
 * @fallocate: punch a range; may sleep. NULL where there is nothing to allocate
 */
struct file_operations {
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *iter, loff_t pos);
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *iter, loff_t pos);
	int (*fsync)(struct file *file, loff_t start, loff_t end, int datasync);
	long (*fallocate)(struct file *file, int mode, loff_t offset, loff_t len);
};

/**
 * struct address_space_operations - between the page cache and the filesystem; what is not here is lab/fs.h's
 * @direct_IO: bytes, fewer where the rest must go through the page cache; -errno or -EIOCBQUEUED
 */
struct address_space_operations {
	ssize_t (*direct_IO)(int rw, struct kiocb *iocb, struct iov_iter *iter, loff_t offset);
};

/**
 * struct file - an inode or a block device, open for reading and writing
 * @f_aops: of its mapping
 * @f_flags: O_*
 * @f_inode: NULL for a block device
 * @f_bdev: the device that IO ends on: the filesystem's, or the block device itself
 * @f_count: who opened it, and loop devices on it
 * @f_lab_kiocbs: the kernel's kiocbs on their way through it, none of which is in @f_count. The laboratory's
 *	own: it shows D3, and keeps close() from making a real use after free of it
 * @f_lab_done_wq: ends of direct IO that need process context; the descriptors of a file have one together. In 2013 it was
 *	the filesystem's: an end may flush, and wait for the ends of a file below, which is of another
 */
struct file {
	const struct file_operations *f_op;
	const struct address_space_operations *f_aops;
	unsigned int f_flags;
	struct inode *f_inode;
	struct block_device *f_bdev;
	atomic_t f_count;
	atomic_t f_lab_kiocbs;
	struct workqueue_struct *f_lab_done_wq;
};

/* The opaque handle of design.h: all descriptors of one inode or block device, by f_flags. */
struct lab_file {
	struct file fd[FS_NR_DESCRIPTORS];
};

static inline struct file *get_file(struct file *file)
{
	atomic_inc(&file->f_count);
	return file;
}

/* The memory is the laboratory's and goes with close(). */
static inline void fput(struct file *file)
{
	WARN_ON(atomic_dec_return(&file->f_count) < 0);
}

extern const struct file_operations def_blk_fops;
extern const struct address_space_operations def_blk_aops;

/* ---- direct-io.c ---------------------------------------------------------------------------- */

/* b_state */
#define BH_New			1u	/* the blocks held nothing before: what is not written must be zeroed */
#define BH_Mapped		2u
#define BH_Boundary		4u	/* metadata will have to be read before the next block */
#define BH_Defer_Completion	8u	/* the end of the IO needs process context */

/**
 * struct buffer_head - the question and the answer of get_block
 * @b_blocknr: of the first block on @b_bdev, in fs blocks
 * @b_size: bytes asked for, and mapped
 * @b_bdev: preset to the device that direct IO was called for
 * @b_private: kept from one call to the next, for the filesystem's end_io
 */
struct buffer_head {
	unsigned int b_state;
	sector_t b_blocknr;
	size_t b_size;
	struct block_device *b_bdev;
	void *b_private;
};

#define buffer_new(bh)			((bh)->b_state & BH_New)
#define buffer_mapped(bh)		((bh)->b_state & BH_Mapped)
#define buffer_boundary(bh)		((bh)->b_state & BH_Boundary)
#define buffer_defer_completion(bh)	((bh)->b_state & BH_Defer_Completion)

/* Where is block @iblock? @create: allocate it if it is nowhere. 0, unmapped too, or -errno. May sleep. */
typedef int (get_block_t)(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create);
/* All bios have ended, well: 0 or -errno. Process context if a get_block asked for that. */
typedef int (dio_iodone_t)(struct kiocb *iocb, loff_t offset, ssize_t bytes, void *private);
typedef void (dio_submit_t)(int rw, struct bio *bio, struct inode *inode, loff_t file_offset);

#define DIO_LOCKING	1	/* i_rwsem, as the i_mutex it was: taken here for a read, held by the caller of a write */
#define DIO_SKIP_HOLES	2	/* do not fill holes inside the file */
#define DIO_FORCE_WAIT	4	/* ours: wait even for an asynchronous kiocb: the lock is held to its end */

ssize_t __blockdev_direct_IO(int rw, struct kiocb *iocb, struct inode *inode, struct block_device *bdev,
			     struct iov_iter *iter, loff_t offset, get_block_t *get_block,
			     dio_iodone_t *end_io, dio_submit_t *submit_io, int flags);
int dio_init(const struct lab_knobs *knobs);
void dio_exit(void);

/* ---- filemap.c, fs.c, bdev.c, loop.c -------------------------------------------------------- */

int filemap_write_and_wait_range(struct inode *inode, loff_t pos, size_t len_bytes);
void filemap_dio_write_end(struct inode *inode, loff_t pos, size_t len_bytes);
ssize_t generic_file_read_iter(struct kiocb *iocb, struct iov_iter *iter, loff_t pos);
ssize_t generic_file_write_iter(struct kiocb *iocb, struct iov_iter *iter, loff_t pos);

int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync);
int vfs_fsync(struct file *file, int datasync);
int generic_write_sync(struct file *file, loff_t pos, size_t count);

struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts);
struct block_device *loop_bdev(struct lab_loop *loop);
int loop_change_file(struct lab_loop *loop, struct lab_file *lf);
int loop_set_capacity(struct lab_loop *loop);
void loop_del(struct lab_loop *loop);

#endif
