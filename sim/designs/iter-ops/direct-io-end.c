// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io-end.c - a dio's memory, and its way up: from the end of a bio to the end of the dio, to
 * aio_complete() or to the submitter who waits. The way down is in direct-io.c.
 *
 * A synchronous dio's bios are put on its list where they end, and the submitter looks at them: while it
 * submits (dio_bio_reap) or when it waits. An asynchronous one's are looked at where they end; the last one ends
 * the dio there, or lets a worker do so if the filesystem has something to convert or the write must be durable.
 *
 * Every error of a bio is -EIO here (D4 begins here), and one bio that failed is the failure of all.
 *
 * Source: as direct-io.c. Two things are mended, since diolab's own files must be right: the filesystem hears of
 * an end only if all went well, and its error is heard; pages that a buffered reader brought in meanwhile
 * are forgotten here, before i_dio_count goes (3.12 did so after submission alone; Linux does since 4.14).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "direct-io.h"

#define DIO_REAP_BIOS		64	/* a submitter looks for ended bios as often */

static struct kmem_cache *dio_cache;
static bool dio_always_defer;			/* knob completion=wq */

/* ---- memory --------------------------------------------------------------------------------- */

/**
 * dio_alloc - a dio, without its queue of pages cleared
 *
 * Context: task, may sleep. Return: one reference; NULL: no memory.
 */
struct dio *dio_alloc(void)
{
	struct dio *dio = kmem_cache_alloc(dio_cache, GFP_KERNEL);

	if (!dio)
		return NULL;
	memset(dio, 0, offsetof(struct dio, pages));
	spin_lock_init(&dio->bio_lock);
	dio->refcount = 1;
	return dio;
}

/**
 * dio_free - of a dio that is done, or never began
 * @dio: gone afterwards
 *
 * Context: any.
 */
void dio_free(struct dio *dio)
{
	kmem_cache_free(dio_cache, dio);
}

/* ---- the end of the dio --------------------------------------------------------------------- */

/* All of a file's data is where it belongs: say so. @ret: bytes, or an error; 0 or -errno. */
static int dio_file_done(struct dio *dio, loff_t offset, ssize_t ret)
{
	int err = 0;

	if (dio->rw == RW_WRITE && dio->result)
		lab_fs_wrote(dio->inode);
	if (dio->end_io && ret > 0)
		err = dio->end_io(dio->iocb, offset, ret, dio->private);
	if (dio->rw == RW_WRITE && dio->result)
		filemap_dio_write_end(dio->inode, offset, dio->result);
	lab_inode_dio_end(dio->inode);
	return err;
}

/**
 * dio_complete - the last reference is gone
 * @dio: gone afterwards
 * @offset: where it began
 * @ret: of the submission: 0, -EIOCBQUEUED or an error
 * @is_async: aio_complete() is to be called
 *
 * What went wrong first in this order: the submission, a fault of user memory, a bio. Context: any, task if
 * something was to be deferred. Return: bytes or -errno.
 */
ssize_t dio_complete(struct dio *dio, loff_t offset, ssize_t ret, bool is_async)
{
	struct kiocb *iocb = dio->iocb;
	ssize_t transferred = dio->result;
	int err;

	if (ret == -EIOCBQUEUED)
		ret = 0;
	if (transferred && dio->rw == RW_READ && offset + transferred > dio->i_size)
		transferred = dio->i_size - offset;
	ret = ret ?: dio->page_errors ?: dio->io_error ?: transferred;
	if (dio->inode) {
		err = dio_file_done(dio, offset, ret);
		if (err)
			ret = err;
	}
	if (is_async) {
		if (ret > 0 && dio->rw == RW_WRITE) {
			err = generic_write_sync(iocb->ki_filp, offset, ret);
			if (err)
				ret = err;
		}
		aio_complete(iocb, ret);
	}
	dio_free(dio);
	return ret;
}

static void dio_aio_complete_work(struct work_struct *work)
{
	struct dio *dio = container_of(work, struct dio, complete_work);

	dio_complete(dio, dio->iocb->ki_pos, 0, true);
}

/* ---- the end of a bio ----------------------------------------------------------------------- */

/* Note its error, let its pages go, and itself. Any context; @dirty_sleeps: task, may sleep. 0 or -EIO. */
static int dio_bio_complete(struct dio *dio, struct bio *bio, bool dirty_sleeps)
{
	int err = bio->bi_status ? -EIO : 0;
	struct bvec_iter_all iter;
	struct bio_vec *bv;

	if (err)
		WRITE_ONCE(dio->io_error, err);
	bio_for_each_segment_all(bv, bio, iter) {
		if (dio->should_dirty && dirty_sleeps)
			set_page_dirty_lock(bv->bv_page);
		else if (dio->should_dirty && !PageDirty(bv->bv_page))
			set_page_dirty(bv->bv_page);
		put_page(bv->bv_page);
	}
	bio_put(bio);
	return err;
}

/**
 * dio_bio_end_aio - bi_end_io of a bio of an asynchronous dio
 * @bio: ended
 *
 * Context: any.
 */
void dio_bio_end_aio(struct bio *bio)
{
	struct dio *dio = bio->bi_private;
	unsigned long flags, remaining;

	dio_bio_complete(dio, bio, false);
	spin_lock_irqsave(&dio->bio_lock, flags);
	remaining = --dio->refcount;
	if (remaining == 1 && dio->waiter)
		wake_up_process(dio->waiter);
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	if (remaining)
		return;
	if ((dio->result && dio->defer_completion) || dio_always_defer) {
		INIT_WORK(&dio->complete_work, dio_aio_complete_work);
		queue_work(dio->iocb->ki_filp->f_lab_done_wq, &dio->complete_work);
	} else {
		dio_complete(dio, dio->iocb->ki_pos, 0, true);
	}
}

/**
 * dio_bio_end_io - bi_end_io of a bio of a synchronous dio: for its submitter to look at
 * @bio: ended
 *
 * Context: any.
 */
void dio_bio_end_io(struct bio *bio)
{
	struct dio *dio = bio->bi_private;
	unsigned long flags;

	spin_lock_irqsave(&dio->bio_lock, flags);
	bio->bi_private = dio->bio_list;
	WRITE_ONCE(dio->bio_list, bio);
	if (--dio->refcount == 1 && dio->waiter)
		wake_up_process(dio->waiter);
	spin_unlock_irqrestore(&dio->bio_lock, flags);
}

/* ---- the submitter -------------------------------------------------------------------------- */

/* A bio that has ended; NULL: none is left. */
static struct bio *dio_await_one(struct dio *dio)
{
	struct bio *bio;
	unsigned long flags;

	spin_lock_irqsave(&dio->bio_lock, flags);
	while (dio->refcount > 1 && !dio->bio_list) {
		__set_current_state(TASK_UNINTERRUPTIBLE);
		dio->waiter = current;
		spin_unlock_irqrestore(&dio->bio_lock, flags);
		io_schedule();
		spin_lock_irqsave(&dio->bio_lock, flags);
		dio->waiter = NULL;
	}
	bio = dio->bio_list;
	if (bio)
		dio->bio_list = bio->bi_private;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	return bio;
}

/**
 * dio_await_completion - wait until all bios have ended
 * @dio: all of it is submitted; the submitter's reference is left
 *
 * Context: task, sleeps.
 */
void dio_await_completion(struct dio *dio)
{
	struct bio *bio;

	while ((bio = dio_await_one(dio)) != NULL)
		dio_bio_complete(dio, bio, true);
}

/**
 * dio_bio_reap - look at bios that have ended already, so that a huge IO does not hold all of them
 * @dio: being submitted
 * @sdio: counts
 *
 * Context: task, may sleep. Return: 0 or the first error of a bio looked at.
 */
int dio_bio_reap(struct dio *dio, struct dio_submit *sdio)
{
	int ret = 0;

	if (sdio->reap_counter++ < DIO_REAP_BIOS)
		return 0;
	sdio->reap_counter = 0;
	while (READ_ONCE(dio->bio_list)) {
		unsigned long flags;
		struct bio *bio;
		int err;

		spin_lock_irqsave(&dio->bio_lock, flags);
		bio = dio->bio_list;
		dio->bio_list = bio->bi_private;
		spin_unlock_irqrestore(&dio->bio_lock, flags);
		err = dio_bio_complete(dio, bio, true);
		ret = ret ?: err;
	}
	return ret;
}

/**
 * drop_refcount - the submitter is through
 * @dio: may be gone afterwards unless 0 is returned
 *
 * Context: task. Return: references left.
 */
int drop_refcount(struct dio *dio)
{
	unsigned long flags;
	int left;

	spin_lock_irqsave(&dio->bio_lock, flags);
	left = --dio->refcount;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	return left;
}

/* ---- set-up --------------------------------------------------------------------------------- */

/**
 * dio_init - the cache, once
 * @knobs: completion is looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM.
 */
int dio_init(const struct lab_knobs *knobs)
{
	dio_always_defer = knobs->completion == LAB_COMPLETION_WQ;
	dio_cache = KMEM_CACHE(dio, 0);
	if (!dio_cache)
		return -ENOMEM;
	kmem_cache_set_probe(dio_cache, LAB_ALLOC_DIO);
	return 0;
}

/**
 * dio_exit - undo dio_init(); nothing is in flight
 *
 * Context: task, may sleep.
 */
void dio_exit(void)
{
	kmem_cache_destroy(dio_cache);
	dio_cache = NULL;
}
