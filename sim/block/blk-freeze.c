// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-freeze.c - holding a queue open, and closing it.
 *
 * Freezing waits until nobody is inside and keeps others out: limits may change then, and a disk may go.
 * What is inside is a request (its tag) on a blk-mq queue, and a task in ->submit_bio on the others. Bios
 * that a driver with ->submit_bio has taken are its own affair, as in the kernel.
 *
 * Source: the contract of blk_mq_freeze_queue() in Linux 6.1; there the references are a percpu_ref.
 */
#include "blk.h"

/**
 * lab_queue_wait_open - wait until @q is not frozen
 * @nowait: do not
 *
 * Sends the task's plug before it sleeps. Returns 0; -EAGAIN with @nowait; -ENODEV when its disk has been deleted.
 * Context: task, may sleep; it stops where waiting would stop the world, under a stacking driver's ->submit_bio.
 */
int lab_queue_wait_open(struct request_queue *q, bool nowait)
{
	while (READ_ONCE(q->gate) & 1) {
		if (blk_queue_dying(q))
			return -ENODEV;
		if (nowait)
			return -EAGAIN;
		/* The freezer may be waiting for requests of this task's plug. */
		blk_flush_plug(current->plug, true);
		kc_assert_may_wait();
		wait_event(q->freeze_wq, !(READ_ONCE(q->gate) & 1) || blk_queue_dying(q));
	}
	return 0;
}

/**
 * lab_bio_queue_enter_slow - lab_bio_queue_enter() when it met a frozen queue, whose shard it has counted up
 *
 * Context: task, may sleep, unless @bio has REQ_NOWAIT. Return: true: the queue is held open; false: @bio has been
 * ended, with BLK_STS_AGAIN (REQ_NOWAIT) or BLK_STS_IOERR (the disk has been deleted).
 */
bool lab_bio_queue_enter_slow(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	int err;

	do {
		lab_bio_queue_exit(q);
		err = lab_queue_wait_open(q, bio->bi_opf & REQ_NOWAIT);
		if (err) {
			WRITE_ONCE(bio->bi_status, err == -EAGAIN ? BLK_STS_AGAIN : BLK_STS_IOERR);
			bio_endio(bio);
			return false;
		}
	} while (atomic_fetch_inc(&lab_usage(q)->count) & LAB_USAGE_FROZEN);
	return true;
}

/**
 * lab_bio_queue_exit_slow - lab_bio_queue_exit() while somebody freezes, who is woken
 * @shard: what entering counted up
 *
 * Context: any; takes usage_lock, under which the freezer looks, so that @q is not gone before this is done.
 */
void lab_bio_queue_exit_slow(struct request_queue *q, struct lab_usage_shard *shard)
{
	unsigned long flags;

	spin_lock_irqsave(&q->usage_lock, flags);
	atomic_dec_return(&shard->count);
	wake_up_all(&q->freeze_wq);
	spin_unlock_irqrestore(&q->usage_lock, flags);
}

static bool queue_is_empty(struct request_queue *q)
{
	unsigned int i;

	if (q->mq_ops)
		return lab_tags_used(q->hctx->tags) == 0;
	for (i = 0; i < BLK_USAGE_SHARDS; i++)
		if (atomic_read_acquire(&q->usage[i].count) & ~LAB_USAGE_FROZEN)
			return false;
	return true;
}

/* Who enters from now on finds the queue frozen; who leaves says so. */
static void close_gate(struct request_queue *q)
{
	unsigned int i;

	WRITE_ONCE(q->gate, q->gate + 1);
	smp_mb();
	if (q->mq_ops) {
		lab_tags_notify(q->hctx->tags, true);
		return;
	}
	for (i = 0; i < BLK_USAGE_SHARDS; i++)
		atomic_fetch_add(LAB_USAGE_FROZEN, &q->usage[i].count);
}

static void open_gate(struct request_queue *q)
{
	unsigned int i;

	if (!q->mq_ops)
		for (i = 0; i < BLK_USAGE_SHARDS; i++)
			atomic_fetch_sub(LAB_USAGE_FROZEN, &q->usage[i].count);
	smp_store_release(&q->gate, q->gate + 1);
	if (q->mq_ops)
		lab_tags_notify(q->hctx->tags, false);
	wake_up_all(&q->freeze_wq);
}

/* Whoever freed the last reference may still be in its slow path: it is out when its lock can be taken. */
static void wait_for_leavers(struct request_queue *q)
{
	spinlock_t *lock = q->mq_ops ? &q->hctx->tags->lock : &q->usage_lock;

	spin_lock_irq(lock);
	spin_unlock_irq(lock);
}

/**
 * blk_mq_freeze_queue - close @q and wait until nobody is inside
 *
 * New bios wait, or end with BLK_STS_AGAIN if REQ_NOWAIT. Calls nest; each needs its
 * blk_mq_unfreeze_queue(). Not from within ->submit_bio or queue_rq of the same queue. Context: task, may
 * sleep.
 */
void blk_mq_freeze_queue(struct request_queue *q)
{
	blk_flush_plug(current->plug, true);
	mutex_lock(&q->freeze_lock);
	if (q->freeze_depth++ == 0)
		close_gate(q);
	mutex_unlock(&q->freeze_lock);
	io_wait_event(q->freeze_wq, queue_is_empty(q));
	wait_for_leavers(q);
}

/**
 * blk_mq_unfreeze_queue - undo one blk_mq_freeze_queue(); the last one lets the waiting bios in
 *
 * Context: task, may sleep.
 */
void blk_mq_unfreeze_queue(struct request_queue *q)
{
	mutex_lock(&q->freeze_lock);
	BUG_ON(!q->freeze_depth);
	if (--q->freeze_depth == 0)
		open_gate(q);
	mutex_unlock(&q->freeze_lock);
}
