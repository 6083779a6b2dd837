/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - files, as this design sees them, and the method the design is about: ->dio_submit.
 *
 * A bio given to ->dio_submit addresses the file: bi_sector is the file position in 512-byte units, bi_bdev
 * means nothing. The filesystem finds out where on the device its bytes are and sends them there, split
 * where an extent ends. The method is a block device's, not a system call's: all or an error, never short;
 * what is in no extent, or beyond i_size, reads as zeros.
 *
 * The bio is the last member of a struct dio, the state that the filesystem needs until the last piece is
 * done. So nobody allocates for it: who submits takes the bio from a bio_set whose front_pad is (or ends
 * with) a struct dio.
 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/workqueue.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <lab/fs.h>

struct file;
struct iov_iter;
struct lab_knobs;
struct lab_loop;
struct lab_loop_opts;

/* ki_flags; all but IOCB_WRITE are those of struct lab_io */
#define IOCB_NOWAIT		(1 << 0)
#define IOCB_DSYNC		(1 << 1)
#define IOCB_APPEND		(1 << 2)
#define IOCB_WRITE		(1 << 3)
#define IOCB_HIPRI		(1 << 4)	/* the caller polls: the devices are told */

/**
 * struct kiocb - one call of ->read_iter or ->write_iter
 * @ki_filp: the file
 * @ki_pos: file position, bytes
 * @ki_complete: called with bytes or -errno if the method returned -EIOCBQUEUED; any context. NULL:
 *	synchronous
 * @ki_flags: IOCB_*
 * @ki_ioprio: of its bios; 0: none
 */
struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	void (*ki_complete)(struct kiocb *iocb, long ret);
	unsigned int ki_flags;
	u16 ki_ioprio;
};

static inline bool is_sync_kiocb(const struct kiocb *iocb)
{
	return !iocb->ki_complete;
}

/* flags of ->dio_submit */
#define DIO_NOBLOCK		(1 << 0)	/* -EAGAIN rather than wait: see ->dio_submit */
#define DIO_LOCKED		(1 << 1)	/* caller has i_rwsem exclusively to the end, sets i_size */
#define DIO_WAIT		(1 << 2)	/* of dio_rw() alone: not asynchronous, whatever the kiocb */

/**
 * struct dio_piece - the part of a bio that lies in one extent
 * @dio: what it is part of
 * @pos: file position of its first byte
 * @len_bytes: as submitted (bi_size does not survive the IO)
 * @flags: DIO_PIECE_* of direct-io.c
 * @done_node: on the file's list of things that need process context
 * @bio: what goes to the device: a split of the dio's bio, or, for the last piece, that bio itself
 */
struct dio_piece {
	struct dio *dio;
	loff_t pos;
	unsigned int len_bytes;
	unsigned int flags;
	struct llist_node done_node;
	struct bio bio;
};

/**
 * struct dio - a bio on its way through ->dio_submit
 * @file: where it is submitted
 * @end_io: the submitter's; called once, with bi_status, when every piece is done. Any context
 * @left: pieces not done, + 1 for who submits; looked at only if @counted: a bio that is one piece needs no
 *	count
 * @counted: set before the first piece is submitted that is not the last
 * @need_sync: some piece was not written with FUA although it should be durable
 * @status: the first error
 * @tail: the bio, which is also the piece that is submitted last
 */
struct dio {
	struct file *file;
	bio_end_io_t *end_io;
	atomic_t left;
	bool counted, need_sync;
	blk_status_t status;
#ifdef LAB_PLANT_H7
	bool held;
#endif
	struct dio_piece tail;
};

#define DIO_FRONT_PAD		offsetof(struct dio, tail.bio)

static inline struct dio *bio_dio(struct bio *bio)
{
	return container_of(bio, struct dio, tail.bio);
}

/**
 * dio_init - make a bio ready for ->dio_submit
 * @dio: around an initialised bio; its bi_end_io is the filesystem's from now on
 * @file: where it will be submitted
 * @end_io: as in struct dio
 *
 * Once for each bio, also if it is submitted again after -EAGAIN. Context: any.
 */
static inline void dio_init(struct dio *dio, struct file *file, bio_end_io_t *end_io)
{
	dio->file = file;
	dio->end_io = end_io;
	dio->counted = dio->need_sync = false;
	dio->status = BLK_STS_OK;
	dio->tail.dio = dio;		/* it may end without having been a piece */
	dio->tail.flags = 0;
#ifdef LAB_PLANT_H7
	dio->held = false;
#endif
}

#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02
#define FALLOC_FL_ZERO_RANGE	0x10

/**
 * struct file_operations - what a file can do
 * @read_iter: read into user memory; bytes, -errno or -EIOCBQUEUED
 * @write_iter: write from user memory; the same
 * @dio_submit: read or write pinned memory (see the head of this file). REQ_FUA: durable when it ends.
 *	REQ_NOWAIT: if one mapping spans the bio and nothing has to be waited for, else it ends with
 *	BLK_STS_AGAIN before any side effect. Returns 0: end_io was called or will be. With DIO_NOBLOCK also
 *	-EAGAIN: going on would have to wait; the bio was advanced past the pieces that are on their way, it
 *	was not ended, and is to be submitted again from where waiting is allowed. Between, the filesystem
 *	holds no lock and no count for it. Context: task; with DIO_NOBLOCK also under a block driver's
 *	->submit_bio or ->queue_rq. Of a descriptor without O_DIRECT: through the page cache, without DIO_NOBLOCK
 *	and REQ_NOWAIT, and has ended when this returns
 * @fsync: make [start, end] durable; may sleep
 * @fallocate: punch or zero a range; may sleep
 *
 * Who writes, through any of them, has lab_sb_start_write() until that has ended.
 */
struct file_operations {
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *to);
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *from);
	int (*dio_submit)(struct file *file, struct bio *bio, unsigned int flags);
	int (*fsync)(struct file *file, loff_t start, loff_t end, int datasync);
	long (*fallocate)(struct file *file, int mode, loff_t offset, loff_t len);
};

/**
 * struct dio_map_ops - what the generic dio_submit_mapped() asks of a filesystem
 * @map: as lab_map()
 * @convert: [pos, pos + len) is on disk now and no longer unwritten. Process context, may sleep
 */
struct dio_map_ops {
	int (*map)(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags,
		   struct lab_extent *out);
	int (*convert)(struct inode *inode, loff_t pos, u64 len_bytes);
};

/**
 * struct file - an open file or block device
 * @f_op: its methods
 * @f_map_ops: NULL for a block device
 * @f_inode: NULL for a block device
 * @f_bdev: the device its data is on: for alignment and FUA
 * @f_wb_err: errors of write-back up to which this descriptor has been told: lab_wb_check()
 * @f_pieces: what a bio's pieces come from, with a reserve of its own: what is kept back for all files together would
 *	be held by those above a loop device, who wait for those below. Not of a block device
 * @f_done_wq: runs @f_done_work: conversions and flushes after IO (one per file: files nest through loop
 *	devices)
 * @f_done: struct dio_piece waiting for it
 */
struct file {
	const struct file_operations *f_op;
	const struct dio_map_ops *f_map_ops;
	struct inode *f_inode;
	struct block_device *f_bdev;
	errseq_t f_wb_err;
	struct bio_set f_pieces;
	struct workqueue_struct *f_done_wq;
	struct llist_head f_done;
	struct work_struct f_done_work;
};

/*
 * What crosses design.h. Two descriptors of one inode: the first is O_DIRECT, the second
 * goes through the page cache (LAB_IO_BUFFERED). Of a block device the second alone has an
 * inode, that of the device's pages: what goes past them needs no map.
 */
struct lab_file {
	struct file file;
	struct file buffered;
};

/* fs.c */
int vfs_fsync(struct file *file, int datasync);

/* filemap.c */
int filemap_dio_read_begin(struct inode *inode, loff_t pos, size_t len_bytes, bool nowait);
int filemap_dio_write_begin(struct inode *inode, loff_t pos, size_t len_bytes, bool nowait);
void filemap_dio_write_end(struct inode *inode, loff_t pos, size_t len_bytes);
int filemap_write_done(struct inode *inode, loff_t pos, size_t len_bytes, u32 errors, errseq_t *seen);
ssize_t filemap_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t generic_perform_write(struct kiocb *iocb, struct iov_iter *from);
int filemap_read_bio(struct inode *inode, struct bio *bio);
int filemap_write_bio(struct inode *inode, struct bio *bio);

/* direct-io.c, direct-io-end.c */
int dio_sets_alloc(struct file *file);
void dio_sets_free(struct file *file);
void dio_end_init(const struct lab_knobs *knobs);
int dio_submit_mapped(struct file *file, struct bio *bio, unsigned int flags);
void dio_done_work(struct work_struct *work);

/* dio-user.c */
int dio_user_init(const struct lab_knobs *knobs);
void dio_user_exit(void);
ssize_t dio_rw(struct kiocb *iocb, struct iov_iter *iter, size_t count, unsigned int flags);

/* bdev.c */
extern const struct file_operations def_blk_fops, def_blk_buffered_fops;

/* The inode of a block device's pages; @file: its first descriptor. As I_BDEV()'s way back. */
static inline struct inode *bdev_file_inode(struct file *file)
{
	return container_of(file, struct lab_file, file)->buffered.f_inode;
}

/* loop.c */
int loop_init(const struct lab_knobs *knobs);
void loop_exit(void);
struct lab_loop *loop_add(struct lab_file *file, const struct lab_loop_opts *opts);
struct block_device *loop_bdev(struct lab_loop *loop);
int loop_change_file(struct lab_loop *loop, struct lab_file *file);
int loop_set_capacity(struct lab_loop *loop);
int loop_set_direct(struct lab_loop *loop, bool on);
void loop_del(struct lab_loop *loop);

#endif
