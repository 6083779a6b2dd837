/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - this design's VFS surface, that of Linux 3.12: files, their operations, those of what they are mapped
 * from, and the direct-IO core between a file and its blocks.
 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/types.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/uio.h>
#include <linux/aio.h>
#include <lab/fs.h>

struct block_device;
struct page;

/* f_flags */
#define O_DIRECT		1

/* fallocate() modes */
#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02
#define FALLOC_FL_ZERO_RANGE	0x10

/*
 * Called with each piece of a page that is read through the page cache. Bytes that it took: fewer end the read; or
 * -errno.
 */
typedef ssize_t (read_actor_t)(void *arg, struct page *page, unsigned int offset, unsigned int bytes);

/**
 * struct file_operations - what can be done with an open file
 * @read, @write: one piece of memory, waited for; by do_sync_read() and do_sync_write() through the next two
 * @aio_read, @aio_write: bytes, -errno, or -EIOCBQUEUED (struct kiocb)
 * @splice_read: [*ppos, *ppos + len) of the page cache to @actor, page by page; there is no pipe between. Bytes, short
 *	at the end of the file, or -errno
 * @fsync: make [start, end] durable; may sleep
 * @fallocate: punch or zero a range; may sleep. NULL where there is nothing to allocate
 */
struct file_operations {
	ssize_t (*read)(struct file *file, void *buf, size_t len, loff_t *ppos);
	ssize_t (*write)(struct file *file, const void *buf, size_t len, loff_t *ppos);
	ssize_t (*aio_read)(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos);
	ssize_t (*aio_write)(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos);
	ssize_t (*splice_read)(struct file *file, loff_t *ppos, size_t len, read_actor_t *actor, void *arg);
	int (*fsync)(struct file *file, loff_t start, loff_t end, int datasync);
	long (*fallocate)(struct file *file, int mode, loff_t offset, loff_t len);
};

/**
 * struct address_space_operations - what lies behind the pages
 * @direct_IO: O_DIRECT: around the pages. Bytes, -errno or -EIOCBQUEUED
 *
 * Reading a page in, preparing one for a write and writing back are the filesystem model's.
 */
struct address_space_operations {
	ssize_t (*direct_IO)(int rw, struct kiocb *iocb, const struct iovec *iov, loff_t pos,
			     unsigned long nr_segs);
};

/**
 * struct file - an inode, open for reading and writing; a block device has one too
 * @f_flags: O_DIRECT or 0
 * @f_bdev: the device that IO ends on: the filesystem's, or the block device itself
 * @f_is_bdev: @f_inode is that of @f_bdev
 * @f_ra_next: index after the page that was read last: a read there is sequential
 */
struct file {
	const struct file_operations *f_op;
	const struct address_space_operations *f_aops;
	unsigned int f_flags;
	bool f_is_bdev;
	struct inode *f_inode;
	struct block_device *f_bdev;
	pgoff_t f_ra_next;
};

/* The opaque handle of design.h. Two descriptors of one inode: the second goes through the page cache. */
struct lab_file {
	struct file file;
	struct file buffered;
};

extern const struct file_operations def_blk_fops;
extern const struct address_space_operations def_blk_aops;

/* ---- direct-io.c ---------------------------------------------------------------------------- */

/* b_state */
#define BH_Mapped	1	/* there are blocks */
#define BH_New		2	/* and nothing in them that may be seen */

/**
 * struct buffer_head - a question to a filesystem, and its answer
 * @b_size: bytes asked for, a multiple of the block; of the answer, no more than that
 * @b_blocknr: of the first block, in blocks of the filesystem
 * @b_private: what @end_io must do something about
 */
struct buffer_head {
	unsigned int b_state;
	size_t b_size;
	sector_t b_blocknr;
	void *b_private;
};

static inline bool buffer_mapped(const struct buffer_head *bh)
{
	return bh->b_state & BH_Mapped;
}

static inline bool buffer_new(const struct buffer_head *bh)
{
	return bh->b_state & BH_New;
}

typedef int (get_block_t)(struct inode *inode, sector_t iblock, struct buffer_head *bh, int create);
/* All of a direct IO is on disk. Task context if it had a b_private. 0 or -errno. */
typedef int (dio_iodone_t)(struct inode *inode, loff_t pos, size_t bytes, void *private);

#define DIO_LOCKING	1	/* a read takes i_rwsem, shared, until it is submitted */

ssize_t __blockdev_direct_IO(int rw, struct kiocb *iocb, unsigned int blkbits, const struct iovec *iov, loff_t pos,
			     unsigned long nr_segs, get_block_t *get_block, dio_iodone_t *end_io, unsigned int flags);
int dio_init(const struct lab_knobs *knobs);
void dio_exit(void);

/* ---- filemap.c, fs.c, bdev.c, loop.c -------------------------------------------------------- */

int filemap_write_and_wait_range(struct inode *inode, loff_t pos, size_t len_bytes);
ssize_t generic_file_aio_read(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos);
ssize_t generic_file_aio_write(struct kiocb *iocb, const struct iovec *iov, unsigned long nr_segs, loff_t pos);
ssize_t generic_file_splice_read(struct file *file, loff_t *ppos, size_t len, read_actor_t *actor, void *arg);
int generic_write_sync(struct file *file, loff_t pos, size_t len_bytes);

ssize_t do_sync_read(struct file *file, void *buf, size_t len, loff_t *ppos);
ssize_t do_sync_write(struct file *file, const void *buf, size_t len, loff_t *ppos);
int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync);
int vfs_fsync(struct file *file, int datasync);

/* 3.12 keeps a frozen filesystem from being written to around each call, where the call comes from. */
static inline void file_start_write(struct file *file)
{
	lab_sb_start_write(file->f_inode, false);
}

static inline void file_end_write(struct file *file)
{
	lab_sb_end_write(file->f_inode);
}

struct lab_loop *loop_add(struct lab_file *file, const struct lab_loop_opts *opts);
struct block_device *loop_bdev(struct lab_loop *loop);
int loop_change_file(struct lab_loop *loop, struct lab_file *file);
int loop_set_capacity(struct lab_loop *loop);
int loop_set_direct(struct lab_loop *loop, bool on);
void loop_del(struct lab_loop *loop);

#endif
