/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk-mq.h - request queues: tags, requests, drivers.
 *
 * A tag set belongs to one queue, and the queue has one hardware context. A request exists for each tag
 * from the start, with the driver's cmd_size bytes behind it, so that taking a tag is all the allocation
 * an IO needs; its tag is also its reference on the queue. What is in flight is bounded by the tags: who
 * finds none sleeps (io_schedule()) or, with REQ_NOWAIT, gets BLK_STS_AGAIN.
 *
 * The driver: queue_rq() begins with blk_mq_start_request() and ends later, in the completion, with
 * blk_mq_end_request(). It takes no bio apart; rq_for_each_bvec() shows the memory.
 *
 * Names and prototypes as in Linux 6.1.
 */
#ifndef _LINUX_BLK_MQ_H
#define _LINUX_BLK_MQ_H

#include <linux/types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/wait.h>
#include <linux/blkdev.h>

#define BLK_MQ_MAX_DEPTH	1024	/* tags of one set */
#define BLK_MQ_NO_TAG		(-1)

/* tag_set->flags */
#define BLK_MQ_F_SHOULD_MERGE	(1u << 0)	/* bios may be merged into requests */
#define BLK_MQ_F_BLOCKING	(1u << 5)	/* queue_rq() may sleep: never called from a completion */

enum mq_rq_state { MQ_RQ_IDLE, MQ_RQ_IN_FLIGHT, MQ_RQ_COMPLETE };

typedef __u32 __bitwise req_flags_t;
/* rq_flags */
#define RQF_STARTED		((__force req_flags_t)(1u << 1))
#define RQF_FLUSH_SEQ		((__force req_flags_t)(1u << 4))	/* goes through blk-flush.c */

typedef void (rq_end_io_fn)(struct request *rq, blk_status_t status);

/**
 * struct request - what a driver is given: bios that are contiguous on the device
 * @cmd_flags: REQ_OP_* and flags
 * @tag: index in the set; BLK_MQ_NO_TAG for a queue's own flush request
 * @__sector, @__data_len: what is left, 512-byte units and bytes
 * @nr_phys_segments: by the rules of the queue's limits
 * @ioprio: of each of its bios
 * @bio, @biotail: the bios, by bi_next
 * @rq_next: in a plug or in a list of flushes
 * @queuelist: in hctx->dispatch
 * @flush: state of blk-flush.c
 */
struct request {
	struct request_queue *q;
	struct blk_mq_hw_ctx *mq_hctx;
	blk_opf_t cmd_flags;
	req_flags_t rq_flags;
	int tag;
	unsigned int __data_len;
	sector_t __sector;
	struct bio *bio;
	struct bio *biotail;
	union {
		struct request *rq_next;
		struct list_head queuelist;
	};
	unsigned short nr_phys_segments;
	unsigned short ioprio;
	u8 state;			/* enum mq_rq_state */
	struct {
		u8 seq;			/* steps done */
		blk_status_t status;	/* first error */
	} flush;
	rq_end_io_fn *end_io;
	unsigned long tag_mask;		/* the tag's bit and word, fixed */
	unsigned long *tag_word;
};

/**
 * struct blk_mq_queue_data - argument of queue_rq()
 * @last: no further request follows at once: tell the device now. When @last was false,
 *	commit_rqs() or another queue_rq() follows
 */
struct blk_mq_queue_data {
	struct request *rq;
	bool last;
};

/**
 * struct blk_mq_ops - a driver
 * @queue_rq: start @bd->rq. BLK_STS_OK: taken. BLK_STS_RESOURCE, BLK_STS_DEV_RESOURCE: not now, it
 *	is tried again. Anything else: the request ends with it. May be called from a completion unless
 *	BLK_MQ_F_BLOCKING
 * @commit_rqs: tell the device about what was queued with last == false; may be NULL
 * @complete: blk_mq_complete_request() ends here; NULL: blk_mq_end_request() with OK
 * @init_request: once for each request at blk_mq_alloc_tag_set(); may be NULL
 */
struct blk_mq_ops {
	blk_status_t (*queue_rq)(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd);
	void (*commit_rqs)(struct blk_mq_hw_ctx *hctx);
	void (*complete)(struct request *rq);
	int (*init_request)(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx,
			    unsigned int numa_node);
	void (*exit_request)(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx);
};

/**
 * struct blk_mq_tag_set - filled by the driver before blk_mq_alloc_tag_set()
 * @nr_hw_queues: 1
 * @queue_depth: tags, 1 … BLK_MQ_MAX_DEPTH
 * @cmd_size: driver bytes behind each request
 */
struct blk_mq_tag_set {
	const struct blk_mq_ops *ops;
	unsigned int nr_hw_queues;
	unsigned int queue_depth;
	unsigned int cmd_size;
	int numa_node;
	unsigned int flags;
	void *driver_data;
	struct blk_mq_tags *tags;
	struct request_queue *lab_queue;	/* the one that uses it */
};

/**
 * struct blk_mq_hw_ctx - the way from a queue to its driver
 * @dispatch: requests the driver would not take yet, and those that a completion may not send
 *	itself; under @lock
 * @run_work: sends them from a worker, of @run_wq: kblockd, or, since a driver that sleeps or submits below may there
 *	wait for another one's work, a queue of its own
 */
struct blk_mq_hw_ctx {
	struct request_queue *queue;
	struct blk_mq_tags *tags;
	void *driver_data;
	unsigned int flags;
	spinlock_t lock;
	struct list_head dispatch;
	unsigned int nr_dispatch;
	struct work_struct run_work;
	struct workqueue_struct *run_wq;
};

int blk_mq_alloc_tag_set(struct blk_mq_tag_set *set);
void blk_mq_free_tag_set(struct blk_mq_tag_set *set);
struct gendisk *blk_mq_alloc_disk(struct blk_mq_tag_set *set, void *queuedata);

void blk_mq_start_request(struct request *rq);
void blk_mq_complete_request(struct request *rq);
void blk_mq_end_request(struct request *rq, blk_status_t status);
bool blk_update_request(struct request *rq, blk_status_t status, unsigned int nr_bytes);
void __blk_mq_end_request(struct request *rq, blk_status_t status);
void blk_mq_run_hw_queue(struct blk_mq_hw_ctx *hctx, bool async);

void blk_mq_freeze_queue(struct request_queue *q);
void blk_mq_unfreeze_queue(struct request_queue *q);
unsigned int lab_mq_tags_used(const struct request_queue *q);

static inline void *blk_mq_rq_to_pdu(struct request *rq)
{
	return rq + 1;
}

static inline struct request *blk_mq_rq_from_pdu(void *pdu)
{
	return (struct request *)pdu - 1;
}

static inline enum req_op req_op(const struct request *rq)
{
	return (enum req_op)(rq->cmd_flags & REQ_OP_MASK);
}

#define rq_data_dir(rq)		(op_is_write((rq)->cmd_flags) ? WRITE : READ)

static inline sector_t blk_rq_pos(const struct request *rq)
{
	return rq->__sector;
}

static inline unsigned short req_get_ioprio(const struct request *rq)
{
	return rq->ioprio;
}

static inline unsigned int blk_rq_bytes(const struct request *rq)
{
	return rq->__data_len;
}

static inline unsigned int blk_rq_sectors(const struct request *rq)
{
	return rq->__data_len >> SECTOR_SHIFT;
}

/* Elements that the memory of @rq has at most (each at most max_segment_size); 0 without data. */
static inline unsigned short blk_rq_nr_phys_segments(const struct request *rq)
{
	return rq->nr_phys_segments;
}

struct req_iterator {
	struct bvec_iter iter;
	struct bio *bio;
};

#define __rq_for_each_bio(_bio, rq)								\
	for (_bio = (rq)->bio; _bio; _bio = _bio->bi_next)

/* Pieces of at most one page; bvl a struct bio_vec, iter a struct req_iterator. */
#define rq_for_each_segment(bvl, rq, iter_)							\
	__rq_for_each_bio((iter_).bio, (rq))							\
		bio_for_each_segment(bvl, (iter_).bio, (iter_).iter)

/* Whole elements, which may be longer than max_segment_size. */
#define rq_for_each_bvec(bvl, rq, iter_)							\
	__rq_for_each_bio((iter_).bio, (rq))							\
		bio_for_each_bvec(bvl, (iter_).bio, (iter_).iter)

#endif
