// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - block events from the kernel's own tracepoints, while somebody listens (`diolab trace -d upstream`).
 *
 * What an event means is the kernel's affair: here its arguments are only carried over. Tracepoints that count.c
 * watches too have both as listeners. The disk at the bottom has no number in the kernel, and is 8,0; the laboratory's
 * device below it tells of itself, as that of every design.
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/major.h>
#include <linux/tracepoint-defs.h>
#include "k.h"

static host_u32 event_dev(struct gendisk *disk)
{
	return LAB_BE_DEV(disk->major ?: SCSI_DISK0_MAJOR, disk->first_minor);
}

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

static void add_bio(struct bio *bio, char action, host_u64 other, host_u32 other_dev, int error)
{
	struct lab_blkevent ev = {
		.action = action, .dev = event_dev(bio->bi_bdev->bd_disk), .sector = bio->bi_iter.bi_sector,
		.len_bytes = bio->bi_iter.bi_size, .flags = event_flags(bio->bi_opf), .other = other,
		.other_dev = other_dev, .error = error,
	};

	upl_blkevent(&ev);
}

static void add_rq(struct request *rq, char action, blk_status_t error, unsigned int nr_bytes)
{
	bool flush = req_op(rq) == REQ_OP_FLUSH;
	struct lab_blkevent ev = {
		.action = action, .dev = event_dev(rq->q->disk), .sector = flush ? 0 : blk_rq_pos(rq),
		.len_bytes = flush ? 0 : nr_bytes, .flags = event_flags(rq->cmd_flags),
		.error = blk_status_to_errno(error),
	};

	upl_blkevent(&ev);
}

static void add_queue(struct request_queue *q, char action, unsigned int depth)
{
	struct lab_blkevent ev = { .action = action, .dev = event_dev(q->disk), .other = depth };

	upl_blkevent(&ev);
}

static void on_bio_queue(void *data, struct bio *bio) { add_bio(bio, 'Q', 0, 0, 0); }
static void on_backmerge(void *data, struct bio *bio) { add_bio(bio, 'M', 0, 0, 0); }
static void on_frontmerge(void *data, struct bio *bio) { add_bio(bio, 'F', 0, 0, 0); }
static void on_getrq(void *data, struct bio *bio) { add_bio(bio, 'G', 0, 0, 0); }
static void on_split(void *data, struct bio *bio, unsigned int new_sector) { add_bio(bio, 'X', new_sector, 0, 0); }

static void on_remap(void *data, struct bio *bio, dev_t dev, sector_t from)
{
	add_bio(bio, 'A', from, LAB_BE_DEV(MAJOR(dev), MINOR(dev)), 0);
}

static void on_bio_complete(void *data, struct request_queue *q, struct bio *bio)
{
	add_bio(bio, 'C', 0, 0, blk_status_to_errno(bio->bi_status));
}

static void on_insert(void *data, struct request *rq) { add_rq(rq, 'I', BLK_STS_OK, blk_rq_bytes(rq)); }
static void on_issue(void *data, struct request *rq) { add_rq(rq, 'D', BLK_STS_OK, blk_rq_bytes(rq)); }
static void on_requeue(void *data, struct request *rq) { add_rq(rq, 'R', BLK_STS_OK, blk_rq_bytes(rq)); }

static void on_rq_complete(void *data, struct request *rq, blk_status_t error, unsigned int nr_bytes)
{
	add_rq(rq, 'C', error, nr_bytes);
}

static void on_plug(void *data, struct request_queue *q) { add_queue(q, 'P', 0); }

static void on_unplug(void *data, struct request_queue *q, unsigned int depth, bool explicit)
{
	add_queue(q, 'U', depth);
}

#define TRACEPOINTS(X)									\
	X(bio_queue, on_bio_queue) X(bio_backmerge, on_backmerge) X(bio_frontmerge, on_frontmerge)	\
	X(getrq, on_getrq) X(split, on_split) X(bio_remap, on_remap) X(bio_complete, on_bio_complete)	\
	X(rq_insert, on_insert) X(rq_issue, on_issue) X(rq_requeue, on_requeue)	\
	X(rq_complete, on_rq_complete) X(plug, on_plug) X(unplug, on_unplug)

#define X(name, fn) extern struct tracepoint __tracepoint_block_##name;
TRACEPOINTS(X)
#undef X

/* One tracepoint: who listened before, and that with us behind it. */
struct listener {
	struct tracepoint *tp;
	void *fn;
	struct tracepoint_func *before, funcs[3];
};

static struct listener listeners[] = {
#define X(name, fn) { &__tracepoint_block_##name, fn },
	TRACEPOINTS(X)
#undef X
};

static void listen(struct listener *l)
{
	l->before = l->tp->funcs;
	l->funcs[0].func = l->fn;
	l->funcs[1].func = NULL;
	if (l->before) {
		l->funcs[0] = l->before[0];
		l->funcs[1].func = l->fn;
		l->funcs[2].func = NULL;
	}
	rcu_assign_pointer(l->tp->funcs, l->funcs);
	static_key_slow_inc(&l->tp->key);
}

static void unlisten(struct listener *l)
{
	static_key_slow_dec(&l->tp->key);
	rcu_assign_pointer(l->tp->funcs, l->before);
}

void upk_trace(int on)
{
	static bool is_on;
	unsigned int i;

	for (i = 0; is_on != !!on && i < ARRAY_SIZE(listeners); i++)
		(on ? listen : unlisten)(&listeners[i]);
	is_on = on;
}
