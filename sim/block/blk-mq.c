// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-mq.c - from a bio to the driver's queue_rq(); the way back is in blk-mq-end.c.
 *
 * Down: take a tag and with it a request, measure the bio against the limits, and put the request in the
 * plug or give it to the driver; or, if the plug has a request for this queue, let the bio join that. Up:
 * blk_mq_end_request() ends the bios and frees the tag.
 *
 * A tag holds the queue open: limits do not change while one is in use. Who takes one looks at q->gate
 * before and after; if it has moved the bio starts again.
 *
 * A driver that cannot take a request now (BLK_STS_RESOURCE) gets it again: it waits on hctx->dispatch,
 * and while anything waits there every completion kicks a worker that tries again. If nothing is in
 * flight that could complete, the worker keeps trying.
 *
 * Which context calls queue_rq(): the submitter, kblockd, or, for drivers that neither sleep nor submit
 * below, the completion of a flush. A driver that submits below (gendisk->lab_stacking) is called within
 * a submit frame unless there is one, so that its bios go down after it has returned.
 *
 * Source: the contracts of block/blk-mq.c of Linux 6.1.
 */
#include <trace/events/block.h>
#include "blk.h"

/* ---- towards the driver ---------------------------------------------------------------- */

/* Call the driver. Scope: the disk's, already entered. */
static inline blk_status_t call_queue_rq(struct blk_mq_hw_ctx *hctx, struct request *rq, bool last)
{
	struct blk_mq_queue_data bd = { .rq = rq, .last = last };
	bool is_flush __maybe_unused = req_op(rq) == REQ_OP_FLUSH;	/* not counted without probes */
	struct request_queue *q = hctx->queue;
	blk_status_t ret;

	/* Before: when the driver returns to this task, a worker perhaps, who waits for the IO may have gone on. */
	lab_probe(REQUESTS);
	lab_probe_add(FLUSHES, is_flush);
	blk_probe_stack(STACK_SUBMIT);
	if (unlikely(hctx->flags & LAB_MQ_F_STACKING)) {
		kc_nowait_begin();
		ret = q->mq_ops->queue_rq(hctx, &bd);
		kc_nowait_end();
	} else {
		ret = q->mq_ops->queue_rq(hctx, &bd);
	}
	if (unlikely(ret != BLK_STS_OK)) {
		lab_probe_add(REQUESTS, -1);
		lab_probe_add(FLUSHES, -is_flush);
	}
	return ret;
}

/* Has @hctx requests that wait for the driver? Then newer ones go behind them. */
static inline bool hctx_is_backed_up(struct blk_mq_hw_ctx *hctx)
{
	return unlikely(READ_ONCE(hctx->nr_dispatch));
}

/* Put @rq on hctx->dispatch. Context: any. */
static void hctx_hold_back(struct blk_mq_hw_ctx *hctx, struct request *rq, bool at_head)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&hctx->lock, flags);
	if (at_head)
		list_add(&rq->queuelist, &hctx->dispatch);
	else
		list_add_tail(&rq->queuelist, &hctx->dispatch);
	first = hctx->nr_dispatch == 0;
	WRITE_ONCE(hctx->nr_dispatch, hctx->nr_dispatch + 1);
	if (first)
		lab_tags_notify(hctx->tags, true);
	spin_unlock_irqrestore(&hctx->lock, flags);
}

static struct request *hctx_take(struct blk_mq_hw_ctx *hctx)
{
	struct request *rq;
	unsigned long flags;

	spin_lock_irqsave(&hctx->lock, flags);
	rq = list_first_entry_or_null(&hctx->dispatch, struct request, queuelist);
	if (rq) {
		list_del(&rq->queuelist);
		WRITE_ONCE(hctx->nr_dispatch, hctx->nr_dispatch - 1);
		if (!hctx->nr_dispatch)
			lab_tags_notify(hctx->tags, false);
	}
	spin_unlock_irqrestore(&hctx->lock, flags);
	return rq;
}

enum issue_result { ISSUE_TAKEN, ISSUE_BUSY, ISSUE_FAILED };

/*
 * Give @rq to the driver. BUSY: it is the caller's as before; FAILED: the driver refused it and it has
 * been ended.
 */
static __always_inline enum issue_result issue(struct blk_mq_hw_ctx *hctx, struct request *rq, bool last)
{
	blk_status_t ret;

	VM_BUG_ON(rq->mq_hctx != hctx);		/* whoever walks a list that changes meanwhile ends up here (H3) */
	ret = call_queue_rq(hctx, rq, last);

	if (likely(ret == BLK_STS_OK))
		return ISSUE_TAKEN;
	if (ret == BLK_STS_RESOURCE || ret == BLK_STS_DEV_RESOURCE) {
		WRITE_ONCE(rq->state, MQ_RQ_IDLE);
		trace_block_rq_requeue(rq);
		return ISSUE_BUSY;
	}
	blk_mq_end_request(rq, ret);
	return ISSUE_FAILED;
}

static noinline void hctx_leave_to_worker(struct blk_mq_hw_ctx *hctx, struct request *rq)
{
	trace_block_rq_insert(rq);
	hctx_hold_back(hctx, rq, false);
	queue_work(hctx->run_wq, &hctx->run_work);
}

/*
 * Give one request to its driver, or see to it that a worker does. A driver that submits below is called
 * within a frame only; a completion that runs in a task is in none.
 */
static __always_inline void issue_or_leave(struct request *rq)
{
	struct blk_mq_hw_ctx *hctx = rq->mq_hctx;

	if (hctx_is_backed_up(hctx) ||
	    (unlikely(driver_needs_task(hctx)) && (in_hardirq() || !current->bio_list)))
		hctx_leave_to_worker(hctx, rq);
	else if (unlikely(issue(hctx, rq, true) == ISSUE_BUSY))
		hctx_leave_to_worker(hctx, rq);
}

/** lab_mq_issue - issue_or_leave() for blk-flush.c. Scope: the disk's. Context: any, no lock held. */
void lab_mq_issue(struct request *rq)
{
	issue_or_leave(rq);
}

/* issue() outside of submit_bio(): within a frame of its own if the driver submits below. */
static enum issue_result issue_framed(struct blk_mq_hw_ctx *hctx, struct request *rq, bool last)
{
	struct lab_submit_frame frame;
	enum issue_result result;

	if (!(hctx->flags & LAB_MQ_F_STACKING))
		return issue(hctx, rq, last);
	lab_submit_frame_begin(&frame);
	result = issue(hctx, rq, last);
	lab_submit_frame_end(&frame);
	return result;
}

static unsigned int list_depth(const struct request *head)
{
	unsigned int n = 0;

	for (; head; head = head->rq_next)
		n++;
	return n;
}

/**
 * lab_mq_dispatch_list - send a plug's requests for @q, by rq_next, in order
 *
 * What the driver does not take waits on hctx->dispatch. Context: task; @from_schedule: must not sleep.
 */
void lab_mq_dispatch_list(struct request_queue *q, struct request *head, bool from_schedule)
{
	struct blk_mq_hw_ctx *hctx = q->hctx;
	enum lab_scope old = lab_scope_enter(q->disk->lab_scope);
	bool open = !(from_schedule && driver_needs_task(hctx)) && !hctx_is_backed_up(hctx);
	enum issue_result result = ISSUE_BUSY;
	bool uncommitted = false;
	struct request *rq = head, *next;

	if (kc_blktrace_on())
		trace_block_unplug(q, list_depth(head), !from_schedule);
	for (; rq && open; rq = next) {
		next = rq->rq_next;
		result = issue_framed(hctx, rq, !next);
		if (result == ISSUE_BUSY)
			break;
		if (result == ISSUE_TAKEN)
			uncommitted = next != NULL;
	}
	if (uncommitted && q->mq_ops->commit_rqs)
		q->mq_ops->commit_rqs(hctx);
	for (; rq; rq = next) {
		next = rq->rq_next;
		hctx_leave_to_worker(hctx, rq);
	}
	lab_scope_leave(old);
}

/*
 * Is any request at the driver, whose completion will kick run_work? Ordered after nr_dispatch was
 * raised.
 */
static bool hctx_has_inflight(struct blk_mq_hw_ctx *hctx)
{
	struct blk_mq_tags *tags = hctx->tags;
	unsigned int i;

	for (i = 0; i < tags->nr_tags; i++)
		if (READ_ONCE(lab_tag_rq(tags, i)->state) == MQ_RQ_IN_FLIGHT)
			return true;
	return lab_flush_inflight(hctx->queue->fq);
}

/* kblockd: send what waits on hctx->dispatch until it is empty or the driver is busy. */
static void hctx_run_work(struct work_struct *work)
{
	struct blk_mq_hw_ctx *hctx = container_of(work, struct blk_mq_hw_ctx, run_work);
	enum lab_scope old = lab_scope_enter(hctx->queue->disk->lab_scope);
	struct request *rq;

	while ((rq = hctx_take(hctx))) {
		if (issue_framed(hctx, rq, true) != ISSUE_BUSY)
			continue;
		hctx_hold_back(hctx, rq, true);
		/*
		 * No completion will come: try again, after others have had a chance to free what the
		 * driver lacks.
		 */
		if (!hctx_has_inflight(hctx)) {
			queue_work(hctx->run_wq, &hctx->run_work);
			yield();
		}
		break;
	}
	lab_scope_leave(old);
}

/**
 * blk_mq_run_hw_queue - send what the driver would not take before
 * @async: from a worker; else by the caller, which must be able to sleep
 *
 * Context: any with @async, else task.
 */
void blk_mq_run_hw_queue(struct blk_mq_hw_ctx *hctx, bool async)
{
	queue_work(hctx->run_wq, &hctx->run_work);
	if (!async)
		flush_work(&hctx->run_work);
}

/** lab_mq_hctx_init - @hctx, zeroed, of @q with its tag set; served by kblockd until add_disk(). Context: task. */
void lab_mq_hctx_init(struct blk_mq_hw_ctx *hctx, struct request_queue *q)
{
	hctx->queue = q;
	hctx->tags = q->tag_set->tags;
	hctx->driver_data = q->tag_set->driver_data;
	hctx->flags = q->tag_set->flags;
	spin_lock_init(&hctx->lock);
	INIT_LIST_HEAD(&hctx->dispatch);
	INIT_WORK(&hctx->run_work, hctx_run_work);
	hctx->run_wq = kblockd_workqueue;
}

/** lab_mq_kick - @hctx has something back from the driver, no tag freed: who waits may have room. Context: any. */
void lab_mq_kick(struct blk_mq_hw_ctx *hctx)
{
	if (hctx_is_backed_up(hctx))
		queue_work(hctx->run_wq, &hctx->run_work);
}

/* ---- from a bio to a request ------------------------------------------------------------- */

static noinline struct request *get_request_slow(struct request_queue *q, struct bio *bio)
{
	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return NULL;
	}
	return lab_tag_get_wait(q->hctx->tags);
}

/* A tag for @bio, or NULL: the bio has been ended. */
static inline struct request *get_request(struct request_queue *q, struct bio *bio)
{
	struct request *rq = lab_tag_get(q->hctx->tags);

	return likely(rq) ? rq : get_request_slow(q, bio);
}

static inline void request_init(struct request *rq, struct bio *bio, unsigned int nr_segs)
{
	rq->cmd_flags = bio->bi_opf;
	rq->rq_flags = 0;
	rq->__data_len = bio->bi_iter.bi_size;
	rq->__sector = bio->bi_iter.bi_sector;
	rq->bio = rq->biotail = bio;
	rq->rq_next = NULL;
	rq->nr_phys_segments = nr_segs;
	rq->ioprio = bio_prio(bio);
	WRITE_ONCE(rq->state, MQ_RQ_IDLE);
	rq->end_io = NULL;
	trace_block_getrq(bio);
}

/* Wait until @q opens; false: the bio has been ended. */
static noinline bool mq_wait_open(struct request_queue *q, struct bio *bio)
{
	int err = lab_queue_wait_open(q, bio->bi_opf & REQ_NOWAIT);

	if (!err)
		return true;
	WRITE_ONCE(bio->bi_status, err == -EAGAIN ? BLK_STS_AGAIN : BLK_STS_IOERR);
	bio_endio(bio);
	return false;
}

static inline bool bio_is_aligned(const struct bio *bio, const struct queue_limits *lim)
{
	unsigned int mask = lim->logical_block_size - 1;

	return !((bio->bi_iter.bi_size | (bio->bi_iter.bi_sector << SECTOR_SHIFT)) & mask);
}

/*
 * Is what @plug holds to be sent before another request joins it? Looked at only then: the newest request waits,
 * however long it is, for bios that continue it.
 */
static bool plug_is_full(const struct blk_plug *plug)
{
	unsigned int max = plug->multiple_queues ? 2 * BLK_MAX_REQUEST_COUNT : BLK_MAX_REQUEST_COUNT;
	const struct request *newest = plug->mq_tail;

	return newest && (plug->rq_count >= max ||
			  (!blk_queue_nomerges(newest->q) && blk_rq_bytes(newest) >= BLK_PLUG_FLUSH_SIZE));
}

/* Send @rq the way its flags and the plug say. */
static __always_inline void start_on_its_way(struct request *rq)
{
	struct blk_plug *plug = current->plug;

	if (unlikely(op_is_flush(rq->cmd_flags))) {
		lab_flush_insert(rq);
	} else if (plug) {
		if (unlikely(plug_is_full(plug)))
			__blk_flush_plug(plug, false);
		lab_plug_add(plug, rq);
	} else {
		issue_or_leave(rq);
	}
}

/* The front of @bio that the limits allow, or NULL: the bio has been ended. The queue is held open. */
static inline struct bio *fit_bio(struct request_queue *q, struct bio *bio, unsigned int *nr_segs)
{
	if (unlikely(!bio_is_aligned(bio, &q->limits))) {
		bio_io_error(bio);
		return NULL;
	}
	return lab_split_fast(bio, &q->limits, nr_segs);
}

/*
 * @bio comes while the plug has a request for its queue, which holds it open: so it can be measured, and merged, before
 * a tag is taken. False: the gate has moved meanwhile, *@bio is to start again. *@bio NULL: it is under way.
 */
static noinline bool submit_beside(struct request_queue *q, unsigned int gate, struct request *held,
				   struct bio **bio)
{
	struct request *rq;
	unsigned int nr_segs;

	*bio = fit_bio(q, *bio, &nr_segs);
	if (!*bio)
		return true;
	if ((q->hctx->flags & BLK_MQ_F_SHOULD_MERGE) && lab_rq_merge(held, *bio, nr_segs))
		return true;
	rq = get_request(q, *bio);
	if (!rq)
		return true;
	/* Taking the tag may have meant sleeping, and that sends the plug. */
	if (unlikely(smp_load_acquire(&q->gate) != gate)) {
		lab_tag_put(rq);
		return false;
	}
	request_init(rq, *bio, nr_segs);
	start_on_its_way(rq);
	return true;
}

/* Measure @bio, now that it holds the tag of @rq, and send it. */
static noinline void submit_tagged(struct request_queue *q, struct request *rq, struct bio *bio)
{
	unsigned int nr_segs;

	bio = fit_bio(q, bio, &nr_segs);
	if (unlikely(!bio)) {
		lab_tag_put(rq);
		return;
	}
	request_init(rq, bio, nr_segs);
	start_on_its_way(rq);
}

/* A gate that is closed or moves, a plug, no tag at the first look. */
static noinline void submit_slow(struct request_queue *q, struct bio *bio)
{
	struct request *rq;
	unsigned int gate;

again:
	gate = smp_load_acquire(&q->gate);
	if (unlikely(gate & 1)) {
		if (!mq_wait_open(q, bio))
			return;
		goto again;
	}
	rq = current->plug ? lab_plug_newest(current->plug, q) : NULL;
	if (rq) {
		if (submit_beside(q, gate, rq, &bio))
			return;
		goto again;
	}
	rq = get_request(q, bio);
	if (unlikely(!rq))
		return;
	if (unlikely(smp_load_acquire(&q->gate) != gate)) {
		lab_tag_put(rq);
		goto again;
	}
	submit_tagged(q, rq, bio);
}

/**
 * blk_mq_submit_bio - @bio has come to a blk-mq queue
 *
 * Limits are read while something holds the queue open: the bio's own tag, or that of a request in the
 * plug. Ends the bio with BLK_STS_AGAIN (REQ_NOWAIT, and it would wait or be cut), BLK_STS_IOERR (misaligned, cannot be
 * cut, disk deleted) or the driver's error. Context: task, may sleep for a tag or an open queue; within a submit frame.
 * Scope: the disk's.
 */
void blk_mq_submit_bio(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	unsigned int gate = smp_load_acquire(&q->gate);
	struct request *rq;

	rq = likely(!(gate & 1) && !current->plug) ? lab_tag_try(q->hctx->tags) : NULL;
	if (unlikely(!rq)) {
		submit_slow(q, bio);
		return;
	}
	if (unlikely(smp_load_acquire(&q->gate) != gate)) {
		lab_tag_put(rq);
		submit_slow(q, bio);
		return;
	}
	if (unlikely(!bio_is_aligned(bio, &q->limits) || !lab_bio_is_one_segment(bio, &q->limits) ||
		     op_is_flush(bio->bi_opf))) {
		submit_tagged(q, rq, bio);
		return;
	}
	request_init(rq, bio, 1);
	issue_or_leave(rq);
}
