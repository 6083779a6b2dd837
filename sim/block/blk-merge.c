// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-merge.c - a bio that continues a request of this task's plug joins it.
 *
 * Behind it or before it on the device, same operation, same priority, same flags that matter, and what
 * comes out must still be within the queue's limits. Only requests in a plug are looked at: there is no scheduler that
 * would hold others.
 *
 * Source: the rules of block/blk-merge.c of Linux 6.1.
 */
#include <trace/events/block.h>
#include "blk.h"

/*
 * Flags that two bios of one request may differ in. Not REQ_NOWAIT, unlike Linux: a driver that looks at it in the
 * request, as a loop device does that tries its file in the submitter's context, would refuse both bios, or let both wait.
 */
#define LAB_MERGE_IGNORE	(REQ_SYNC | REQ_IDLE | REQ_POLLED | REQ_RAHEAD | REQ_BACKGROUND)

static bool rq_takes_bio(const struct request *rq, const struct bio *bio)
{
	if ((bio->bi_opf & REQ_OP_MASK) > REQ_OP_WRITE || !bio->bi_iter.bi_size)
		return false;
	if ((rq->cmd_flags | bio->bi_opf) & REQ_NOMERGE_FLAGS)
		return false;
	return rq->ioprio == bio_prio(bio) && ((rq->cmd_flags ^ bio->bi_opf) & ~LAB_MERGE_IGNORE) == 0;
}

/* The last element of what is left of @bio. */
static struct bio_vec bio_last_bvec(const struct bio *bio)
{
	struct bio_vec bv = { }, last = { };
	struct bvec_iter iter;

	bio_for_each_bvec(bv, bio, iter)
		last = bv;
	return last;
}

/*
 * May @second not follow @first, in a request that begins with @head, as memory goes? One that begins off the
 * boundary takes nobody.
 */
static bool bios_have_gap(const struct queue_limits *lim, const struct bio *head, const struct bio *first,
			  const struct bio *second)
{
	unsigned long mask = lim->virt_boundary_mask;
	struct bio_vec last;

	if (!mask)
		return false;
	last = bio_last_bvec(first);
	return (mp_bvec_iter_offset(head->bi_io_vec, head->bi_iter) & mask) || ((last.bv_offset + last.bv_len) & mask) ||
	       (mp_bvec_iter_offset(second->bi_io_vec, second->bi_iter) & mask);
}

static bool rq_has_room(const struct request *rq, const struct bio *bio, unsigned int nr_segs)
{
	const struct queue_limits *lim = &rq->q->limits;

	return blk_rq_sectors(rq) + bio_sectors(bio) <= lim->max_sectors &&
	       rq->nr_phys_segments + nr_segs <= lim->max_segments;
}

static void rq_grow(struct request *rq, struct bio *bio, unsigned int nr_segs)
{
	rq->__data_len += bio->bi_iter.bi_size;
	rq->nr_phys_segments += nr_segs;
	lab_probe(MERGES);
}

static bool rq_back_merge(struct request *rq, struct bio *bio, unsigned int nr_segs)
{
	if (blk_rq_pos(rq) + blk_rq_sectors(rq) != bio->bi_iter.bi_sector ||
	    bios_have_gap(&rq->q->limits, rq->bio, rq->biotail, bio))
		return false;
	trace_block_bio_backmerge(bio);
	rq->biotail->bi_next = bio;
	rq->biotail = bio;
	rq_grow(rq, bio, nr_segs);
	return true;
}

static bool rq_front_merge(struct request *rq, struct bio *bio, unsigned int nr_segs)
{
	if (bio_end_sector(bio) != blk_rq_pos(rq) || bios_have_gap(&rq->q->limits, bio, bio, rq->bio))
		return false;
	trace_block_bio_frontmerge(bio);
	bio->bi_next = rq->bio;
	rq->bio = bio;
	rq->__sector = bio->bi_iter.bi_sector;
	rq_grow(rq, bio, nr_segs);
	return true;
}

/** lab_plug_newest - the newest request for @q in @plug, the running task's; NULL: none. Context: task. */
struct request *lab_plug_newest(const struct blk_plug *plug, const struct request_queue *q)
{
	struct request *rq, *found = NULL;

	if (!plug->multiple_queues)
		return plug->mq_tail && plug->mq_tail->q == q ? plug->mq_tail : NULL;
	for (rq = plug->mq_head; rq; rq = rq->rq_next)
		if (rq->q == q)
			found = rq;
	return found;
}

/**
 * lab_rq_merge - let @bio join @rq, which is in the running task's plug
 * @nr_segs: of the bio, by the limits of the queue
 *
 * Behind it or before it. Context: task. Return: whether it did: it belongs to the request then.
 */
bool lab_rq_merge(struct request *rq, struct bio *bio, unsigned int nr_segs)
{
	if (blk_queue_nomerges(rq->q) || !rq_takes_bio(rq, bio) || !rq_has_room(rq, bio, nr_segs))
		return false;
	return rq_back_merge(rq, bio, nr_segs) || rq_front_merge(rq, bio, nr_segs);
}
