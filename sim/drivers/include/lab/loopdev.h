/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab/loopdev.h - what every loop driver needs and no idea about direct IO touches: a disk with limits and a
 * capacity, a count of what is in flight, a worker, and a place for bios that found no memory.
 *
 * A design embeds a struct lab_loopdev in its loop device and keeps what is its own: the file, its commands,
 * and what it does with a bio or request. Nothing here knows what a file is: sizes are given in bytes.
 *
 *	lab_loopdev_add() → bios or requests → lab_loopdev_del()
 *	lab_loopdev_freeze() … lab_loopdev_thaw() around a change of what is below
 *
 * In flight. A bio-based driver says lab_loopdev_get() inside ->submit_bio and lab_loopdev_put() when the bio
 * has ended; a request is counted by its tag. So a frozen device has neither a task inside nor an IO below.
 */
#ifndef _LAB_LOOPDEV_H
#define _LAB_LOOPDEV_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <kc/plant.h>
#include <kc/probe.h>
#include <lab/loop-opts.h>

#define LAB_LOOP_SHARDS		8	/* counters of what is in flight: tasks seldom share a line */
#define LAB_LOOP_QUEUE_DEPTH	128	/* tags, as in Linux 6.1 */
#define LAB_LOOP_MAX_ACTIVE	4	/* works of one device that wait at once */
#define LAB_LOOP_MAX_NESTED_ENDS 4	/* loop devices whose IO ends on one stack, inside each other */

struct lab_loopdev;

/**
 * struct lab_loopdev_ops - the driver's side
 * @fops: a disk that takes bios; else NULL
 * @mq_ops: a disk with a request queue; else NULL
 * @cmd_bytes: driver data of a request
 * @max_segments: of a request; 0: no limit
 * @starved: a bio from lab_loopdev_starve(), which fits the queue: now wait for what it lacks. Worker, may sleep
 */
struct lab_loopdev_ops {
	const struct block_device_operations *fops;
	const struct blk_mq_ops *mq_ops;
	unsigned int cmd_bytes;
	unsigned short max_segments;
	void (*starved)(struct lab_loopdev *dev, struct bio *bio);
};

/* Starts at 1, which a freeze takes away; who makes it 0 says so. */
struct lab_loop_shard {
	atomic_t count;
} ____cacheline_aligned;

/**
 * struct lab_loopdev - a loop device without its file
 * @offset_bytes: of the device in the file
 * @size_bytes: the most that is shown; 0: all
 * @wq: for what may wait, but not for a thaw of the file's filesystem
 * @thaw_wq: for that, and only to begin on @wq then: a freeze waits for writes that have begun, and if one of them
 *	stood in @wq behind others that wait for the thaw, for ever
 * @starved_wq: of a device with a request queue: for requests that have to wait for the driver's memory, one at a time.
 *	On @wq they would take every worker from those that have it, and stand behind them to give it back
 * @starved: bios that found no memory, under @starved_lock
 * @frozen: lab_loopdev_freeze() without its thaw
 * @drained: completed once for each of @inflight that becomes 0
 */
struct lab_loopdev {
	const struct lab_loopdev_ops *ops;
	struct gendisk *disk;
	u64 offset_bytes, size_bytes;
	unsigned int block_bytes;
	bool read_only, frozen;
	struct workqueue_struct *wq, *thaw_wq, *starved_wq;
	struct blk_mq_tag_set tag_set;
	spinlock_t starved_lock;
	struct bio_list starved;
	struct work_struct starved_work;
	struct completion drained;
	struct lab_loop_shard inflight[LAB_LOOP_SHARDS];
};

int lab_loopdev_add(struct lab_loopdev *dev, const struct lab_loopdev_ops *ops, const struct lab_loop_opts *opts,
		    struct block_device *lower, u64 file_bytes, void *driver_data);
void lab_loopdev_del(struct lab_loopdev *dev);
void lab_loopdev_freeze(struct lab_loopdev *dev);
void lab_loopdev_thaw(struct lab_loopdev *dev);
int lab_loopdev_set_lower(struct lab_loopdev *dev, struct block_device *lower, u64 file_bytes);
int lab_loopdev_set_capacity(struct lab_loopdev *dev, u64 file_bytes);
void lab_loopdev_starve(struct lab_loopdev *dev, struct bio *bio);
struct bio *lab_loopdev_cut(struct lab_loopdev *dev, struct bio *bio);

/*
 * bio_split_to_limits() without waiting: the front of @bio that the device's queue takes. NULL: it has been ended, or
 * waits for memory on the list of those that are starved. Context: ->submit_bio.
 */
static inline struct bio *lab_loopdev_fit(struct lab_loopdev *dev, struct bio *bio)
{
	if (likely(lab_bio_is_one_segment(bio, &bdev_get_queue(bio->bi_bdev)->limits)))
		return bio;
	return lab_loopdev_cut(dev, bio);
}

/* The running task's counter, for both of the next two. Context: any. */
static inline unsigned int lab_loopdev_shard(void)
{
	return (unsigned int)current->pid % LAB_LOOP_SHARDS;
}

/* One more bio in flight. Context: ->submit_bio. */
static inline void lab_loopdev_get(struct lab_loopdev *dev, unsigned int shard)
{
	atomic_inc(&dev->inflight[shard].count);
}

/* One less. Any context. @dev may be gone afterwards. */
static inline void lab_loopdev_put(struct lab_loopdev *dev, unsigned int shard)
{
	if (atomic_dec_and_test(&dev->inflight[shard].count))
		complete(&dev->drained);
}

/*
 * The end of an IO of a loop device runs inside the end of one of the device below. A driver at the top of
 * LAB_LOOP_MAX_NESTED_ENDS of them is told so here (H1), and goes on in its worker, whose stack is empty. False: go
 * on, and say lab_loopdev_end_done() afterwards. Context: any.
 */
static inline bool lab_loopdev_end_is_deep(void)
{
	if (unlikely(current->kc_end_depth >= LAB_LOOP_MAX_NESTED_ENDS) && !lab_planted(H1)) {
		lab_probe(PUNTS);
		return true;
	}
	current->kc_end_depth++;
	return false;
}

static inline void lab_loopdev_end_done(void)
{
	current->kc_end_depth--;
}

#endif
