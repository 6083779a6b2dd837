// SPDX-License-Identifier: GPL-2.0-only
/*
 * bdev.c - a block device as a file: direct IO, for which there is no map to ask, so memory goes from the iterator
 * into bios of the device itself; and buffered IO.
 *
 * An IO that one bio holds has no reference count; a larger one counts its bios in the first. Asynchronous
 * ones complete where the bio does.
 *
 * The second descriptor goes through the page cache of the device: filemap.c, on the inode that has the device's
 * bytes for a file. A direct IO that finds no page there, and no untold error, does not look further. One that
 * does writes them back and, if it writes, forgets them, and once more at its end. As in 6.1 it holds no lock
 * meanwhile: who writes to a page while a direct write of that very page is in flight cannot know which of the two
 * stays. Each open has an inode of its own here, where Linux has one a device.
 *
 * Source: the three paths of block/fops.c, Linux 6.1, as two.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>

#define BDEV_POOL_SIZE		4	/* bios kept back in each set */

/**
 * struct blkdev_dio - one direct read or write, in front of its first bio
 * @waiter: the task that waits; NULL: done, or nobody does
 * @done_bytes: submitted
 * @error: of the first bio that failed, or of the submission
 * @ref: submitter and bios in flight; only if @multi
 * @sync: somebody waits
 * @dirty: read into user memory
 * @separate: alloc=kmalloc: in blkdev_dio_cache, not in front of the first bio
 */
struct blkdev_dio {
	struct kiocb *iocb;
	struct task_struct *waiter;
	size_t done_bytes;
	int error;
	atomic_t ref;
	bool sync, dirty, multi, separate;
	struct bio bio;
};

static struct bio_set blkdev_dio_bios;	/* struct blkdev_dio + bio */
static struct bio_set blkdev_bios;	/* bios alone */
static struct kmem_cache *blkdev_dio_cache;
static enum lab_alloc blkdev_alloc;

/* ---- checks --------------------------------------------------------------------------------- */

/* Cut at the end of the device. 0: nothing to do, 1: something, -errno. */
static int blkdev_checks(struct kiocb *iocb, struct iov_iter *iter)
{
	struct block_device *bdev = iocb->ki_filp->f_bdev;
	loff_t size = bdev_nr_bytes(bdev);
	bool write = (iocb->ki_flags & IOCB_WRITE) != 0;

	if (write && bdev_read_only(bdev))
		return -EPERM;
	if (!iov_iter_count(iter))
		return 0;
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = size;
	if (iocb->ki_pos >= size)
		return write ? -ENOSPC : 0;
	iov_iter_truncate(iter, size - iocb->ki_pos);
	return 1;
}

static inline bool blkdev_is_aligned(struct block_device *bdev, loff_t pos, const struct iov_iter *iter)
{
	unsigned int len_mask = bdev_logical_block_size(bdev) - 1;

	return !((pos | iov_iter_count(iter)) & len_mask) &&
	       iov_iter_is_aligned(iter, bdev_dma_alignment(bdev), len_mask);
}

/* ---- memory, completion --------------------------------------------------------------------- */

static blk_opf_t blkdev_opf(const struct kiocb *iocb)
{
	blk_opf_t opf = REQ_OP_READ;

	if (iocb->ki_flags & IOCB_WRITE)
		opf = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | (iocb->ki_flags & IOCB_DSYNC ? REQ_FUA : 0);
	if (iocb->ki_flags & IOCB_NOWAIT)
		opf |= REQ_NOWAIT;
	if (iocb->ki_flags & IOCB_HIPRI)
		opf |= REQ_POLLED;
	return opf;
}

static void blkdev_bio_release(struct bio *bio, bool dirty)
{
	if (dirty) {
		bio_check_pages_dirty(bio);
	} else {
		bio_release_pages(bio, false);
		bio_put(bio);
	}
}

/* The dio, and in *@first its first bio. NULL: no memory (NOWAIT, or alloc=kmalloc). */
static struct blkdev_dio *blkdev_dio_alloc(struct kiocb *iocb, struct iov_iter *iter, gfp_t gfp,
					   struct bio **first)
{
	struct block_device *bdev = iocb->ki_filp->f_bdev;
	unsigned int nr_vecs = iov_iter_npages(iter, iov_iter_count(iter), lab_bio_max_vecs(bdev));
	bool separate = blkdev_alloc == LAB_ALLOC_KMALLOC;
	struct blkdev_dio *dio = NULL;
	struct bio *bio;

	if (separate) {
		dio = kmem_cache_alloc(blkdev_dio_cache, gfp);
		if (!dio)
			return NULL;
	}
	bio = bio_alloc_bioset(bdev, nr_vecs, blkdev_opf(iocb), gfp,
			       separate ? &blkdev_bios : &blkdev_dio_bios);
	if (!bio) {
		if (separate)
			kmem_cache_free(blkdev_dio_cache, dio);
		return NULL;
	}
	if (!separate)
		dio = container_of(bio, struct blkdev_dio, bio);
	dio->iocb = iocb;
	dio->sync = is_sync_kiocb(iocb);
	dio->waiter = dio->sync ? current : NULL;
	dio->done_bytes = 0;
	dio->error = 0;
	dio->dirty = !(iocb->ki_flags & IOCB_WRITE) && user_backed_iter(iter);
	dio->multi = false;
	dio->separate = separate;
	*first = bio;
	return dio;
}

/* Free the dio; bytes or -errno. What was written makes pages stale that came to be meanwhile, error or not. */
static ssize_t blkdev_complete(struct blkdev_dio *dio)
{
	ssize_t ret = dio->error ? dio->error : dio->done_bytes;
	struct kiocb *iocb = dio->iocb;

	if (iocb->ki_flags & IOCB_WRITE)
		filemap_dio_write_end(bdev_file_inode(iocb->ki_filp), iocb->ki_pos, dio->done_bytes);
	if (ret > 0)
		iocb->ki_pos += ret;
	if (dio->separate)
		kmem_cache_free(blkdev_dio_cache, dio);
	else
		blkdev_bio_release(&dio->bio, dio->dirty);
	return ret;
}

static void blkdev_drop(struct blkdev_dio *dio)
{
	struct kiocb *iocb = dio->iocb;
	ssize_t ret;

	if (dio->multi && !atomic_dec_and_test(&dio->ref))
		return;
	if (dio->sync) {
		struct task_struct *waiter = dio->waiter;

		smp_store_release(&dio->waiter, NULL);	/* it may free the dio from here on */
		wake_up_process(waiter);
		return;
	}
	ret = blkdev_complete(dio);
	iocb->ki_complete(iocb, ret);
}

static void blkdev_end_io(struct bio *bio)
{
	struct blkdev_dio *dio = bio->bi_private;

	if (bio->bi_status)
		cmpxchg(&dio->error, 0, blk_status_to_errno(bio->bi_status));
	if (dio->separate || bio != &dio->bio)
		blkdev_bio_release(bio, dio->dirty);
	blkdev_drop(dio);
}

/* ---- the device's page cache ---------------------------------------------------------------- */

static inline bool blkdev_must_look(const struct kiocb *iocb)
{
	return lab_cache_concerns_dio(bdev_file_inode(iocb->ki_filp));
}

/*
 * Before a direct IO, if there are pages: as for a file, and under its inode's lock for as long as it takes. 0;
 * -EAGAIN (NOWAIT), -ENOTBLK (a page cannot be forgotten), or the error of write-back.
 */
static int blkdev_pages_begin(struct kiocb *iocb, size_t len_bytes)
{
	struct inode *inode = bdev_file_inode(iocb->ki_filp);
	bool nowait = (iocb->ki_flags & IOCB_NOWAIT) != 0;
	enum lab_lock lock;
	int err = lab_lock_for_read(inode, nowait, &lock);

	if (err)
		return err;
	if (iocb->ki_flags & IOCB_WRITE)
		err = filemap_dio_write_begin(inode, iocb->ki_pos, len_bytes, nowait);
	else
		err = filemap_dio_read_begin(inode, iocb->ki_pos, len_bytes, nowait);
	lab_unlock(inode, lock);
	return err;
}

static ssize_t blkdev_buffered_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	bool nowait = (iocb->ki_flags & IOCB_NOWAIT) != 0;
	enum lab_lock lock;
	ssize_t ret;

	if (!nowait)
		lab_bdev_inode_follow(inode);
	ret = lab_lock_for_read(inode, nowait, &lock);
	if (ret)
		return ret;
	ret = filemap_read(iocb, to);
	lab_unlock(inode, lock);
	return ret;
}

/*
 * Of the second descriptor. @direct: a direct write whose pages could not be forgotten; they go to the disk, and are
 * forgotten if that is possible now. @seen: of the descriptor that was called.
 */
static ssize_t blkdev_write_cached(struct kiocb *iocb, struct iov_iter *from, errseq_t *seen, bool direct)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	u32 errors;
	loff_t size, pos;
	ssize_t ret;
	int err = 0;

	lab_bdev_inode_follow(inode);
	down_write(&inode->i_rwsem);
	errors = lab_wb_count(inode);
	size = i_size_read(inode);
	pos = iocb->ki_flags & IOCB_APPEND ? size : iocb->ki_pos;
	iocb->ki_pos = pos;
	ret = -ENOSPC;
	if (pos < size) {
		iov_iter_truncate(from, size - pos);
		ret = generic_perform_write(iocb, from);
	}
	if (ret > 0 && direct)
		err = filemap_write_done(inode, pos, ret, errors, seen);
	up_write(&inode->i_rwsem);
	if (err || ret <= 0 || !(iocb->ki_flags & IOCB_DSYNC))
		return err ?: ret;
	if (!direct)
		err = lab_cache_write_since(inode, pos, ret, errors, seen);
	return err ?: lab_wb_check(inode, seen) ?: blkdev_issue_flush(iocb->ki_filp->f_bdev) ?: ret;
}

static ssize_t blkdev_buffered_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	if (bdev_read_only(iocb->ki_filp->f_bdev))
		return -EPERM;
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EOPNOTSUPP;
	return iov_iter_count(from) ? blkdev_write_cached(iocb, from, &iocb->ki_filp->f_wb_err, false) : 0;
}

/* A direct write, by way of the second descriptor. */
static noinline ssize_t blkdev_write_fallback(struct kiocb *iocb, struct iov_iter *from)
{
	struct kiocb second = *iocb;
	ssize_t ret;

	second.ki_filp = &container_of(iocb->ki_filp, struct lab_file, file)->buffered;
	ret = blkdev_write_cached(&second, from, &iocb->ki_filp->f_wb_err, true);
	iocb->ki_pos = second.ki_pos;
	return ret;
}

/* ---- submission ----------------------------------------------------------------------------- */

/*
 * Fill @bio with what comes next and submit it. The last bio inherits the submitter's reference: afterwards
 * the dio is not the submitter's. 1: it was the last one; 0: there is more; -errno: not submitted, gone.
 */
static int blkdev_submit_one(struct kiocb *iocb, struct iov_iter *iter, struct blkdev_dio *dio,
			     struct bio *bio)
{
	unsigned int align = bdev_logical_block_size(bio->bi_bdev);
	bool last;
	int ret;

	bio->bi_iter.bi_sector = (iocb->ki_pos + dio->done_bytes) >> SECTOR_SHIFT;
	bio->bi_private = dio;
	bio->bi_end_io = blkdev_end_io;
	bio_set_prio(bio, iocb->ki_ioprio);
	ret = iov_iter_fill_bio(iter, bio, iov_iter_count(iter), align);
	last = !ret && !iov_iter_count(iter);
	/* Not all of it in one bio: a second one could fail when the first is on its way. */
	if (!ret && !last && (iocb->ki_flags & IOCB_NOWAIT))
		ret = -EAGAIN;
	if (ret) {
		if (dio->separate || bio != &dio->bio)
			blkdev_bio_release(bio, false);
		return ret;
	}
	if (dio->dirty)
		bio_set_pages_dirty(bio);
	dio->done_bytes += bio->bi_iter.bi_size;
	if (!last && !dio->multi) {
		dio->multi = true;
		atomic_set(&dio->ref, 1);
	}
	if (!last)
		atomic_inc(&dio->ref);
	submit_bio(bio);
	return last;
}

/* The second bio and those after it. */
static int blkdev_submit_more(struct kiocb *iocb, struct iov_iter *iter, struct blkdev_dio *dio)
{
	struct block_device *bdev = iocb->ki_filp->f_bdev;
	struct blk_plug plug;
	int ret;

	blk_start_plug(&plug);
	do {
		unsigned int nr_vecs = iov_iter_npages(iter, iov_iter_count(iter), lab_bio_max_vecs(bdev));
		struct bio *bio = bio_alloc_bioset(bdev, nr_vecs, blkdev_opf(iocb), GFP_KERNEL, &blkdev_bios);

		ret = blkdev_submit_one(iocb, iter, dio, bio);
	} while (!ret);
	blk_finish_plug(&plug);
	return ret;
}

/* @polled: the first bio, with a reference; NULL: sleep. */
static ssize_t blkdev_wait(struct blkdev_dio *dio, struct bio *polled)
{
	while (smp_load_acquire(&dio->waiter) && lab_bio_poll_turn(polled))
		;
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!smp_load_acquire(&dio->waiter))
			break;
		io_schedule();
	}
	__set_current_state(TASK_RUNNING);
	return blkdev_complete(dio);
}

static ssize_t blkdev_direct_IO(struct kiocb *iocb, struct iov_iter *iter)
{
	bool sync = is_sync_kiocb(iocb);
	struct bio *bio, *polled = NULL;
	struct blkdev_dio *dio;
	ssize_t ret;

	ret = blkdev_checks(iocb, iter);
	if (ret <= 0)
		return ret;
	if (!blkdev_is_aligned(iocb->ki_filp->f_bdev, iocb->ki_pos, iter))
		return -EINVAL;
	if (unlikely(blkdev_must_look(iocb))) {
		ret = blkdev_pages_begin(iocb, iov_iter_count(iter));
		if (ret)
			return ret == -ENOTBLK ? blkdev_write_fallback(iocb, iter) : ret;
	}
	dio = blkdev_dio_alloc(iocb, iter, iocb->ki_flags & IOCB_NOWAIT ? GFP_NOWAIT : GFP_KERNEL, &bio);
	if (!dio)
		return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : -ENOMEM;
	if (unlikely(sync && (bio->bi_opf & REQ_POLLED))) {
		polled = bio;
		bio_get(polled);
	}
	ret = blkdev_submit_one(iocb, iter, dio, bio);
	if (ret < 0) {
		dio->error = ret;
		dio->dirty = false;	/* nothing was read */
		ret = blkdev_complete(dio);
		goto out;
	}
	if (!ret)
		ret = blkdev_submit_more(iocb, iter, dio);
	if (ret < 0) {
		cmpxchg(&dio->error, 0, ret);
		blkdev_drop(dio);
	}
	ret = sync ? blkdev_wait(dio, polled) : -EIOCBQUEUED;
out:
	if (unlikely(polled))
		bio_put(polled);
	return ret;
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return lab_bdev_inode_sync(bdev_file_inode(file), &file->f_wb_err);
}

static int blkdev_buffered_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return lab_bdev_inode_sync(file->f_inode, &file->f_wb_err);
}

const struct file_operations def_blk_fops = {
	.read_iter	= blkdev_direct_IO,
	.write_iter	= blkdev_direct_IO,
	.fsync		= blkdev_fsync,
};

const struct file_operations def_blk_buffered_fops = {
	.read_iter	= blkdev_buffered_read_iter,
	.write_iter	= blkdev_buffered_write_iter,
	.fsync		= blkdev_buffered_fsync,
};

/* ---- set-up --------------------------------------------------------------------------------- */

/**
 * bdev_init - sets and cache, once
 * @knobs: alloc is looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int bdev_init(const struct lab_knobs *knobs)
{
	blkdev_alloc = knobs->alloc;
	blkdev_dio_cache = KMEM_CACHE(blkdev_dio, 0);
	if (!blkdev_dio_cache)
		return -ENOMEM;
	kmem_cache_set_probe(blkdev_dio_cache, LAB_ALLOC_DIO);
	if (bioset_init(&blkdev_dio_bios, BDEV_POOL_SIZE, offsetof(struct blkdev_dio, bio),
			BIOSET_NEED_BVECS) ||
	    bioset_init(&blkdev_bios, BDEV_POOL_SIZE, 0, BIOSET_NEED_BVECS)) {
		bdev_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * bdev_exit - undo bdev_init(); nothing is in flight
 *
 * Context: task, may sleep.
 */
void bdev_exit(void)
{
	bioset_exit(&blkdev_bios);
	bioset_exit(&blkdev_dio_bios);
	kmem_cache_destroy(blkdev_dio_cache);
	blkdev_dio_cache = NULL;
}
