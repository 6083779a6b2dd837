/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blkdev.h - disks, queues, limits, submission, plugging.
 *
 * Two kinds of disk: one whose block_device_operations have ->submit_bio (filters, loop with loopq=bio)
 * and one with a request queue (blk-mq.h). Names and prototypes as in Linux 6.1; ours are lab_*.
 */
#ifndef _LINUX_BLKDEV_H
#define _LINUX_BLKDEV_H

#include <linux/types.h>
#include <linux/bitops.h>
#include <linux/sched.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/log2.h>
#include <linux/blk_types.h>
#include <linux/bio.h>
#include "blkevent.h"

struct blk_flush_queue;
struct blk_mq_hw_ctx;
struct blk_mq_ops;
struct blk_mq_tag_set;
struct blk_mq_tags;
struct request;

#define DISK_NAME_LEN		32
#define BLOCK_EXT_MAJOR		259
#define LOOP_MAJOR		7
#define NUMA_NO_NODE		(-1)

#define BLK_SAFE_MAX_SECTORS	255		/* until a driver says more */
#ifndef BLK_DEF_MAX_SECTORS
#define BLK_DEF_MAX_SECTORS	2560		/* 1280 KiB: what the core uses of a larger hardware limit */
#endif
#define BLK_MAX_SEGMENTS	128
#define BLK_MAX_SEGMENT_SIZE	65536		/* bytes */
#ifndef BLK_MAX_REQUEST_COUNT
#define BLK_MAX_REQUEST_COUNT	32		/* requests in a plug before it is flushed */
#endif
#define BLK_PLUG_FLUSH_SIZE	(128 * 1024)	/* bytes in one request before the plug is flushed */
#define BLK_USAGE_SHARDS	16		/* counters of one queue's submitters in ->submit_bio */

/**
 * struct queue_limits - what a queue takes in one request or bio
 * @max_hw_sectors: the device's (512-byte units); @max_sectors: the effective one, at most that
 * @max_segment_size: bytes; a longer physically contiguous run is several segments
 * @virt_boundary_mask: 0 or 2^n - 1: between two segments there may be no gap that is not on such a
 *	boundary
 * @logical_block_size: bytes; positions and lengths are multiples of it
 * @dma_alignment: mask; of memory addresses
 * @max_segments: of one request
 * @lab_one_segment_bytes: derived: what is in one segment and not longer needs no split
 */
struct queue_limits {
	unsigned long virt_boundary_mask;
	unsigned int max_hw_sectors;
	unsigned int max_sectors;
	unsigned int max_segment_size;
	unsigned int logical_block_size;
	unsigned int dma_alignment;
	unsigned int max_discard_sectors;
	unsigned int max_write_zeroes_sectors;
	unsigned int lab_one_segment_bytes;
	unsigned short max_segments;
};

/* queue_flags, bit numbers. Set before add_disk() or with the queue frozen. */
#define QUEUE_FLAG_DYING	1	/* del_gendisk(): new bios end with BLK_STS_IOERR */
#define QUEUE_FLAG_NOMERGES	3
#define QUEUE_FLAG_POLL		16	/* bio_poll() finds what this queue completes */
#define QUEUE_FLAG_WC		17	/* there is a volatile write cache: flushes mean something */
#define QUEUE_FLAG_FUA		18	/* the driver takes REQ_FUA */

/**
 * struct bvec_merge_data - a bio as a merge_bvec_fn is shown it: what there is before a piece is added
 * @bi_bdev, @bi_sector: where it begins
 * @bi_size: bytes so far
 * @bi_rw: its bi_opf
 */
struct bvec_merge_data {
	struct block_device *bi_bdev;
	sector_t bi_sector;
	unsigned int bi_size;
	unsigned long bi_rw;
};

/*
 * The old rule only: how many bytes of @bvec may follow @bvm? A device must take what lies in one page as the
 * first piece of a bio, wherever that is. Context: of bio_add_page().
 */
typedef int (merge_bvec_fn)(struct request_queue *q, struct bvec_merge_data *bvm, struct bio_vec *bvec);

struct lab_usage_shard {
	atomic_t count;
	u8 pad[60];		/* one to a cache line, whatever the alignment of the whole */
};

/**
 * struct request_queue - one device's queue
 * @gate: even: open; odd: frozen. On a blk-mq queue a tag is the reference: who takes one compares
 *	@gate before and after, and looks at @limits then
 * @usage: submitters inside ->submit_bio, the reference on the other queues
 * @merge_bvec_fn: asked under the old rule on bios (bio-rule.c); NULL: no limits but @limits
 * @freeze_depth: nested freezes, under @freeze_lock
 * @usage_lock: leaving while frozen
 */
struct request_queue {
	unsigned int gate;
	unsigned long queue_flags;
	const struct blk_mq_ops *mq_ops;
	struct blk_mq_hw_ctx *hctx;
	struct gendisk *disk;
	void *queuedata;
	struct queue_limits limits;

	struct blk_mq_tag_set *tag_set;
	struct blk_flush_queue *fq;
	merge_bvec_fn *merge_bvec_fn;

	struct mutex freeze_lock;
	unsigned int freeze_depth;
	wait_queue_head_t freeze_wq;
	spinlock_t usage_lock;
	struct lab_usage_shard usage[BLK_USAGE_SHARDS];
};

#define blk_queue_flag(q, bit)		test_bit(bit, &(q)->queue_flags)
#define blk_queue_dying(q)		blk_queue_flag(q, QUEUE_FLAG_DYING)
#define blk_queue_nomerges(q)		blk_queue_flag(q, QUEUE_FLAG_NOMERGES)
#define blk_queue_poll(q)		blk_queue_flag(q, QUEUE_FLAG_POLL)
#define blk_queue_wc(q)			blk_queue_flag(q, QUEUE_FLAG_WC)
#define blk_queue_fua(q)		blk_queue_flag(q, QUEUE_FLAG_FUA)
void blk_queue_flag_set(unsigned int flag, struct request_queue *q);
void blk_queue_flag_clear(unsigned int flag, struct request_queue *q);

/**
 * struct block_device_operations - of a disk without a request queue
 * @submit_bio: take one bio. Task context. What it submits below runs after it has returned; it may
 *	not wait for that
 */
struct block_device_operations {
	void (*submit_bio)(struct bio *bio);
};

/**
 * struct gendisk - a disk
 * @major: 0: BLOCK_EXT_MAJOR; @first_minor: given by add_disk(). What a trace calls it
 * @part0: its block device
 * @bio_split: where bio_split_to_limits() allocates
 * @lab_scope: on whose account ->submit_bio, queue_rq and the completion of requests run; LAB_LOWER
 *	unless set
 * @lab_stacking: its driver submits bios below. It must not wait while it does (kc_nowait_begin()), and
 *	what it submits from queue_rq is sent down after queue_rq has returned
 */
struct gendisk {
	int major, first_minor;
	char disk_name[DISK_NAME_LEN];
	struct block_device *part0;
	const struct block_device_operations *fops;
	struct request_queue *queue;
	void *private_data;
	struct bio_set bio_split;
	enum lab_scope lab_scope;
	bool lab_stacking;
	bool lab_added;
	struct block_device lab_part0;
	struct request_queue lab_queue;
};

struct gendisk *blk_alloc_disk(int node_id);
int device_add_disk(void *parent, struct gendisk *disk, const void *groups);
static inline int add_disk(struct gendisk *disk)
{
	return device_add_disk(NULL, disk, NULL);
}
void del_gendisk(struct gendisk *disk);
void put_disk(struct gendisk *disk);
void set_capacity(struct gendisk *disk, sector_t sectors);
void set_disk_ro(struct gendisk *disk, bool read_only);

static inline dev_t disk_devt(const struct gendisk *disk)
{
	return LAB_BE_DEV(disk->major, disk->first_minor);
}

static inline struct request_queue *bdev_get_queue(const struct block_device *bdev)
{
	return bdev->bd_queue;
}

static inline sector_t bdev_nr_sectors(const struct block_device *bdev)
{
	return READ_ONCE(bdev->bd_nr_sectors);
}

static inline loff_t bdev_nr_bytes(const struct block_device *bdev)
{
	return (loff_t)bdev_nr_sectors(bdev) << SECTOR_SHIFT;
}

static inline sector_t get_capacity(struct gendisk *disk)
{
	return bdev_nr_sectors(disk->part0);
}

static inline bool bdev_read_only(const struct block_device *bdev)
{
	return READ_ONCE(bdev->bd_read_only);
}

/* ---- limits ----------------------------------------------------------------------- */

void blk_set_default_limits(struct queue_limits *lim);
void blk_set_stacking_limits(struct queue_limits *lim);
int blk_stack_limits(struct queue_limits *t, struct queue_limits *b, sector_t start);
void disk_stack_limits(struct gendisk *disk, struct block_device *bdev, sector_t offset_bytes);

/* Before add_disk(), or between blk_mq_freeze_queue() and its unfreeze. */
void blk_queue_max_hw_sectors(struct request_queue *q, unsigned int sectors);
void blk_queue_max_segments(struct request_queue *q, unsigned short segments);
void blk_queue_max_segment_size(struct request_queue *q, unsigned int bytes);
void blk_queue_logical_block_size(struct request_queue *q, unsigned int bytes);
void blk_queue_virt_boundary(struct request_queue *q, unsigned long mask);
void blk_queue_dma_alignment(struct request_queue *q, int mask);
void blk_queue_max_discard_sectors(struct request_queue *q, unsigned int sectors);
void blk_queue_max_write_zeroes_sectors(struct request_queue *q, unsigned int sectors);
void blk_queue_merge_bvec(struct request_queue *q, merge_bvec_fn *fn);
void blk_queue_write_cache(struct request_queue *q, bool wc, bool fua);

static inline unsigned int queue_max_sectors(const struct request_queue *q)
{
	return q->limits.max_sectors;
}

static inline unsigned int queue_max_hw_sectors(const struct request_queue *q)
{
	return q->limits.max_hw_sectors;
}

static inline unsigned short queue_max_segments(const struct request_queue *q)
{
	return q->limits.max_segments;
}

static inline unsigned int queue_max_segment_size(const struct request_queue *q)
{
	return q->limits.max_segment_size;
}

static inline unsigned long queue_virt_boundary(const struct request_queue *q)
{
	return q->limits.virt_boundary_mask;
}

static inline unsigned int queue_logical_block_size(const struct request_queue *q)
{
	return q->limits.logical_block_size;
}

static inline unsigned int bdev_logical_block_size(struct block_device *bdev)
{
	return queue_logical_block_size(bdev_get_queue(bdev));
}

static inline unsigned int bdev_max_segments(struct block_device *bdev)
{
	return queue_max_segments(bdev_get_queue(bdev));
}

/* Mask of what memory addresses must be aligned to. */
static inline unsigned int bdev_dma_alignment(struct block_device *bdev)
{
	return bdev_get_queue(bdev)->limits.dma_alignment;
}

static inline bool bdev_write_cache(struct block_device *bdev)
{
	return blk_queue_wc(bdev_get_queue(bdev));
}

static inline bool bdev_fua(struct block_device *bdev)
{
	return blk_queue_fua(bdev_get_queue(bdev));
}

static inline unsigned int bdev_max_discard_sectors(struct block_device *bdev)
{
	return bdev_get_queue(bdev)->limits.max_discard_sectors;
}

static inline unsigned int bdev_write_zeroes_sectors(struct block_device *bdev)
{
	return bdev_get_queue(bdev)->limits.max_write_zeroes_sectors;
}

/* Is what is left of @bio one segment by the rules of @lim? */
static inline bool lab_bio_is_one_segment(const struct bio *bio, const struct queue_limits *lim)
{
	const struct bvec_iter *it = &bio->bi_iter;

	return (bio->bi_opf & REQ_OP_MASK) <= REQ_OP_WRITE && it->bi_size &&
	       it->bi_size <= lim->lab_one_segment_bytes &&
	       it->bi_size + it->bi_bvec_done <= bio->bi_io_vec[it->bi_idx].bv_len;
}

struct bio *lab_split_to_limits(struct bio *bio, gfp_t gfp);

/**
 * bio_split_to_limits - the front of @bio that its disk's queue takes
 *
 * For ->submit_bio of drivers whose limits bind; a stacking one, which may not wait, has lab_loopdev_fit(). Returns @bio, or a front of it whose rest has been
 * submitted again, or NULL when the bio has been ended (REQ_NOWAIT, impossible limits, the old rule).
 * Context: task, under ->submit_bio.
 */
static inline struct bio *bio_split_to_limits(struct bio *bio)
{
	if (likely(lab_bio_is_one_segment(bio, &bdev_get_queue(bio->bi_bdev)->limits)))
		return bio;
	return lab_split_to_limits(bio, GFP_NOIO);
}

struct bio *lab_split_submit(struct bio *bio, unsigned int sectors, struct bio_set *bs);
struct bio *bio_split_rw(struct bio *bio, const struct queue_limits *lim, unsigned int *nr_segs,
			 struct bio_set *bs, unsigned int max_bytes);

/* ---- submission -------------------------------------------------------------------- */

void submit_bio(struct bio *bio);
void submit_bio_noacct(struct bio *bio);

struct io_comp_batch;			/* of 6.1's bio_poll(); there is none here */
#define BLK_POLL_ONESHOT	(1 << 0)	/* look once; here that is all a poll ever does */
#define BLK_POLL_NOSLEEP	(1 << 1)	/* nor does it sleep */
int bio_poll(struct bio *bio, struct io_comp_batch *iob, unsigned int flags);
bool lab_bio_poll_turn(struct bio *bio);

int blkdev_issue_flush(struct block_device *bdev);
int blkdev_issue_discard(struct block_device *bdev, sector_t sector, sector_t nr_sects, gfp_t gfp);
#define BLKDEV_ZERO_NOUNMAP	(1 << 0)	/* keep the blocks allocated */
#define BLKDEV_ZERO_NOFALLBACK	(1 << 1)	/* -EOPNOTSUPP rather than write zeros */
int blkdev_issue_zeroout(struct block_device *bdev, sector_t sector, sector_t nr_sects, gfp_t gfp,
			 unsigned int flags);

/* ---- plugging ---------------------------------------------------------------------- */

/**
 * struct blk_plug - requests held back by a task that is about to submit more
 *
 * On the submitter's stack. Flushed when it ends, when it is full, and whenever its task sleeps.
 */
struct blk_plug {
	struct request *mq_head, *mq_tail;	/* oldest first, by rq_next */
	unsigned short rq_count;
	bool multiple_queues;
};

void blk_start_plug(struct blk_plug *plug);
void blk_finish_plug(struct blk_plug *plug);
void __blk_flush_plug(struct blk_plug *plug, bool from_schedule);

/* Send down what @plug holds. Task context; @from_schedule: the caller is about to sleep. */
static inline void blk_flush_plug(struct blk_plug *plug, bool from_schedule)
{
	if (plug && plug->mq_head)
		__blk_flush_plug(plug, from_schedule);
}

#endif
