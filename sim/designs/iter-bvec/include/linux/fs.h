/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - this design's VFS surface: files, their operations, and the direct-IO core between a file and its
 * map.
 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/types.h>
#include <linux/err.h>
#include <linux/llist.h>
#include <linux/workqueue.h>
#include <linux/uio.h>
#include <linux/aio.h>
#include <lab/fs.h>

struct block_device;
struct dio;

enum { VARIANT_PLAIN, VARIANT_61 };	/* struct lab_knobs' variant */

/* fallocate() modes */
#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02
#define FALLOC_FL_ZERO_RANGE	0x10

/**
 * struct file_operations - what can be done with an open file
 * @read_iter, @write_iter: bytes, -errno, or -EIOCBQUEUED (struct kiocb). Move the iterator over what
 *	they took
 * @fsync: make [start, end] durable; may sleep
 * @fallocate: punch or zero a range; may sleep. NULL where there is nothing to allocate
 */
struct file_operations {
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *to);
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *from);
	int (*fsync)(struct file *file, loff_t start, loff_t end, int datasync);
	long (*fallocate)(struct file *file, int mode, loff_t offset, loff_t len);
};

/**
 * struct file - an inode or a block device, open O_DIRECT | O_RDWR
 * @f_inode: NULL for a block device
 * @f_bdev: the device that IO ends on: the filesystem's, or the block device itself
 * @f_wb_err: errors of write-back up to which this descriptor has been told: lab_wb_check()
 * @f_dio_ops: NULL for a block device
 * @f_dio_sets: bios for direct IO, with a reserve of its own: files below this one have theirs; NULL for a block device
 * @f_done_work: works on @f_done: pieces and dios whose end needs process context (direct-io-end.c)
 * @f_done_wq: runs it. One for each file: such an end may flush, and wait for the ends of a file below. NULL for a block
 *	device
 */
struct file {
	const struct file_operations *f_op;
	const struct dio_ops *f_dio_ops;
	struct inode *f_inode;
	struct block_device *f_bdev;
	errseq_t f_wb_err;
	struct dio_sets *f_dio_sets;
	struct llist_head f_done;
	struct work_struct f_done_work;
	struct workqueue_struct *f_done_wq;
};

/*
 * The opaque handle of design.h. Two descriptors of one inode: the first is O_DIRECT, the second
 * goes through the page cache (LAB_IO_BUFFERED). Of a block device the second alone has an
 * inode, that of the device's pages: what goes past them needs no map.
 */
struct lab_file {
	struct file file;
	struct file buffered;
};

extern const struct file_operations def_blk_fops, def_blk_61_fops, def_blk_buffered_fops;

/* The inode of a block device's pages; @file: its first descriptor. As I_BDEV()'s way back. */
static inline struct inode *bdev_file_inode(struct file *file)
{
	return container_of(file, struct lab_file, file)->buffered.f_inode;
}

/* ---- direct-io.c ---------------------------------------------------------------------------- */

/**
 * struct dio_ops - what direct IO asks of a filesystem
 * @map: as lab_map(); the answer may be shorter than asked for, never longer
 * @convert: [pos, pos + len) is on disk now: no longer unwritten. Task context, may sleep
 */
struct dio_ops {
	int (*map)(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags,
		   struct lab_extent *out);
	int (*convert)(struct inode *inode, loff_t pos, u64 len_bytes);
};

#define DIO_FORCE_WAIT	1	/* wait even for an asynchronous kiocb: the lock is held to its end */

ssize_t dio_submit(struct kiocb *iocb, struct iov_iter *iter, unsigned int flags, struct dio **waited);
ssize_t dio_wait(struct dio *dio);
void dio_done_work(struct work_struct *work);
int dio_init(const struct lab_knobs *knobs);
void dio_exit(void);
int dio_sets_alloc(struct file *file);
void dio_sets_free(struct file *file);

/* ---- direct-io-61.c: the same as Linux 6.1 has it, waiting included ------------------------- */

ssize_t iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, unsigned int flags);
int iomap_dio_alloc_wq(struct file *file);
int iomap_dio_init(const struct lab_knobs *knobs);
void iomap_dio_exit(void);

/* ---- filemap.c, fs.c, bdev.c, loop.c -------------------------------------------------------- */

int filemap_dio_read_begin(struct inode *inode, loff_t pos, size_t len_bytes, bool nowait);
int filemap_dio_write_begin(struct inode *inode, loff_t pos, size_t len_bytes, bool nowait);
void filemap_dio_write_end(struct inode *inode, loff_t pos, size_t len_bytes);
int filemap_write_done(struct inode *inode, loff_t pos, size_t len_bytes, u32 errors, errseq_t *seen);
ssize_t filemap_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t generic_perform_write(struct kiocb *iocb, struct iov_iter *from);

int vfs_fsync(struct file *file, int datasync);

int bdev_init(const struct lab_knobs *knobs);
void bdev_exit(void);

int loop_init(const struct lab_knobs *knobs);
void loop_exit(void);
struct lab_loop *loop_add(struct lab_file *file, const struct lab_loop_opts *opts);
struct block_device *loop_bdev(struct lab_loop *loop);
int loop_change_file(struct lab_loop *loop, struct lab_file *file);
int loop_set_capacity(struct lab_loop *loop);
int loop_set_direct(struct lab_loop *loop, bool on);
void loop_del(struct lab_loop *loop);

#endif
