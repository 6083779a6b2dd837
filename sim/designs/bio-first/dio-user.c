// SPDX-License-Identifier: GPL-2.0-only
/*
 * dio-user.c - direct IO of a system call: user memory into bios, bios to ->dio_submit.
 *
 * The pages are pinned straight into a bio of the largest size there is, without asking anybody where they
 * will go; the bio is given to the file's ->dio_submit, the same one that a loop device calls. So the
 * faults of up to 256 pieces of memory (1 MiB at worst) come before any lock of the filesystem; what does
 * not fit in one bio is pinned after the one before was submitted, which bounds what a call holds.
 *
 * State. struct dio_rw, the struct dio of the first bio and that bio are one allocation (two with
 * alloc=kmalloc). A request of one bio needs no count. The result is all or an error: the first error of
 * any part, as in Linux' iomap direct IO; what a read may see of the file is cut before (fs.c), so a bio is
 * never short.
 *
 * Source: dio_alloc_bios() and struct dio of Kent Overstreet's rewrite (2013); struct blkdev_dio of
 * block/fops.c (since 4.10) is the same thing in mainline.
 */
#include <linux/fs.h>
#include <linux/uio.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include "design.h"

#define DIO_USER_POOL_SIZE	4	/* requests that can be had without memory */

/* Where a task waits for its request; on its stack, since the request does not survive its end. */
struct dio_wait {
	struct completion done;
	ssize_t ret;
};

/**
 * struct dio_rw - one system call
 * @iocb: the call; not used after it was completed
 * @count: the result, bytes, if all goes well
 * @wait: NULL: ki_complete() is called
 * @bios: not done, + 1 for who submits; looked at only if @counted
 * @error: first errno
 * @counted: there is more than one bio
 * @dirty: the pages are written to: keep them dirty
 * @first: the first bio; the request is freed with it, unless it is in dio_rw_cache
 */
struct dio_rw {
	struct kiocb *iocb;
	size_t count;
	struct dio_wait *wait;
	struct bio *first;
	atomic_t bios;
	int error;
	bool counted, dirty;
};

struct dio_rw_bio {
	struct dio_rw rw;
	struct dio dio;
};

static struct bio_set dio_rw_set;		/* of struct dio_rw_bio: first bios */
static struct bio_set dio_more_set;		/* of struct dio: further ones, or all with alloc=kmalloc */
static struct kmem_cache *dio_rw_cache;		/* alloc=kmalloc, else NULL */

/**
 * dio_user_init - what requests are allocated from
 * @knobs: alloc is looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int dio_user_init(const struct lab_knobs *knobs)
{
	if (bioset_init(&dio_rw_set, DIO_USER_POOL_SIZE, offsetof(struct dio_rw_bio, dio.tail.bio),
			BIOSET_NEED_BVECS) ||
	    bioset_init(&dio_more_set, DIO_USER_POOL_SIZE, DIO_FRONT_PAD, BIOSET_NEED_BVECS))
		goto no_memory;
	if (knobs->alloc == LAB_ALLOC_KMALLOC) {
		dio_rw_cache = KMEM_CACHE(dio_rw, 0);
		if (!dio_rw_cache)
			goto no_memory;
		kmem_cache_set_probe(dio_rw_cache, LAB_ALLOC_DIO);
	}
	return 0;

no_memory:
	dio_user_exit();
	return -ENOMEM;
}

/**
 * dio_user_exit - undo dio_user_init(); no IO in flight
 */
void dio_user_exit(void)
{
	if (dio_rw_cache)
		kmem_cache_destroy(dio_rw_cache);
	dio_rw_cache = NULL;
	bioset_exit(&dio_more_set);
	bioset_exit(&dio_rw_set);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Unpin what @bio holds and drop it. */
static void dio_rw_release(struct bio *bio, bool dirty)
{
	if (dirty) {
		bio_check_pages_dirty(bio);
		return;
	}
	bio_release_pages(bio, false);
	bio_put(bio);
}

/* The request without its bios. */
static void dio_rw_free(struct dio_rw *rw)
{
	if (dio_rw_cache)
		kmem_cache_free(dio_rw_cache, rw);
}

/*
 * Of @count bytes. The pages of a file were seen to piece by piece; those of a block device are here, error or not:
 * what a write finds was read meanwhile, and is stale.
 */
static void dio_rw_complete(struct kiocb *iocb, struct dio_wait *wait, size_t count, int err)
{
	ssize_t ret = err ?: (ssize_t)count;

	if ((iocb->ki_flags & IOCB_WRITE) && !iocb->ki_filp->f_inode)
		filemap_dio_write_end(bdev_file_inode(iocb->ki_filp), iocb->ki_pos, count);
	if (wait) {
		wait->ret = ret;
		complete(&wait->done);
		return;
	}
	if (ret > 0)
		iocb->ki_pos += ret;
	iocb->ki_complete(iocb, ret);
}

/* One bio, or who submits, is done with a request of several. */
static void dio_rw_put(struct dio_rw *rw)
{
	struct dio_wait *wait = rw->wait;
	struct kiocb *iocb = rw->iocb;
	struct bio *first = rw->first;
	size_t count = rw->count;
	int err;

	if (!atomic_dec_and_test(&rw->bios))
		return;
	err = READ_ONCE(rw->error);
	dio_rw_free(rw);
	bio_put(first);
	dio_rw_complete(iocb, wait, count, err);
}

/* The only bio: what the end needs is read before the bio, and the request with it, is gone. */
static void dio_rw_end_single(struct dio_rw *rw, struct bio *bio, int err)
{
	struct dio_wait *wait = rw->wait;
	struct kiocb *iocb = rw->iocb;
	size_t count = rw->count;
	bool dirty = rw->dirty;

	dio_rw_free(rw);
	dio_rw_release(bio, dirty);
	dio_rw_complete(iocb, wait, count, err);
}

static void dio_rw_end_io(struct bio *bio)
{
	struct dio_rw *rw = bio->bi_private;
	int err = 0;

	if (unlikely(bio->bi_status))
		err = blk_status_to_errno(bio->bi_status);
	if (likely(!rw->counted)) {
		dio_rw_end_single(rw, bio, err);
		return;
	}
	if (err)
		cmpxchg(&rw->error, 0, err);
	dio_rw_release(bio, rw->dirty);
	dio_rw_put(rw);
}

/* ---- submission ----------------------------------------------------------------------------- */

static blk_opf_t dio_rw_opf(const struct kiocb *iocb, unsigned int flags)
{
	blk_opf_t opf = REQ_OP_READ;

	if (iocb->ki_flags & IOCB_WRITE) {
		opf = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
		if ((iocb->ki_flags & IOCB_DSYNC) && !(flags & DIO_LOCKED))
			opf |= REQ_FUA;
	}
	if (iocb->ki_flags & IOCB_NOWAIT)
		opf |= REQ_NOWAIT;
	if (iocb->ki_flags & IOCB_HIPRI)
		opf |= REQ_POLLED;
	return opf;
}

/* A request with its first bio, empty. NULL: no memory (NOWAIT, or alloc=kmalloc). */
static struct dio_rw *dio_rw_alloc(struct kiocb *iocb, const struct iov_iter *iter, blk_opf_t opf)
{
	gfp_t gfp = iocb->ki_flags & IOCB_NOWAIT ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL;
	unsigned int nr_vecs = iov_iter_npages(iter, BIO_MAX_VECS);
	struct dio_rw *rw = NULL;
	struct bio *bio;

	if (unlikely(dio_rw_cache)) {
		rw = kmem_cache_alloc(dio_rw_cache, gfp);
		if (!rw)
			return NULL;
	}
	bio = bio_alloc_bioset(NULL, nr_vecs, opf, gfp, rw ? &dio_more_set : &dio_rw_set);
	if (unlikely(!bio)) {
		if (rw)
			dio_rw_free(rw);
		return NULL;
	}
	if (!rw)
		rw = &container_of(bio, struct dio_rw_bio, dio.tail.bio)->rw;
	rw->iocb = iocb;
	rw->first = bio;
	rw->error = 0;
	rw->dirty = !(iocb->ki_flags & IOCB_WRITE);
	rw->counted = false;
	return rw;
}

/* Fill @bio from the iterator. On error nothing is pinned. */
static int dio_rw_fill(struct dio_rw *rw, struct bio *bio, struct iov_iter *iter)
{
	struct block_device *bdev = rw->iocb->ki_filp->f_bdev;
	int err = bio_iov_iter_get_pages(bio, iter, bdev_logical_block_size(bdev) - 1);

	if (err)
		return err;
	bio->bi_private = rw;
	bio_set_prio(bio, rw->iocb->ki_ioprio);
	if (rw->dirty)
		bio_set_pages_dirty(bio);
	return 0;
}

/* @rw may be gone afterwards, unless it is counted. Returns the position after the bio. */
static loff_t dio_rw_send(struct file *file, struct bio *bio, loff_t pos, unsigned int flags)
{
	unsigned int len = bio->bi_iter.bi_size;

	dio_init(bio_dio(bio), file, dio_rw_end_io);
	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	file->f_op->dio_submit(file, bio, flags);
	return pos + len;
}

/* A request of several bios: the first one, which is filled, and what does not fit in it. */
static noinline void dio_rw_send_all(struct dio_rw *rw, struct iov_iter *iter, unsigned int flags)
{
	struct file *file = rw->iocb->ki_filp;
	blk_opf_t opf = dio_rw_opf(rw->iocb, flags);
	loff_t pos = rw->iocb->ki_pos;
	struct blk_plug plug;
	int err = 0;

	rw->counted = true;
	atomic_set(&rw->bios, 2);
	bio_get(rw->first);
	blk_start_plug(&plug);
	pos = dio_rw_send(file, rw->first, pos, flags);
	while (iov_iter_count(iter) && !READ_ONCE(rw->error)) {
		struct bio *bio = bio_alloc_bioset(NULL, iov_iter_npages(iter, BIO_MAX_VECS), opf, GFP_KERNEL,
						   &dio_more_set);

		err = dio_rw_fill(rw, bio, iter);
		if (err) {
			bio_put(bio);
			break;
		}
		atomic_inc(&rw->bios);
		pos = dio_rw_send(file, bio, pos, flags);
	}
	if (err)
		cmpxchg(&rw->error, 0, err);
	blk_finish_plug(&plug);
	dio_rw_put(rw);
}

/* @polled: the first bio, with a reference; NULL: sleep. */
static ssize_t dio_rw_wait(struct dio_wait *wait, struct kiocb *iocb, struct bio *polled)
{
	while (unlikely(polled) && !completion_done(&wait->done) && lab_bio_poll_turn(polled))
		;
	wait_for_completion_io(&wait->done);
	if (unlikely(polled))
		bio_put(polled);
	if (wait->ret > 0)
		iocb->ki_pos += wait->ret;
	return wait->ret;
}

/**
 * dio_rw - read or write through ->dio_submit
 * @iocb: the call; of a file with ->dio_submit
 * @iter: not empty, aligned to the device; a read's ends at most a block after the end of the file
 * @count: bytes to report, at most what @iter has
 * @flags: DIO_WAIT, and those of ->dio_submit. With DIO_LOCKED the caller makes the write durable itself
 *
 * Context: task, may sleep. Return: @count, -errno (what was submitted before an error has been done all
 * the same), or -EIOCBQUEUED: ki_complete() has been or will be called.
 */
ssize_t dio_rw(struct kiocb *iocb, struct iov_iter *iter, size_t count, unsigned int flags)
{
	bool sync = is_sync_kiocb(iocb) || (flags & DIO_WAIT);
	struct dio_rw *rw = dio_rw_alloc(iocb, iter, dio_rw_opf(iocb, flags));
	struct bio *bio, *polled = NULL;
	struct dio_wait wait;
	int err;

	if (unlikely(!rw))
		return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : -ENOMEM;
	bio = rw->first;
	rw->count = count;
	rw->wait = sync ? &wait : NULL;
	err = dio_rw_fill(rw, bio, iter);
	/* With a second bio it could not be known before the first one is on its way whether all can go. */
	if (unlikely(iov_iter_count(iter)) && !err && (iocb->ki_flags & IOCB_NOWAIT)) {
		bio_release_pages(bio, false);
		err = -EAGAIN;
	}
	if (unlikely(err)) {
		dio_rw_free(rw);
		bio_put(bio);
		return err;
	}
	if (sync) {
		init_completion(&wait.done);
		if (unlikely(iocb->ki_flags & IOCB_HIPRI)) {
			polled = bio;
			bio_get(polled);
		}
	}
	if (unlikely(iov_iter_count(iter)))
		dio_rw_send_all(rw, iter, flags);
	else
		dio_rw_send(iocb->ki_filp, bio, iocb->ki_pos, flags);
	return sync ? dio_rw_wait(&wait, iocb, polled) : -EIOCBQUEUED;
}
