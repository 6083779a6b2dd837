// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-trace.c - block events from bios and requests, while somebody listens.
 *
 * A bio is told of once where it comes in, and once where it ends. bi_lab_traced is the mark between the two: it keeps a bio
 * that is sent on to a lower device from being queued twice, and is taken off by the end of the request that carries the
 * bio, which tells of all its bios at once.
 *
 * Source: kernel/trace/blktrace.c and the places of the tracepoints in block/ of Linux 6.1; the rules, not the text.
 */
#include <trace/events/block.h>
#include "blk.h"

static unsigned short event_flags(blk_opf_t opf)
{
	unsigned short flags = op_is_write(opf) ? LAB_BE_WRITE : 0;

	flags |= opf & REQ_SYNC ? LAB_BE_SYNC : 0;
	flags |= opf & REQ_META ? LAB_BE_META : 0;
	flags |= opf & REQ_RAHEAD ? LAB_BE_AHEAD : 0;
	flags |= opf & REQ_FUA ? LAB_BE_FUA : 0;
	flags |= opf & REQ_PREFLUSH || (opf & REQ_OP_MASK) == REQ_OP_FLUSH ? LAB_BE_FLUSH : 0;
	flags |= (opf & REQ_OP_MASK) == REQ_OP_DISCARD ? LAB_BE_DISCARD : 0;
	return flags;
}

static struct lab_blkevent bio_event(const struct bio *bio, char action)
{
	return (struct lab_blkevent) {
		.action = action,
		.dev = disk_devt(bio->bi_bdev->bd_disk),
		.sector = bio->bi_iter.bi_sector,
		.len_bytes = bio->bi_iter.bi_size,
		.flags = event_flags(bio->bi_opf),
	};
}

/**
 * lab_trace_bio - an event of @bio as it stands
 * @action: 'G', 'M', 'F', 'X' … as blkevent.h names them
 * @other: of 'X': the sector at which the rest begins; else 0
 *
 * Context of all in this file: any; somebody listens.
 */
void lab_trace_bio(struct bio *bio, char action, u64 other)
{
	struct lab_blkevent ev = bio_event(bio, action);

	ev.other = other;
	kc_blktrace_add(&ev);
}

/** lab_trace_bio_queue - 'Q', unless it has been told of @bio already. Context: any; somebody listens. */
void lab_trace_bio_queue(struct bio *bio)
{
	if (bio->bi_lab_traced)
		return;
	lab_trace_bio(bio, 'Q', 0);
	bio->bi_lab_traced = 1;
}

/** lab_trace_bio_complete - 'C' of @bio, with its bi_status; the next 'Q' counts. Context: any; somebody listens. */
void lab_trace_bio_complete(struct bio *bio)
{
	struct lab_blkevent ev = bio_event(bio, 'C');

	ev.error = blk_status_to_errno(bio->bi_status);
	kc_blktrace_add(&ev);
	bio->bi_lab_traced = 0;
}

/** lab_trace_bio_remap - 'A': @bio was for sector @from (512 bytes) of @dev. Context: any; somebody listens. */
void lab_trace_bio_remap(struct bio *bio, dev_t dev, sector_t from)
{
	struct lab_blkevent ev = bio_event(bio, 'A');

	ev.other = from;
	ev.other_dev = dev;
	kc_blktrace_add(&ev);
}

/** lab_trace_queue - 'P' or 'U' (@action) of @q with @depth requests; 'P': 0. Context: any; somebody listens. */
void lab_trace_queue(struct request_queue *q, char action, unsigned int depth)
{
	struct lab_blkevent ev = {
		.action = action,
		.dev = disk_devt(q->disk),
		.other = depth,
	};

	kc_blktrace_add(&ev);
}

/**
 * lab_trace_rq - an event of @rq
 * @action: 'I', 'D', 'R', 'C'; 'C' speaks for all bios of the request, even if not all end now
 * @error: BLK_STS_OK but for 'C'
 * @nr_bytes: what it is about, from the request's position on
 *
 * Context: any; somebody listens.
 */
void lab_trace_rq(struct request *rq, char action, blk_status_t error, unsigned int nr_bytes)
{
	struct lab_blkevent ev = {
		.action = action,
		.dev = disk_devt(rq->q->disk),
		.sector = blk_rq_pos(rq),
		.len_bytes = nr_bytes,
		.flags = event_flags(rq->cmd_flags),
		.error = blk_status_to_errno(error),
	};
	struct bio *bio;

	kc_blktrace_add(&ev);
	if (action != 'C')
		return;
	for (bio = rq->bio; bio; bio = bio->bi_next)
		bio->bi_lab_traced = 0;
}
