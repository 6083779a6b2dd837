/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace/events/block.h - the tracepoints of the block layer, at the places where Linux 6.1 has them, with its names and
 * arguments. What they mean to blkparse(1) is said in blkevent.h; blk-trace.c makes the events.
 *
 * Drivers that send a bio on to another device call trace_block_bio_remap() before they do.
 */
#ifndef _TRACE_EVENTS_BLOCK_H
#define _TRACE_EVENTS_BLOCK_H

#include <kc/blktrace.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>

void lab_trace_bio(struct bio *bio, char action, u64 other);
void lab_trace_bio_queue(struct bio *bio);
void lab_trace_bio_complete(struct bio *bio);
void lab_trace_bio_remap(struct bio *bio, dev_t dev, sector_t from);
void lab_trace_queue(struct request_queue *q, char action, unsigned int depth);
void lab_trace_rq(struct request *rq, char action, blk_status_t error, unsigned int nr_bytes);

/* @bio has come to its device. Not again for what is left of it after a split, nor below when it is sent on. */
static inline void trace_block_bio_queue(struct bio *bio)
{
	if (kc_blktrace_on())
		lab_trace_bio_queue(bio);
}

/* @bio, which came in at @q, has ended, and no request's end has told of it. */
static inline void trace_block_bio_complete(struct request_queue *q, struct bio *bio)
{
	if (kc_blktrace_on())
		lab_trace_bio_complete(bio);
}

static inline void trace_block_bio_backmerge(struct bio *bio)
{
	if (kc_blktrace_on())
		lab_trace_bio(bio, 'M', 0);
}

static inline void trace_block_bio_frontmerge(struct bio *bio)
{
	if (kc_blktrace_on())
		lab_trace_bio(bio, 'F', 0);
}

/* @bio has got a request. */
static inline void trace_block_getrq(struct bio *bio)
{
	if (kc_blktrace_on())
		lab_trace_bio(bio, 'G', 0);
}

/* @bio is the front that was cut off, the rest begins at @new_sector. */
static inline void trace_block_split(struct bio *bio, unsigned int new_sector)
{
	if (kc_blktrace_on())
		lab_trace_bio(bio, 'X', new_sector);
}

/* @bio, which was for @from of @dev, is for where it points now. */
static inline void trace_block_bio_remap(struct bio *bio, dev_t dev, sector_t from)
{
	if (kc_blktrace_on())
		lab_trace_bio_remap(bio, dev, from);
}

/* The first request for @q has gone into an empty plug. */
static inline void trace_block_plug(struct request_queue *q)
{
	if (kc_blktrace_on())
		lab_trace_queue(q, 'P', 0);
}

/* @depth requests leave the plug; @explicit: as in Linux, and not looked at here. */
static inline void trace_block_unplug(struct request_queue *q, unsigned int depth, bool explicit)
{
	if (kc_blktrace_on())
		lab_trace_queue(q, 'U', depth);
}

/* @rq is left to a worker. */
static inline void trace_block_rq_insert(struct request *rq)
{
	if (kc_blktrace_on())
		lab_trace_rq(rq, 'I', BLK_STS_OK, blk_rq_bytes(rq));
}

static inline void trace_block_rq_issue(struct request *rq)
{
	if (kc_blktrace_on())
		lab_trace_rq(rq, 'D', BLK_STS_OK, blk_rq_bytes(rq));
}

/* The driver would not take @rq now. */
static inline void trace_block_rq_requeue(struct request *rq)
{
	if (kc_blktrace_on())
		lab_trace_rq(rq, 'R', BLK_STS_OK, blk_rq_bytes(rq));
}

/* The first @nr_bytes of what is left of @rq are done. */
static inline void trace_block_rq_complete(struct request *rq, blk_status_t error, unsigned int nr_bytes)
{
	if (kc_blktrace_on())
		lab_trace_rq(rq, 'C', error, nr_bytes);
}

#endif
