// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io-end.c - a dio's memory, and its way up: from the end of a bio to the end of the dio and of the kiocb. The
 * way down, and what the structures are for, is in direct-io.c.
 *
 * A dio that somebody waits for collects its bios in a list, and the waiter does what is to be done with them. One
 * that nobody waits for ends in its last bio's end, or, if that may sleep (unwritten blocks, O_DSYNC, the knob), in a
 * work item. The count of both is under the dio's spinlock.
 *
 * Three things of 3.12 are mended, each because it loses data or words: pages that a reader brought in during an
 * asynchronous write are forgotten (3.12 forgot them when the write was submitted), a write that failed does not
 * convert its unwritten blocks, and the error is the device's, not always -EIO.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "direct-io.h"

#define DIO_POOL_SIZE		4	/* dios kept back (alloc=pool) */
#define DIO_MAX_ACTIVE		4	/* ends at work at once */
#define DIO_REAP_BIOS		64	/* bios, of a dio that somebody waits for */

static struct kmem_cache *dio_cache;
static mempool_t dio_pool;
static struct workqueue_struct *dio_done_wq;
static struct lab_knobs dio_knobs;

/* ---- memory --------------------------------------------------------------------------------- */

/**
 * dio_alloc - a dio, not set up
 *
 * Context: task, may sleep. Return: NULL: no memory (alloc=kmalloc, as in 3.12).
 */
struct dio *dio_alloc(void)
{
	if (dio_knobs.alloc == LAB_ALLOC_KMALLOC)
		return kmem_cache_alloc(dio_cache, GFP_KERNEL);
	return mempool_alloc(&dio_pool, GFP_KERNEL);
}

/**
 * dio_free - undo dio_alloc()
 * @dio: gone afterwards
 *
 * Context: any.
 */
void dio_free(struct dio *dio)
{
	if (dio_knobs.alloc == LAB_ALLOC_KMALLOC)
		kmem_cache_free(dio_cache, dio);
	else
		mempool_free(dio, &dio_pool);
}

/**
 * dio_must_defer - is the end of an asynchronous dio always a worker's?
 * @dio: iocb and rw are set
 *
 * Context: any.
 */
bool dio_must_defer(const struct dio *dio)
{
	return dio_knobs.completion == LAB_COMPLETION_WQ || (dio->rw == WRITE && dio->iocb->ki_dsync);
}

/* ---- the end of the dio --------------------------------------------------------------------- */

/*
 * What the file has to know: fresh blocks have data, and then, as until then a reader finds zeros, the pages are stale.
 * Returns @ret or an error.
 */
static ssize_t dio_wrote(struct dio *dio, ssize_t ret)
{
	int err = 0;

	lab_fs_wrote(dio->inode);
	if (ret > 0 && dio->end_io)
		err = dio->end_io(dio->inode, dio->pos, ret, dio->private);
	if (READ_ONCE(dio->inode->i_mapping->nrpages))
		lab_cache_invalidate(dio->inode, dio->pos, dio->result);
	return err ?: ret;
}

/**
 * dio_complete - all bios have ended: the result
 * @dio: gone afterwards
 * @ret: of the submission: 0, -EIOCBQUEUED or the error that ended the walk
 * @is_async: nobody waits: tell the kiocb
 *
 * Context: any, a task if @dio has a ->private or is to be durable. Return: bytes or -errno.
 */
ssize_t dio_complete(struct dio *dio, ssize_t ret, bool is_async)
{
	struct kiocb *iocb = dio->iocb;
	ssize_t transferred = dio->result;

	if (ret == -EIOCBQUEUED)
		ret = 0;
	if (dio->rw == READ && dio->pos + transferred > dio->i_size)
		transferred = dio->i_size - dio->pos;
	ret = ret ?: dio->page_errors ?: dio->io_error ?: transferred;
	if (dio->rw == WRITE && dio->result)
		ret = dio_wrote(dio, ret);
	lab_inode_dio_end(dio->inode);
	if (is_async && ret > 0 && dio->rw == WRITE && iocb->ki_dsync)
		ret = generic_write_sync(iocb->ki_filp, dio->pos, ret) ?: ret;
	dio_free(dio);
	if (is_async)
		aio_complete(iocb, ret);
	return ret;
}

static void dio_aio_complete_work(struct work_struct *work)
{
	dio_complete(container_of(work, struct dio, complete_work), 0, true);
}

/* ---- the end of a bio ----------------------------------------------------------------------- */

/* Of a dio that somebody waits for: what the waiter does. The bio is gone afterwards. Task, may sleep. */
static void dio_bio_complete(struct dio *dio, struct bio *bio)
{
	if (bio->bi_status && !dio->io_error)
		dio->io_error = blk_status_to_errno(bio->bi_status);
	bio_release_pages(bio, dio->rw == READ);
	bio_put(bio);
}

/**
 * dio_bio_end_aio - bi_end_io of a bio of a dio that nobody waits for, or somebody only since its submission failed
 * @bio: ended
 *
 * Context: any.
 */
void dio_bio_end_aio(struct bio *bio)
{
	struct dio *dio = bio->bi_private;
	unsigned long flags, left;
	int err = blk_status_to_errno(bio->bi_status);

	if (dio->rw == READ) {
		bio_check_pages_dirty(bio);
	} else {
		bio_release_pages(bio, false);
		bio_put(bio);
	}
	spin_lock_irqsave(&dio->bio_lock, flags);
	if (err && !dio->io_error)
		dio->io_error = err;
	left = --dio->refcount;
	if (left == 1 && dio->waiter)
		wake_up_process(dio->waiter);
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	if (left)
		return;
	if (dio->result && dio->defer_completion) {
		INIT_WORK(&dio->complete_work, dio_aio_complete_work);
		queue_work(dio_done_wq, &dio->complete_work);
	} else {
		dio_complete(dio, 0, true);
	}
}

/**
 * dio_bio_end_io - bi_end_io of a bio of a dio that somebody waits for: the bio is the waiter's
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
	dio->bio_list = bio;
	if (--dio->refcount == 1 && dio->waiter)
		wake_up_process(dio->waiter);
	spin_unlock_irqrestore(&dio->bio_lock, flags);
}

/* ---- the submitter -------------------------------------------------------------------------- */

/* A bio that has ended; NULL: none is left (of an asynchronous dio: all have ended). Waits. */
static struct bio *dio_await_one(struct dio *dio)
{
	struct bio *bio;
	unsigned long flags;

	spin_lock_irqsave(&dio->bio_lock, flags);
	while (dio->refcount > 1 && !dio->bio_list) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		dio->waiter = current;
		spin_unlock_irqrestore(&dio->bio_lock, flags);
		io_schedule();
		spin_lock_irqsave(&dio->bio_lock, flags);
		dio->waiter = NULL;
	}
	__set_current_state(TASK_RUNNING);
	bio = dio->bio_list;
	if (bio)
		dio->bio_list = bio->bi_private;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	return bio;
}

/**
 * dio_await_completion - until all bios of a dio have ended, and what the waiter has to do about them is done
 * @dio: all submitted
 *
 * Context: the submitter, sleeps.
 */
void dio_await_completion(struct dio *dio)
{
	struct bio *bio;

	while ((bio = dio_await_one(dio)))
		dio_bio_complete(dio, bio);
}

/**
 * dio_bio_reap - of a large IO that somebody waits for: give back what has ended
 * @dio: being submitted
 * @sdio: counts
 *
 * Context: the submitter.
 */
void dio_bio_reap(struct dio *dio, struct dio_submit *sdio)
{
	struct bio *list, *bio;
	unsigned long flags;

	if (dio->is_async || ++sdio->reap_counter < DIO_REAP_BIOS)
		return;
	sdio->reap_counter = 0;
	spin_lock_irqsave(&dio->bio_lock, flags);
	list = dio->bio_list;
	dio->bio_list = NULL;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	while ((bio = list)) {
		list = bio->bi_private;
		dio_bio_complete(dio, bio);
	}
}

/**
 * drop_refcount - the submitter has done with the dio
 * @dio: maybe gone afterwards
 *
 * Context: any. Return: true: it was the last, and has to end it.
 */
bool drop_refcount(struct dio *dio)
{
	unsigned long flags, left;

	spin_lock_irqsave(&dio->bio_lock, flags);
	left = --dio->refcount;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	return !left;
}

/* ---- set-up --------------------------------------------------------------------------------- */

/**
 * dio_init - cache, pool and workqueue, once
 * @knobs: alloc and completion are looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int dio_init(const struct lab_knobs *knobs)
{
	dio_knobs = *knobs;
	dio_cache = KMEM_CACHE(dio, 0);
	if (!dio_cache)
		return -ENOMEM;
	kmem_cache_set_probe(dio_cache, LAB_ALLOC_DIO);
	dio_done_wq = alloc_workqueue("dio", WQ_MEM_RECLAIM | WQ_UNBOUND, DIO_MAX_ACTIVE);
	if (!dio_done_wq || mempool_init_slab_pool(&dio_pool, DIO_POOL_SIZE, dio_cache)) {
		dio_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * dio_exit - undo dio_init(); nothing is in flight
 *
 * Context: task, may sleep.
 */
void dio_exit(void)
{
	if (dio_done_wq)
		destroy_workqueue(dio_done_wq);
	dio_done_wq = NULL;
	mempool_exit(&dio_pool);
	kmem_cache_destroy(dio_cache);
	dio_cache = NULL;
}
