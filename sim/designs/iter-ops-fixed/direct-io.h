/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * direct-io.h - private to direct-io.c (the way down) and direct-io-end.c (memory of a dio, and the way up).
 */
#ifndef DIRECT_IO_H
#define DIRECT_IO_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/llist.h>

/**
 * struct dio_piece - the part of a dio that lies in one extent
 * @pos: in the file, bytes
 * @len_bytes: of the part
 * @error: first error of its bios
 * @bios: those in flight and the builder; only if @multi
 * @multi: more than one bio
 * @unwritten: to be converted before it is done
 * @wrote: leaves something in the device's cache
 * @done_node: on the file's list of what needs process context: to be converted, or, of the dio's
 *	first piece, the dio's end
 * @bio: the first or only one. Lives as long as the piece
 */
struct dio_piece {
	struct dio *dio;
	loff_t pos;
	u32 len_bytes;
	int error;
	atomic_t bios;
	bool multi, unwritten, wrote;
	struct llist_node done_node;
	struct bio bio;
};

/**
 * struct dio - one direct read or write
 * @i_size: at the start of a read
 * @done_bytes: that the walk covered: submitted, or zeroed in place
 * @waiter: the task in dio_wait(); NULL: done, or nobody waits
 * @polled: what dio_wait() polls, with a reference: its first bio; NULL: it sleeps. Only if @wait
 * @error: first error of a piece or of the walk
 * @ref: submitter and pieces; only if @multi
 * @multi: more than one reference was ever taken
 * @embedded: lives in front of the first piece; else in dio_cache (knob alloc=kmalloc)
 * @extend: the write ends beyond i_size, which it sets at its end; waited for, under i_rwsem held exclusively
 * @dirty: read into user memory
 * @need_sync: IOCB_DSYNC, and not every piece was written through with REQ_FUA
 */
struct dio {
	struct kiocb *iocb;
	struct file *file;
	loff_t pos, i_size;
	size_t done_bytes;
	struct task_struct *waiter;
	struct bio *polled;
	int error;
	atomic_t ref;
	bool write, wait, extend, dirty, multi, embedded, need_sync;
	struct dio_piece first;		/* last: its bio's inline vecs follow */
};

/* What a submission knows; ends with it. */
struct dio_walk {
	struct kiocb *iocb;
	struct iov_iter *iter;
	struct file *file;
	struct inode *inode;
	struct dio *dio;
	struct bio *polled;
	loff_t start, pos, end, i_size;
	unsigned int map_flags;
	gfp_t gfp;
	bool write, wait, extend, checked, handed, plugged;
	struct blk_plug plug;
};

static inline bool piece_holds_dio(const struct dio_piece *piece)
{
	return piece->dio->embedded && piece == &piece->dio->first;
}

/* Of a dio or a piece: the first error stays. Any context. */
static inline void dio_note_error(int *first, int error)
{
	if (error)
		cmpxchg(first, 0, error);
}

struct dio_piece *piece_alloc(struct dio_walk *w, struct block_device *bdev, u32 len_bytes);
void piece_abort(struct dio_walk *w, struct dio_piece *piece);
struct bio *piece_extra_bio(struct dio_walk *w, struct block_device *bdev, unsigned int nr_vecs);
void dio_abort(struct dio *dio);
void dio_end_io(struct bio *bio);
void piece_drop(struct dio_piece *piece);
void dio_drop(struct dio *dio);

#endif
