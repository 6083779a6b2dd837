// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-mq-end.c - what a driver calls: a request begins, is done in part, is done.
 *
 * The end of a request is the end of its bios, then of its tag. The tag is last: it is what holds the queue, and
 * after it nothing of the queue is touched.
 *
 * Source: the contracts of block/blk-mq.c of Linux 6.1.
 */
#include <trace/events/block.h>
#include "blk.h"

/**
 * blk_mq_start_request - the driver has begun with @rq
 *
 * First thing in queue_rq(). Context: as queue_rq().
 */
void blk_mq_start_request(struct request *rq)
{
	BUG_ON(rq->state != MQ_RQ_IDLE);
	trace_block_rq_issue(rq);
	WRITE_ONCE(rq->state, MQ_RQ_IN_FLIGHT);
	rq->rq_flags |= RQF_STARTED;
}

/**
 * blk_update_request - the first @nr_bytes of what is left of @rq are done
 *
 * Ends the bios that are done whole, with @status if it is an error. Returns whether anything is left. A
 * request of the flush sequence keeps its bio until the sequence is over. Context: any.
 */
bool blk_update_request(struct request *rq, blk_status_t status, unsigned int nr_bytes)
{
	struct bio *bio;

	trace_block_rq_complete(rq, status, nr_bytes);
	while ((bio = rq->bio) != NULL && (nr_bytes || !bio->bi_iter.bi_size)) {
		unsigned int bytes = min(nr_bytes, bio->bi_iter.bi_size);

		if (unlikely(status))
			WRITE_ONCE(bio->bi_status, status);
		nr_bytes -= bytes;
		rq->__data_len -= bytes;
		rq->__sector += bytes >> SECTOR_SHIFT;
		bio_advance(bio, bytes);
		if (bio->bi_iter.bi_size || (rq->rq_flags & RQF_FLUSH_SEQ))
			break;
		rq->bio = bio->bi_next;
		bio->bi_next = NULL;
		bio_endio(bio);
	}
	return rq->bio != NULL && rq->__data_len;
}

static inline void end_request(struct request *rq, blk_status_t status)
{
	BUG_ON(rq->state == MQ_RQ_COMPLETE);
	WRITE_ONCE(rq->state, MQ_RQ_COMPLETE);
	if (unlikely(rq->end_io)) {
		rq->end_io(rq, status);
		return;
	}
	BUG_ON(rq->bio);
	lab_tag_put(rq);
}

/**
 * __blk_mq_end_request - @rq has no bios left: it is over
 *
 * Context: any; the request is nobody's afterwards.
 */
void __blk_mq_end_request(struct request *rq, blk_status_t status)
{
	end_request(rq, status);
}

/* Requests of the flush sequence, and of several bios or none. */
static noinline void end_request_slow(struct request *rq, blk_status_t status)
{
	if (rq->rq_flags & RQF_FLUSH_SEQ) {
		trace_block_rq_complete(rq, status, blk_rq_bytes(rq));
		lab_flush_step_done(rq, status);
		return;
	}
	blk_update_request(rq, status, blk_rq_bytes(rq));
	end_request(rq, status);
}

/**
 * blk_mq_end_request - @rq is done, all of it, with @status
 *
 * Ends its bios, each with bi_size 0, and frees its tag. Runs on the account of the disk's scope.
 * Context: any; the request is nobody's afterwards.
 */
void blk_mq_end_request(struct request *rq, blk_status_t status)
{
	enum lab_scope old = lab_scope_enter(rq->q->disk->lab_scope);
	struct bio *bio = rq->bio;

	if (likely(bio && bio == rq->biotail && !(rq->rq_flags & RQF_FLUSH_SEQ))) {
		if (unlikely(status))
			WRITE_ONCE(bio->bi_status, status);
		trace_block_rq_complete(rq, status, blk_rq_bytes(rq));
		bio->bi_iter.bi_sector += bio->bi_iter.bi_size >> SECTOR_SHIFT;
		bio->bi_iter.bi_size = 0;
		rq->bio = NULL;
		bio_endio(bio);
		end_request(rq, status);
	} else {
		end_request_slow(rq, status);
	}
	lab_scope_leave(old);
}

/**
 * blk_mq_complete_request - the device has finished @rq
 *
 * Ends in the driver's ->complete, or without one in blk_mq_end_request(rq, BLK_STS_OK). Completions run
 * where they happen: there is no other processor to send them to. Context: any.
 */
void blk_mq_complete_request(struct request *rq)
{
	if (rq->q->mq_ops->complete)
		rq->q->mq_ops->complete(rq);
	else
		blk_mq_end_request(rq, BLK_STS_OK);
}
