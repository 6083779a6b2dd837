// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-core.c - submission.
 *
 * submit_bio() checks a bio against its device and gives it to the driver, except when the caller is
 * itself a driver that is being submitted to (current->bio_list is set): then the bio is only put on that
 * list, and the outermost submit_bio() gives it to its driver after the current one has returned. So
 * stacked devices nest in the list and not on the stack, and a driver must not wait, under ->submit_bio,
 * for what it has submitted.
 *
 * Order is depth first: what a driver submitted to other queues goes before what it submitted to its own,
 * and both before what was waiting. So everything below a bio has been issued before a sibling may sleep
 * for memory or tags that only those can give back.
 *
 * Code that runs a driver outside of submit_bio() (a plug's flush, a worker) puts a struct lab_submit_frame
 * around it when the driver submits below, so that these rules hold there too.
 *
 * Source: the rules of block/blk-core.c of Linux 6.1; commit 79bd99596b73 for the order.
 */
#include <kc/io.h>
#include <trace/events/block.h>
#include "blk.h"

#define LAB_POLL_BUDGET	32	/* completions of one bio_poll(): other polls get their turn */

/*
 * Give @bio to its driver: the one place where a bio enters a disk, and where the probe scope becomes the
 * disk's.
 */
static __always_inline void submit_to_driver(struct gendisk *disk, struct bio *bio)
{
	enum lab_scope old = lab_scope_enter(disk->lab_scope);

	if (!disk->fops) {
		blk_mq_submit_bio(bio);
	} else if (lab_bio_queue_enter(bio)) {
		blk_probe_stack(STACK_SUBMIT);
		if (disk->lab_stacking)
			kc_nowait_begin();
		disk->fops->submit_bio(bio);
		if (disk->lab_stacking)
			kc_nowait_end();
		lab_bio_queue_exit(disk->queue);
	}
	lab_scope_leave(old);
}

/*
 * What the driver of @q has put on lists[0] goes before lists[1], depth first; lists[1] is empty
 * afterwards.
 */
static noinline void sort_caught(struct bio_list *lists, struct request_queue *q)
{
	struct bio_list lower = BIO_EMPTY_LIST, same = BIO_EMPTY_LIST;
	struct bio *bio;

	while ((bio = bio_list_pop(&lists[0])))
		bio_list_add(bdev_get_queue(bio->bi_bdev) == q ? &same : &lower, bio);
	bio_list_merge(&lower, &same);
	bio_list_merge(&lower, &lists[1]);
	lists[0] = lower;
	bio_list_init(&lists[1]);
}

/* Submit @bio and everything that comes of it. current->bio_list == @lists, both empty. */
static __always_inline void submit_all(struct bio_list *lists, struct bio *bio)
{
	struct request_queue *q;

	do {
		q = bdev_get_queue(bio->bi_bdev);
		if (unlikely(lists[0].head)) {
			lists[1] = lists[0];
			bio_list_init(&lists[0]);
		}
		submit_to_driver(bio->bi_bdev->bd_disk, bio);
		/* One caught and none waiting needs no sorting. */
		if (unlikely(lists[0].head != lists[0].tail || lists[1].head))
			sort_caught(lists, q);
	} while ((bio = bio_list_pop(&lists[0])));
}

/* Does @bio reach beyond its device? Written so that no sum overflows. */
static inline bool bio_beyond_end(const struct bio *bio, const struct block_device *bdev)
{
	sector_t capacity = bdev_nr_sectors(bdev);
	unsigned int sectors = bio_sectors(bio);

	return sectors && (sectors > capacity || bio->bi_iter.bi_sector > capacity - sectors);
}

/*
 * The less frequent operations and flags. @done: nothing is left to do, end the bio with what is
 * returned.
 */
static blk_status_t bio_check_op(struct bio *bio, struct request_queue *q, bool *done)
{
	*done = false;
	if (op_is_flush(bio->bi_opf)) {
		if (WARN_ON(bio_op(bio) != REQ_OP_WRITE))
			return BLK_STS_IOERR;
		if (!blk_queue_wc(q)) {
			bio->bi_opf &= ~(REQ_PREFLUSH | REQ_FUA);
			*done = !bio_sectors(bio);
		}
	}
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
		return READ_ONCE(q->limits.max_discard_sectors) ? BLK_STS_OK : BLK_STS_NOTSUPP;
	case REQ_OP_WRITE_ZEROES:
		return READ_ONCE(q->limits.max_write_zeroes_sectors) ? BLK_STS_OK : BLK_STS_NOTSUPP;
	default:
		return BLK_STS_NOTSUPP;
	}
}

/* May @bio, which is not bio_is_plain(), go to its driver? Else it has been ended. */
static noinline bool bio_admit_slow(struct bio *bio, struct block_device *bdev)
{
	blk_status_t status = bio_beyond_end(bio, bdev) ? BLK_STS_IOERR : BLK_STS_OK;
	bool done = false;

	if (!status && bdev_read_only(bdev) && op_is_write(bio->bi_opf) && bio_sectors(bio))
		status = BLK_STS_IOERR;
	if (!status)
		status = bio_check_op(bio, bdev_get_queue(bdev), &done);
	if (!status && !done)
		return true;
	WRITE_ONCE(bio->bi_status, status);
	bio_endio(bio);
	return false;
}

/* A read or a write that its device can take as it is. */
static inline bool bio_is_plain(const struct bio *bio)
{
	const struct block_device *bdev = bio->bi_bdev;
	blk_opf_t opf = bio->bi_opf;

	return (opf & REQ_OP_MASK) <= REQ_OP_WRITE && !op_is_flush(opf) && !bio_beyond_end(bio, bdev) &&
	       !(bdev_read_only(bdev) && op_is_write(opf));
}

static inline void submit_admitted(struct bio *bio)
{
	struct bio_list lists[2];

	if (current->bio_list) {
		bio_list_add(&current->bio_list[0], bio);
		return;
	}
	bio_list_init(&lists[0]);
	bio_list_init(&lists[1]);
	current->bio_list = lists;
	submit_all(lists, bio);
	current->bio_list = NULL;
}

/* A queue that cannot be polled tells the submitter by clearing the flag. */
static noinline void bio_check_polled(struct bio *bio)
{
	if (!blk_queue_poll(bdev_get_queue(bio->bi_bdev)))
		bio->bi_opf &= ~REQ_POLLED;
}

/**
 * submit_bio_noacct - submit @bio to bio->bi_bdev
 *
 * It will be ended exactly once, perhaps before this returns: beyond the device's end, a write to a
 * read-only one or one that has been deleted with BLK_STS_IOERR, an operation it does not know with
 * BLK_STS_NOTSUPP. Under a driver's ->submit_bio it is only queued. Context: task, may sleep (not for the
 * bio's own completion).
 */
void submit_bio_noacct(struct bio *bio)
{
	might_sleep();
	lab_bio_mark_live(bio);
	lab_probe(BIOS);
	if (unlikely(bio->bi_opf & REQ_POLLED))
		bio_check_polled(bio);
	if (likely(bio_is_plain(bio)) || bio_admit_slow(bio, bio->bi_bdev)) {
		trace_block_bio_queue(bio);
		submit_admitted(bio);
	}
}

/**
 * submit_bio - submit_bio_noacct() for whoever is not a stacking driver
 *
 * There is no IO accounting in which the two would differ. Context: task, may sleep.
 */
void submit_bio(struct bio *bio)
{
	submit_bio_noacct(bio);
}

/**
 * bio_poll - look for completions instead of waiting for them
 * @bio: submitted by this task, with REQ_POLLED, and not freed: it has ended or its owner holds it
 * @iob: NULL
 * @flags: BLK_POLL_*
 *
 * Sends the task's plug, then takes what its devices have completed, @bio's request or others, without
 * waiting: end_io runs from here. Returns how many transfers completed; 0 when none has, and always for a bio
 * whose REQ_POLLED was cleared, by a queue that cannot be polled or by a cut: that one is waited for. What
 * another task started below, a worker of a stacked device, completes in that task and is not found here.
 * Context: task, not atomic.
 */
int bio_poll(struct bio *bio, struct io_comp_batch *iob, unsigned int flags)
{
	if (!(READ_ONCE(bio->bi_opf) & REQ_POLLED))
		return 0;
	blk_flush_plug(current->plug, false);
	return kc_io_poll(LAB_POLL_BUDGET);
}

/**
 * lab_bio_poll_turn - one turn of a wait for polled IO
 * @bio: as bio_poll(); or NULL: who waits does not poll
 *
 * Who waits calls this until it has what it waits for, or this returns false: then there is nothing that a poll could
 * find, since @bio may not be polled or whatever is still to come is another task's (a worker's, a timer's), and who
 * waits sleeps. Unlike 5.18's wait, which slept after each poll that found nothing, and was woken only if the device
 * had interrupts after all. Context: task, not atomic. Return: true: look again.
 */
bool lab_bio_poll_turn(struct bio *bio)
{
	if (likely(!bio))
		return false;
	lab_probe(POLLS);
	if (bio_poll(bio, NULL, 0))
		return true;
	if (!(READ_ONCE(bio->bi_opf) & REQ_POLLED) || !kc_io_inflight()) {
		lab_probe(POLL_SLEEPS);
		return false;
	}
	cond_resched();
	return true;
}

/**
 * lab_submit_remainder - submit what is left of a bio that has been admitted and counted
 *
 * Neither checked, counted nor traced again; ended exactly once. Context: as submit_bio_noacct().
 */
void lab_submit_remainder(struct bio *bio)
{
	submit_admitted(bio);
}

/**
 * lab_submit_frame_begin - catch what is submitted from now on, whether or not somebody further out does
 * @frame: on the stack; until lab_submit_frame_end(), by the same task. They nest.
 *
 * Context: task.
 */
void lab_submit_frame_begin(struct lab_submit_frame *frame)
{
	bio_list_init(&frame->lists[0]);
	bio_list_init(&frame->lists[1]);
	frame->outer = current->bio_list;
	current->bio_list = frame->lists;
}

/**
 * lab_submit_frame_end - send down what was caught and all that comes of it
 * @frame: the innermost of this task (BUGs else)
 *
 * Context: task, may sleep.
 */
void lab_submit_frame_end(struct lab_submit_frame *frame)
{
	struct bio *bio = bio_list_pop(&frame->lists[0]);

	BUG_ON(current->bio_list != frame->lists);
	if (bio)
		submit_all(frame->lists, bio);
	current->bio_list = frame->outer;
}
