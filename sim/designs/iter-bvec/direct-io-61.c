// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io-61.c - direct IO of a file as Linux 6.1 spends on it; the variant @6.1 comes this way instead of
 * through direct-io.c and direct-io-end.c.
 *
 * One call is a struct iomap_dio, from kmalloc, which holds one i_dio_count and a reference count that starts
 * at one for the submitter and has one more for each bio. Bios stand alone: each comes from the one set that
 * everybody shares. For each extent that the filesystem reports, bios are filled from the iterator up to the
 * extent's end.
 *
 *	submitter --> iomap_dio <-- bio, bio, edge		completion: bio --> iomap_dio --> (work item)
 *
 * Whoever drops the last reference ends the call: the submitter itself if it is that late, the waiter, whom the
 * last bio wakes, the last bio of an asynchronous read; an asynchronous write always ends in a work item, since
 * its end might convert or flush. Unwritten extents are converted all together, then.
 *
 * What differs from 6.1 is in NOTES.md. Source: fs/iomap/direct-io.c and ext4's ->end_io, Linux 6.1.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/* flags of a struct iomap_dio */
#define DIO_WRITE	1
#define DIO_DIRTY	2	/* read into user memory */
#define DIO_FUA		4	/* every bio so far was written through */
#define DIO_NEED_SYNC	8
#define DIO_UNWRITTEN	16	/* something is to be converted */
#define DIO_WROTE	32	/* the device's cache holds something */

/**
 * struct iomap_dio - one direct read or write
 * @i_size: at the start
 * @size: bytes submitted, or zeroed in place
 * @ref: submitter and bios in flight
 * @error: the first
 * @wait: somebody waits; set before the submitter drops its reference
 * @iter, @waiter: while it is submitted, or waited for
 * @work: when it ends elsewhere
 */
struct iomap_dio {
	struct kiocb *iocb;
	loff_t i_size;
	size_t size;
	atomic_t ref;
	unsigned int flags;
	int error;
	bool wait;
	union {
		struct {
			struct iov_iter *iter;
			struct task_struct *waiter;
		};
		struct work_struct work;
	};
};

static struct kmem_cache *iomap_dio_cache;
static struct workqueue_struct *iomap_dio_wq;
static bool iomap_reads_on_wq;

static inline void iomap_dio_error(struct iomap_dio *dio, int error)
{
	if (error)
		cmpxchg(&dio->error, 0, error);
}

/* ---- complete, end_io ----------------------------------------------------------------------- */

/* What the filesystem does with data that is on disk: convert it, then publish its size. */
static int iomap_dio_written(struct iomap_dio *dio)
{
	struct file *file = dio->iocb->ki_filp;
	loff_t pos = dio->iocb->ki_pos, end = pos + dio->size;

	if (dio->flags & DIO_UNWRITTEN) {
		int err = file->f_dio_ops->convert(file->f_inode, pos, dio->size);

		if (err)
			return err;
	}
	if (end > i_size_read(file->f_inode))	/* then this waits, and i_rwsem is still held exclusively */
		i_size_write(file->f_inode, end);
	return 0;
}

/* Nothing refers to @dio any more. Frees it; bytes or -errno. */
static ssize_t iomap_dio_complete(struct iomap_dio *dio)
{
	struct kiocb *iocb = dio->iocb;
	struct inode *inode = iocb->ki_filp->f_inode;
	ssize_t ret = dio->error;

	if (dio->flags & DIO_WROTE)
		lab_fs_wrote(inode);
	if (!ret && dio->size && (dio->flags & DIO_WRITE))
		ret = iomap_dio_written(dio);
	if (!ret) {
		ret = dio->size;
		if (!(dio->flags & DIO_WRITE))
			ret = min_t(loff_t, ret, dio->i_size - iocb->ki_pos);
	}
	if (dio->size && (dio->flags & DIO_WRITE))
		filemap_dio_write_end(inode, iocb->ki_pos, dio->size);
	lab_inode_dio_end(inode);
	if (ret > 0) {
		iocb->ki_pos += ret;
		if (dio->flags & DIO_NEED_SYNC) {
			int err = lab_wb_check(inode, &iocb->ki_filp->f_wb_err) ?: lab_fsync(inode, true);

			if (err)
				ret = err;
		}
	}
	kmem_cache_free(iomap_dio_cache, dio);
	return ret;
}

static void iomap_dio_complete_async(struct iomap_dio *dio)
{
	struct kiocb *iocb = dio->iocb;
	ssize_t ret = iomap_dio_complete(dio);

	iocb->ki_complete(iocb, ret);
}

static void iomap_dio_work(struct work_struct *work)
{
	iomap_dio_complete_async(container_of(work, struct iomap_dio, work));
}

/* The last bio has ended. Any context. */
static void iomap_dio_last_bio(struct iomap_dio *dio)
{
	if (dio->wait) {
		struct task_struct *waiter = dio->waiter;

		smp_store_release(&dio->waiter, NULL);	/* it may free the dio from here on */
		wake_up_process(waiter);
	} else if ((dio->flags & DIO_WRITE) || iomap_reads_on_wq) {
		INIT_WORK(&dio->work, iomap_dio_work);
		queue_work(iomap_dio_wq, &dio->work);
	} else {
		iomap_dio_complete_async(dio);
	}
}

static void iomap_dio_end_io(struct bio *bio)
{
	struct iomap_dio *dio = bio->bi_private;
	bool dirty = dio->flags & DIO_DIRTY;

	iomap_dio_error(dio, blk_status_to_errno(bio->bi_status));
	if (atomic_dec_and_test(&dio->ref))
		iomap_dio_last_bio(dio);
	if (dirty) {
		bio_check_pages_dirty(bio);
	} else {
		bio_release_pages(bio, false);
		bio_put(bio);
	}
}

/* ---- submit a bio --------------------------------------------------------------------------- */

/* @pos: of its first byte. @ext may begin later, in the same block. */
static struct bio *iomap_dio_bio(struct iomap_dio *dio, const struct lab_extent *ext, loff_t pos,
				 unsigned int nr_vecs, blk_opf_t opf)
{
	struct bio *bio = bio_alloc(ext->bdev, nr_vecs, opf, GFP_KERNEL);

	bio->bi_iter.bi_sector = pos >= ext->pos ? ext->sector + ((pos - ext->pos) >> SECTOR_SHIFT) :
						   ext->sector - ((ext->pos - pos) >> SECTOR_SHIFT);
	bio->bi_private = dio;
	bio->bi_end_io = iomap_dio_end_io;
	return bio;
}

static void iomap_dio_submit(struct iomap_dio *dio, struct bio *bio)
{
	if (op_is_write(bio->bi_opf) && !(bio->bi_opf & REQ_FUA))
		dio->flags |= DIO_WROTE;
	atomic_inc(&dio->ref);
	submit_bio(bio);
}

/* Zeros from @from to @to, inside one fs block. */
static void iomap_dio_zero_edge(struct iomap_dio *dio, const struct lab_extent *ext, loff_t from, loff_t to)
{
	struct bio *bio;

	if (from == to)
		return;
	bio = iomap_dio_bio(dio, ext, from, 1, REQ_OP_WRITE | REQ_SYNC | REQ_IDLE);
	__bio_add_page(bio, ZERO_PAGE(0), to - from, 0);
	iomap_dio_submit(dio, bio);
}

/* The first bio that is not written through makes a flush of the whole necessary. */
static blk_opf_t iomap_dio_opf(struct iomap_dio *dio, const struct lab_extent *ext)
{
	if (!(dio->flags & DIO_WRITE))
		return REQ_OP_READ;
	if (ext->type == LAB_MAPPED && (dio->flags & DIO_FUA) && !(ext->flags & LAB_EXT_DIRTY_META) &&
	    bdev_fua(ext->bdev))
		return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | REQ_FUA;
	dio->flags &= ~DIO_FUA;
	return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
}

/* ---- one extent ----------------------------------------------------------------------------- */

/* A read where the file has no data. Bytes or -EFAULT. */
static ssize_t iomap_dio_hole(struct iomap_dio *dio, const struct lab_extent *ext)
{
	size_t done = iov_iter_zero(dio->iter, ext->len_bytes);

	dio->size += done;
	return done ?: -EFAULT;
}

/* Bios for the extent's bytes. Moves *@pos; 0 or -errno: the rest is not submitted. */
static int iomap_dio_bios(struct iomap_dio *dio, const struct lab_extent *ext, loff_t *pos)
{
	unsigned int align = bdev_logical_block_size(ext->bdev);
	blk_opf_t opf = iomap_dio_opf(dio, ext);
	loff_t end = ext->pos + ext->len_bytes;

	/* Once a bio has failed there is no use in submitting more. */
	while (*pos < end && likely(!READ_ONCE(dio->error))) {
		size_t left = end - *pos;
		unsigned int nr_vecs = iov_iter_npages(dio->iter, left, lab_bio_max_vecs(ext->bdev));
		struct bio *bio = iomap_dio_bio(dio, ext, *pos, nr_vecs, opf);
		int ret = iov_iter_fill_bio(dio->iter, bio, left, align);

		if (unlikely(ret)) {
			bio_put(bio);
			return ret;
		}
		if (dio->flags & DIO_DIRTY)
			bio_set_pages_dirty(bio);
		dio->size += bio->bi_iter.bi_size;
		*pos += bio->bi_iter.bi_size;
		iomap_dio_submit(dio, bio);
	}
	return 0;
}

/* Bytes, fewer than the extent has if something failed, or -errno. */
static ssize_t iomap_dio_extent(struct iomap_dio *dio, const struct lab_extent *ext)
{
	unsigned int len_mask = bdev_logical_block_size(ext->bdev) - 1;
	struct inode *inode = dio->iocb->ki_filp->f_inode;
	bool write = dio->flags & DIO_WRITE;
	bool fresh = ext->type == LAB_UNWRITTEN;
	loff_t pos = ext->pos;
	int ret;

	if (((ext->pos | ext->len_bytes) & len_mask) ||
	    !iov_iter_is_aligned(dio->iter, bdev_dma_alignment(ext->bdev), len_mask))
		return -EINVAL;
	if (fresh) {
		dio->flags |= DIO_UNWRITTEN;
		iomap_dio_zero_edge(dio, ext, round_down(pos, LAB_BLOCK_BYTES), pos);
	}
	ret = iomap_dio_bios(dio, ext, &pos);
	/* Whatever came of it: the rest of the last block must not show what was on disk before. */
	if (fresh || (write && pos >= i_size_read(inode)))
		iomap_dio_zero_edge(dio, ext, pos, round_up(pos, LAB_BLOCK_BYTES));
	return pos > ext->pos ? pos - ext->pos : ret;
}

/* ---- the walk over extents ------------------------------------------------------------------ */

static int iomap_dio_walk(struct iomap_dio *dio, loff_t pos, loff_t end)
{
	struct kiocb *iocb = dio->iocb;
	struct file *file = iocb->ki_filp;
	unsigned int flags = (dio->flags & DIO_WRITE ? LAB_MAP_CREATE : 0) |
			     (iocb->ki_flags & IOCB_NOWAIT ? LAB_MAP_NOWAIT : 0);

	while (pos < end) {
		struct lab_extent ext;
		ssize_t done = file->f_dio_ops->map(file->f_inode, pos, end - pos, flags, &ext);

		if (unlikely(done))
			return done;
		/* As XFS: nobody may wait, so nothing is submitted that another extent could fail. */
		if (unlikely(iocb->ki_flags & IOCB_NOWAIT) && ext.len_bytes < end - pos)
			return -EAGAIN;
		if (ext.type != LAB_MAPPED && !(dio->flags & DIO_WRITE))
			done = iomap_dio_hole(dio, &ext);
		else if (WARN_ON_ONCE(ext.type == LAB_HOLE))
			done = -EIO;
		else
			done = iomap_dio_extent(dio, &ext);
		if (done < 0)
			return done;
		if (!done)
			break;
		pos += done;
	}
	return 0;
}

/* ---- entry points --------------------------------------------------------------------------- */

static struct iomap_dio *iomap_dio_alloc(struct kiocb *iocb, struct iov_iter *iter)
{
	struct iomap_dio *dio = kmem_cache_alloc(iomap_dio_cache, GFP_KERNEL);

	if (!dio)
		return NULL;
	dio->iocb = iocb;
	dio->i_size = i_size_read(iocb->ki_filp->f_inode);
	dio->size = 0;
	atomic_set(&dio->ref, 1);
	dio->flags = 0;
	dio->error = 0;
	dio->iter = iter;
	dio->waiter = current;
	if (iocb->ki_flags & IOCB_WRITE) {
		dio->flags |= DIO_WRITE;
		if (iocb->ki_flags & IOCB_DSYNC)
			dio->flags |= DIO_NEED_SYNC | DIO_FUA;
	} else if (user_backed_iter(iter)) {
		dio->flags |= DIO_DIRTY;
	}
	return dio;
}

static void iomap_dio_wait(struct iomap_dio *dio)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!smp_load_acquire(&dio->waiter))
			break;
		io_schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * iomap_dio_rw - a direct read or write
 * @iocb: ki_pos is where; ki_complete, ki_flags as aio.h says
 * @iter: memory; moved over what was taken
 * @flags: DIO_FORCE_WAIT
 *
 * i_rwsem is held, exclusively for a write that extends i_size or writes part of a block without data, and
 * also while this waits. Context: task, may sleep, IOCB_NOWAIT or not, for memory. Return: bytes;
 * -EIOCBQUEUED; -EINVAL (alignment), -EFAULT, -EAGAIN, -ENOMEM or what ->map says, with part of the data
 * maybe written.
 */
ssize_t iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, unsigned int flags)
{
	bool wait = is_sync_kiocb(iocb) || (flags & DIO_FORCE_WAIT);
	loff_t pos = iocb->ki_pos, end = pos + iov_iter_count(iter);
	struct iomap_dio *dio = iomap_dio_alloc(iocb, iter);
	struct blk_plug plug;

	if (!dio)
		return -ENOMEM;
	if (!(dio->flags & DIO_WRITE)) {
		if (pos >= dio->i_size) {
			kmem_cache_free(iomap_dio_cache, dio);
			return 0;
		}
		end = min_t(loff_t, end, round_up(dio->i_size, LAB_BLOCK_BYTES));
	}
	lab_inode_dio_begin(iocb->ki_filp->f_inode);
	blk_start_plug(&plug);
	iomap_dio_error(dio, iomap_dio_walk(dio, pos, end));
	blk_finish_plug(&plug);

	if (dio->flags & DIO_FUA)
		dio->flags &= ~DIO_NEED_SYNC;
	dio->wait = wait;
	if (!atomic_dec_and_test(&dio->ref)) {
		if (!wait)
			return -EIOCBQUEUED;
		iomap_dio_wait(dio);
	}
	return iomap_dio_complete(dio);
}

/**
 * iomap_dio_init - cache and workqueue, once
 * @knobs: completion is looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int iomap_dio_init(const struct lab_knobs *knobs)
{
	iomap_reads_on_wq = knobs->completion == LAB_COMPLETION_WQ;
	iomap_dio_cache = KMEM_CACHE(iomap_dio, 0);
	if (!iomap_dio_cache)
		return -ENOMEM;
	kmem_cache_set_probe(iomap_dio_cache, LAB_ALLOC_DIO);
	iomap_dio_wq = alloc_workqueue("dio61", WQ_MEM_RECLAIM, 0);
	if (!iomap_dio_wq) {
		iomap_dio_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * iomap_dio_exit - undo iomap_dio_init(); nothing is in flight
 *
 * Context: task, may sleep.
 */
void iomap_dio_exit(void)
{
	if (iomap_dio_wq)
		destroy_workqueue(iomap_dio_wq);
	iomap_dio_wq = NULL;
	kmem_cache_destroy(iomap_dio_cache);
	iomap_dio_cache = NULL;
}
