// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-flush.c - REQ_PREFLUSH and REQ_FUA on devices with a volatile cache.
 *
 * A write with these flags is a sequence: flush the cache, write the data, flush again. Which steps there
 * are follows from the flags and the device: no PREFLUSH, no first step; no data, no second; FUA, if the
 * driver knows it, needs no third. (On a device without a cache the flags have been taken off at
 * submission.)
 *
 * Flushes are shared. A queue has one flush request. Requests that need a flush wait on @pending; when no
 * flush is at the driver, all that wait move to @running and one flush is sent for them. Who comes later
 * waits for the next one: the running one may have passed its data by. So two flushes serve any number of
 * writers, and since each of them holds a tag, their number is bounded.
 *
 * A driver may end a flush before its queue_rq() has returned, and what waited for that flush may need the next one.
 * So a task that sends a flush, or serves those who waited for one, has a frame: what would nest is left to it, and
 * comes after. Linux has a worker for that.
 *
 * Source: the contract of block/blk-flush.c of Linux 6.1, without its timing rules.
 */
#include "blk.h"

enum {
	LAB_FSEQ_PREFLUSH = 1,
	LAB_FSEQ_DATA = 2,
	LAB_FSEQ_POSTFLUSH = 4,
	LAB_FSEQ_ALL = 7,
};

struct rq_fifo {
	struct request *head, *tail;	/* by rq_next */
};

/**
 * struct blk_flush_queue - the flushes of one queue
 * @lock: all of it
 * @busy: @flush_rq is at the driver or on its way, or has come back and @running is being served
 */
struct blk_flush_queue {
	spinlock_t lock;
	struct rq_fifo pending, running;
	bool busy;
	struct request *flush_rq;
	struct blk_mq_tag_set *set;
};

/**
 * struct lab_flush_frame - on the stack of a task that sends the flush of a queue, or serves who waited for it
 * @q: the queue; compared only, as it may be gone
 * @outer: of another queue, further out
 * @send: a flush has been begun and is to be sent
 * @ended: one has come back, with @status, and @running is to be served
 *
 * This task's alone: what runs in it meanwhile leaves word here. If it has left none, the queue may be gone.
 */
struct lab_flush_frame {
	struct request_queue *q;
	struct lab_flush_frame *outer;
	bool send, ended;
	blk_status_t status;
};

static void flush_end_io(struct request *flush_rq, blk_status_t status);

static void fifo_add(struct rq_fifo *fifo, struct request *rq)
{
	rq->rq_next = NULL;
	if (fifo->tail)
		fifo->tail->rq_next = rq;
	else
		fifo->head = rq;
	fifo->tail = rq;
}

/**
 * lab_flush_queue_alloc - the flushes of @q, which has its tag set
 *
 * The flush request is none of the tag set's, so the driver has not seen it yet: without init_request() its first
 * flush would run with an empty pdu. Context: task, may sleep. Return: NULL: no memory, or the driver refused the
 * request.
 */
struct blk_flush_queue *lab_flush_queue_alloc(struct request_queue *q)
{
	struct blk_mq_tag_set *set = q->tag_set;
	struct blk_flush_queue *fq = kzalloc(sizeof(*fq), GFP_KERNEL);

	if (!fq)
		return NULL;
	fq->set = set;
	fq->flush_rq = kzalloc(sizeof(struct request) + set->cmd_size, GFP_KERNEL);
	if (!fq->flush_rq)
		goto no_request;
	if (set->ops->init_request && set->ops->init_request(set, fq->flush_rq, 0, NUMA_NO_NODE))
		goto refused;
	spin_lock_init(&fq->lock);
	fq->flush_rq->tag = BLK_MQ_NO_TAG;
	return fq;

refused:
	kfree(fq->flush_rq);
no_request:
	kfree(fq);
	return NULL;
}

/**
 * lab_flush_queue_free - undo lab_flush_queue_alloc()
 * @fq: nobody flushes or waits for a flush (BUGs else); NULL: nothing to do
 *
 * Calls the driver's exit_request(). Context: task, may sleep.
 */
void lab_flush_queue_free(struct blk_flush_queue *fq)
{
	if (!fq)
		return;
	BUG_ON(fq->busy || fq->pending.head || fq->running.head);
	if (fq->set->ops->exit_request)
		fq->set->ops->exit_request(fq->set, fq->flush_rq, 0);
	kfree(fq->flush_rq);
	kfree(fq);
}

/* Which steps @rq needs. */
static unsigned int flush_policy(const struct request *rq)
{
	unsigned int steps = 0;

	if (blk_rq_bytes(rq))
		steps |= LAB_FSEQ_DATA;
	if (rq->cmd_flags & REQ_PREFLUSH)
		steps |= LAB_FSEQ_PREFLUSH;
	if ((rq->cmd_flags & REQ_FUA) && blk_rq_bytes(rq) && !blk_queue_fua(rq->q))
		steps |= LAB_FSEQ_POSTFLUSH;
	return steps;
}

/** lab_flush_inflight - is the flush request at the driver? True only for this moment. Context: any. */
bool lab_flush_inflight(const struct blk_flush_queue *fq)
{
	return READ_ONCE(fq->flush_rq->state) == MQ_RQ_IN_FLIGHT;
}

/* fq->lock held. Begin a flush if anybody waits and none is under way; true: the caller sends it. */
static bool flush_begin(struct blk_flush_queue *fq)
{
	lockdep_assert_held(&fq->lock);
	if (fq->busy || !fq->pending.head)
		return false;
	fq->busy = true;
	fq->running = fq->pending;
	fq->pending = (struct rq_fifo) { };
	return true;
}

static struct lab_flush_frame *flush_frame_of(const struct request_queue *q)
{
	struct lab_flush_frame *frame = current->kc_flush_frame;

	while (frame && frame->q != q)
		frame = frame->outer;
	return frame;
}

/* Give the flush request to the driver. */
static void flush_issue(struct request_queue *q)
{
	struct request *flush_rq = q->fq->flush_rq;

	flush_rq->q = q;
	flush_rq->mq_hctx = q->hctx;
	flush_rq->cmd_flags = REQ_OP_FLUSH;
	flush_rq->ioprio = 0;
	flush_rq->rq_flags = 0;
	WRITE_ONCE(flush_rq->state, MQ_RQ_IDLE);
	flush_rq->end_io = flush_end_io;
	lab_mq_issue(flush_rq);
}

static void flush_serve(struct request_queue *q, blk_status_t status);

/* Do what @frame says, and what comes of it in this task. Context: any, no lock held. */
static void flush_run(struct lab_flush_frame *frame)
{
	frame->outer = current->kc_flush_frame;
	current->kc_flush_frame = frame;
	while (frame->send || frame->ended) {
		if (frame->send) {
			frame->send = false;
			flush_issue(frame->q);
		} else {
			frame->ended = false;
			flush_serve(frame->q, frame->status);
		}
	}
	current->kc_flush_frame = frame->outer;
}

/* After flush_begin(): see to it that the flush request goes to the driver. Context: any, no lock held. */
static void flush_send(struct request_queue *q)
{
	struct lab_flush_frame *frame = flush_frame_of(q);

	if (frame)
		frame->send = true;
	else
		flush_run(&(struct lab_flush_frame) { .q = q, .send = true });
}

/* The sequence of @rq is over: end it as any other request. */
static void flush_seq_finish(struct request *rq)
{
	struct bio *bio = rq->bio;

	rq->rq_flags &= ~RQF_FLUSH_SEQ;
	rq->bio = NULL;
	if (rq->flush.status)
		WRITE_ONCE(bio->bi_status, rq->flush.status);
	bio_advance(bio, bio->bi_iter.bi_size);
	bio_endio(bio);
	__blk_mq_end_request(rq, rq->flush.status);
}

/*
 * Go on with the first step of @rq that is not done; an error skips the rest. The queue is not touched
 * after the request has been passed on, unless it is for the flush it waits for. Context: any, no lock
 * held.
 */
static void flush_seq_next(struct request *rq)
{
	unsigned int left = LAB_FSEQ_ALL & ~rq->flush.seq;
	struct request_queue *q = rq->q;
	unsigned long flags;
	bool send;

	if (!left || rq->flush.status) {
		flush_seq_finish(rq);
		return;
	}
	if ((left & LAB_FSEQ_DATA) && !(left & LAB_FSEQ_PREFLUSH)) {
		lab_mq_issue(rq);
		return;
	}
	spin_lock_irqsave(&q->fq->lock, flags);
	fifo_add(&q->fq->pending, rq);
	send = flush_begin(q->fq);
	spin_unlock_irqrestore(&q->fq->lock, flags);
	if (send)
		flush_send(q);
}

/* A step of @rq has been done, with @status. */
static void flush_seq_advance(struct request *rq, unsigned int step, blk_status_t status)
{
	rq->flush.seq |= step;
	if (!rq->flush.status)
		rq->flush.status = status;
	flush_seq_next(rq);
}

/*
 * The queue's flush has come back, with @status: all who waited for it go on. The next flush is begun before the last
 * of them goes, since the last one's tag may be what holds the queue; those who wait for it hold it then. None of them
 * waits again at once: after a flush comes data, or the end.
 */
static void flush_serve(struct request_queue *q, blk_status_t status)
{
	struct blk_flush_queue *fq = q->fq;
	struct request *rq, *next;
	unsigned long flags;
	bool send;

	spin_lock_irqsave(&fq->lock, flags);
	next = fq->running.head;
	fq->running = (struct rq_fifo) { };
	spin_unlock_irqrestore(&fq->lock, flags);
	lab_mq_kick(q->hctx);
	while ((rq = next) != NULL) {
		bool is_pre = !(rq->flush.seq & LAB_FSEQ_PREFLUSH);

		next = rq->rq_next;
		if (!next) {
			spin_lock_irqsave(&fq->lock, flags);
			fq->busy = false;
			send = flush_begin(fq);
			spin_unlock_irqrestore(&fq->lock, flags);
			if (send)
				flush_send(q);		/* after this one: the frame is this task's */
		}
		flush_seq_advance(rq, is_pre ? LAB_FSEQ_PREFLUSH : LAB_FSEQ_POSTFLUSH, status);
	}
}

static void flush_end_io(struct request *flush_rq, blk_status_t status)
{
	struct request_queue *q = flush_rq->q;
	struct lab_flush_frame *frame = flush_frame_of(q);

	if (frame) {
		frame->status = status;
		frame->ended = true;
	} else {
		flush_run(&(struct lab_flush_frame) { .q = q, .ended = true, .status = status });
	}
}

/**
 * lab_flush_insert - @rq, with REQ_PREFLUSH or REQ_FUA, begins
 *
 * Holds a tag; its bio ends when the last step has, with the first error of any. Scope: the disk's. Context: task, no
 * lock held; sleeps only in a driver that does.
 */
void lab_flush_insert(struct request *rq)
{
	unsigned int steps = flush_policy(rq);

	rq->flush.seq = LAB_FSEQ_ALL & ~steps;
	rq->flush.status = BLK_STS_OK;
	if (!blk_queue_fua(rq->q))
		rq->cmd_flags &= ~REQ_FUA;
	rq->cmd_flags &= ~REQ_PREFLUSH;
	if (steps == LAB_FSEQ_DATA) {
		lab_mq_issue(rq);
		return;
	}
	rq->rq_flags |= RQF_FLUSH_SEQ;
	flush_seq_next(rq);
}

/**
 * lab_flush_step_done - the driver has ended the data of @rq, or refused it
 * @rq: RQF_FLUSH_SEQ; nobody's afterwards
 * @status: an error skips the steps that are left
 *
 * Context: any, no lock held.
 */
void lab_flush_step_done(struct request *rq, blk_status_t status)
{
	WRITE_ONCE(rq->state, MQ_RQ_IDLE);
	rq->rq_flags &= ~RQF_STARTED;
	lab_mq_kick(rq->mq_hctx);
	flush_seq_advance(rq, LAB_FSEQ_DATA, status);
}
